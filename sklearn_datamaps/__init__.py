"""Data maps (Dataset Cartography) for everyone who already works in scikit-learn."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn_datamaps._core.repeats import stability
    from sklearn_datamaps._curation.apply_review import apply_review
    from sklearn_datamaps._curation.audit import LabelAudit
    from sklearn_datamaps._curation.audit_labels import audit_labels
    from sklearn_datamaps._curation.explain import Explanation, explain_rows
    from sklearn_datamaps._curation.review_progress import ReviewProgress
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
    "Explanation",
    "LabelAudit",
    "ReviewProgress",
    "Stages",
    "TrainingDynamics",
    "TrajectoryDisplay",
    "apply_review",
    "audit_labels",
    "explain_rows",
    "read_coordinates",
    "read_training_dynamics",
    "stability",
    "stages_of",
]

# Loaded on first use (PEP 562): a command's help needs no scikit-learn.
_PUBLIC = {
    "DataMap": "_data_map",
    "DataMapClassifier": "_training.classifier",
    "DataMapComparison": "_views.comparison",
    "DataMapDisplay": "_views.scatter",
    "DataMapSampler": "_curation.sampler",
    "LabelAudit": "_curation.audit",
    "ReviewProgress": "_curation.review_progress",
    "Stages": "_learners.stages",
    "TrainingDynamics": "_data_map",
    "TrajectoryDisplay": "_views.trajectories",
    "apply_review": "_curation.apply_review",
    "audit_labels": "_curation.audit_labels",
    "Explanation": "_curation.explain",
    "explain_rows": "_curation.explain",
    "read_coordinates": "_io.cartography_coordinates",
    "read_training_dynamics": "_io.cartography_dynamics",
    "stability": "_core.repeats",
    "stages_of": "_learners.stages",
}
# Not for users: what lies inside pickled estimators, found here whatever the layout.
_IN_PICKLES = {
    "EncodedLabels": "_core.labels",
    "Record": "_training.record",
    "Recorder": "_core.recorder",
}


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name) or _IN_PICKLES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - {"import_module", "Any", "TYPE_CHECKING"})
