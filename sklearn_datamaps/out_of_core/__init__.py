"""Text of any size to a matrix on disk, which is trained on without being loaded."""

from sklearn_datamaps.out_of_core.matrix import open_matrix
from sklearn_datamaps.out_of_core.rows import read_rows
from sklearn_datamaps.out_of_core.vectorize import vectorize_to_disk

__all__ = ["open_matrix", "read_rows", "vectorize_to_disk"]
