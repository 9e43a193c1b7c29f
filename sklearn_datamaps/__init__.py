"""Data maps (Dataset Cartography) for everyone who already works in scikit-learn."""

from sklearn_datamaps._apply_review import apply_review
from sklearn_datamaps._audit import LabelAudit
from sklearn_datamaps._audit_labels import audit_labels
from sklearn_datamaps._classifier import DataMapClassifier
from sklearn_datamaps._comparison import DataMapComparison
from sklearn_datamaps._coordinates_file import read_coordinates
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._display import DataMapDisplay
from sklearn_datamaps._dynamics import TrainingDynamics
from sklearn_datamaps._dynamics_files import read_training_dynamics
from sklearn_datamaps._repeats import stability
from sklearn_datamaps._sampler import DataMapSampler
from sklearn_datamaps._stages import Stages, stages_of
from sklearn_datamaps._trajectory_display import TrajectoryDisplay

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
