"""Data maps (Dataset Cartography) for everyone who already works in scikit-learn."""

from sklearn_datamaps._core.repeats import stability
from sklearn_datamaps._curation.apply_review import apply_review
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.audit_labels import audit_labels
from sklearn_datamaps._curation.sampler import DataMapSampler
from sklearn_datamaps._data_map import DataMap, TrainingDynamics
from sklearn_datamaps._io.cartography_coordinates import read_coordinates
from sklearn_datamaps._io.cartography_dynamics import read_training_dynamics
from sklearn_datamaps._learners.stages import Stages, stages_of
from sklearn_datamaps._training.classifier import DataMapClassifier
from sklearn_datamaps._views.comparison import DataMapComparison
from sklearn_datamaps._views.scatter import DataMapDisplay
from sklearn_datamaps._views.trajectories import TrajectoryDisplay

__version__ = "0.1.0"

__all__ = [
    "DataMap",
    "DataMapClassifier",
    "DataMapComparison",
    "DataMapDisplay",
    "DataMapSampler",
    "LabelAudit",
    "Stages",
    "TrainingDynamics",
    "TrajectoryDisplay",
    "apply_review",
    "audit_labels",
    "read_coordinates",
    "read_training_dynamics",
    "stability",
    "stages_of",
]
