"""Data maps of data that are spread over a Dask cluster.

Needs the extra ``dask``: ``pip install "sklearn-datamaps[dask]"``.
"""

from sklearn_datamaps.dask.classifier import DataMapClassifier
from sklearn_datamaps.dask.vectorize import vectorize

__all__ = ["DataMapClassifier", "vectorize"]
