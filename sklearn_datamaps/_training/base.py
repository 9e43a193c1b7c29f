"""What all classifiers that record a map share: what they publish, and how they ask."""

import contextlib
import copy
from collections.abc import Iterator
from functools import partial
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.recorder import check_measures
from sklearn_datamaps._core.regions import BAND, N_STD, check_region, check_rule
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.blocks import in_row_blocks
from sklearn_datamaps._learners.features import refuse_dask, validate_features
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._training.fitted import Fitted
from sklearn_datamaps._training.recipe import Recipe

C = TypeVar("C", bound=type)

# Text of parameters and attributes that mean the same in every class: a line
# ":shared: name" of a docstring stands for it.
SHARED = {
    "response_method": """\
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        Where probabilities come from. ``"auto"``: ``predict_proba``, else
        ``decision_function`` through the logistic function (binary, multilabel) or
        softmax (multiclass).""",
    "measures": """\
    measures : sequence of str, default=()
        Extra measures to stream: ``"loss"``, ``"el2n"``, ``"forgetting"``,
        ``"first_learned"``, ``"mean_proba"``.""",
    "store_trajectories": """\
    store_trajectories : bool or "auto", default="auto"
        Keep the probability of the own label at every epoch, as float32, for curves
        and for playing the training in :meth:`DataMap.explore`. ``"auto"``: where rows
        x epochs (x labels of a multilabel target) are at most 5 million, so that it
        takes 20 MB at the most. Rows of ``X_val`` count; epochs are those wanted, or
        the most iterations there can be (``max_iter``), however many there will be.""",
    "random_state": """\
    random_state : int, RandomState instance or None, default=None
        Base of a fresh seed for every epoch, batch and member, so that rows are
        reshuffled every epoch. None: the estimator's own integer seed, else a random
        one (noted in ``data_map_.meta["seed"]``). Pass an int for the same map bit
        for bit.""",
    "verbose": """\
    verbose : int, default=0
        1: a progress bar with epoch, mean confidence and accuracy.""",
    "fitted": """\
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
        Labels; multilabel: names of the labels.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had string names.
    n_epochs_ : int
        Number of epochs recorded.
    history_ : pandas.DataFrame
        One row an epoch: ``mean_confidence`` and ``accuracy`` on the recorded rows.""",
}


NO_MAP = (
    "This %(name)s instance is not fitted yet: call fit first. If fit was interrupted "
    "before a fold was complete, in_sample_map_ has the map of the model of all rows."
)


def with_shared_text(cls: C) -> C:
    """Put the text that classes share into the docstring of one of them."""
    for name, text in SHARED.items():
        doc = cls.__doc__ or ""
        cls.__doc__ = doc.replace(f"    :shared: {name}", text)
    return cls


def learner_has(method: str) -> Any:
    """Check that the (fitted) learner has a method; AttributeError otherwise.

    Parameters
    ----------
    method : str
        Name of the method.

    Returns
    -------
    callable
        For ``available_if``.
    """

    def check(self: "BaseDataMapClassifier") -> bool:
        fitted = getattr(self, "estimator_", None)
        asked = self.estimator if fitted is None else fitted
        getattr(registry.learner_of(asked).inner, method)
        return True

    return check


class BaseDataMapClassifier(
    sklearn_compat.LinkedInDiagrams, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Parameters, tags, answers and published results of every such classifier."""

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's)
        "estimator": "no_validation",  # checked in fit, with advice
        "n_epochs": [
            sklearn_compat.Interval(Integral, 1, None, closed="left"),
            sklearn_compat.StrOptions({"auto"}),
        ],
        "response_method": [
            sklearn_compat.StrOptions({"auto", "predict_proba", "decision_function"})
        ],
        "measures": "no_validation",
        "store_trajectories": ["boolean", sklearn_compat.StrOptions({"auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # What fit is given is for the learner alone; score uses its own sample_weight.
    __metadata_request__fit = {  # noqa: RUF012 (scikit-learn's)
        "sample_weight": UNUSED,
        "X_val": True,
        "y_val": True,
    }

    def _recipe_for(self, learner: Learner, **settings: Any) -> Recipe:
        """How to train and record, once the parameters are checked."""
        return Recipe(
            learner,
            learner.epochs_wanted(self.n_epochs),
            learner.check_response(self.response_method),
            measures=check_measures(self.measures),
            store_trajectories=self.store_trajectories,
            **settings,
        )

    def _learner(self) -> Learner:
        return registry.learner_of(self.estimator)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = sklearn_compat.learner_tags(self._learner().inner)
        if inner is not None:
            tags.input_tags.sparse = inner.input_tags.sparse
            tags.input_tags.allow_nan = inner.input_tags.allow_nan
            tags.input_tags.positive_only = inner.input_tags.positive_only
            tags.input_tags.categorical = inner.input_tags.categorical
            tags.input_tags.string = inner.input_tags.string
            if inner.classifier_tags is not None:
                tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
                tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        tags.classifier_tags.multi_label = True
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell how ``fit`` routes its arguments: to what trains the estimator.

        Returns
        -------
        MetadataRouter
        """
        learner = self._learner()
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=learner.inner,
                method_mapping=MethodMapping().add(
                    caller="fit", callee=learner.training_method
                ),
            )
        )

    def _base_seed(self, learner: Learner) -> int:
        random_state = self.random_state
        if random_state is None:
            # Copied: numbers drawn from a generator of the user's would be missing.
            random_state = copy.deepcopy(next(iter(learner.own_seeds), None))
        if isinstance(random_state, Integral):
            return int(random_state)
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    @contextlib.contextmanager
    def _progress(self, what: str | None, done: int, n_epochs: int) -> Iterator[Any]:
        """A tqdm bar over the epochs, or nothing."""
        if not self.verbose:
            yield lambda totals, n_epochs: None
            return
        from tqdm import tqdm

        with tqdm(total=n_epochs, initial=done, unit="epoch", desc=what) as bar:

            def advance(totals: Array, n_epochs: int) -> None:
                cells, confidence, right = totals
                bar.set_postfix(
                    confidence=f"{confidence / cells:.3f}",
                    accuracy=f"{right / cells:.3f}",
                    refresh=False,
                )
                bar.total = n_epochs  # fewer, of a learner that ended early
                bar.update()

            yield advance
            bar.total = bar.n  # fewer, of a learner that did not know when it would end
            bar.refresh()

    def _forget(self, *more: str) -> None:
        """Take back what the last run left behind, attributes of these names too."""
        for name in ("estimator_", "classes_", "n_epochs_", "_totals", *more):
            self.__dict__.pop(name, None)

    def _publish(self, fitted: Fitted) -> None:
        """Set the attributes that every run leaves behind, but for its map."""
        self.estimator_ = fitted.estimator
        self.classes_ = fitted.classes
        self._totals = fitted.totals
        self.n_epochs_ = len(fitted.totals)

    @property
    def history_(self) -> pd.DataFrame:
        """Mean confidence and accuracy of the recorded rows, one row an epoch."""
        check_is_fitted(self, "_totals")
        cells, confidence, right = self._totals.T
        return pd.DataFrame(
            {"mean_confidence": confidence / cells, "accuracy": right / cells},
            index=pd.RangeIndex(1, len(cells) + 1, name="epoch"),
        )

    def _of_map(self, name: str, **options: Any) -> Any:
        """Attribute of the map, or what its method of this name gives."""
        check_is_fitted(self, "data_map_", msg=NO_MAP)
        found = getattr(self.data_map_, name)
        return found(**options) if options else found

    @property
    def confidence_(self) -> Any:
        """Mean over epochs of the probability of the own label."""
        return self._of_map("confidence")

    @property
    def variability_(self) -> Any:
        """Population standard deviation over epochs of that probability."""
        return self._of_map("variability")

    @property
    def correctness_(self) -> Any:
        """Share of the epochs in which the own label was predicted."""
        return self._of_map("correctness")

    @property
    def coef_(self) -> Any:
        """Coefficients of ``estimator_``; AttributeError where it has none."""
        return self._of_learner("coef_")

    @property
    def intercept_(self) -> Any:
        """Intercepts of ``estimator_``; AttributeError where it has none."""
        return self._of_learner("intercept_")

    @property
    def feature_importances_(self) -> Any:
        """Importances of ``estimator_``; AttributeError where it has none."""
        return self._of_learner("feature_importances_")

    def _of_learner(self, name: str) -> Any:
        check_is_fitted(self)
        if isinstance(self.estimator_, MultiOutputClassifier):
            raise AttributeError(
                f"This {type(self).__name__} has no {name}, but one a label: "
                f"[member.{name} for member in estimator_.estimators_]."
            )
        return getattr(self.estimator_, name)

    def region_mask(
        self, region: str, *, band: float = BAND, n_std: float = N_STD
    ) -> Any:
        """Which training rows lie in a region; see :meth:`DataMap.region_mask`.

        Parameters
        ----------
        region : {"easy", "ambiguous", "hard", "easy-to-learn", "hard-to-learn"}
            Name of the region.
        band : float, default=0.1
            Least half-width of the ambiguous region, in units of confidence.
        n_std : float, default=1.0
            Standard deviations of the margin that count as ambiguous.

        Returns
        -------
        ndarray of bool, shape of ``confidence_``

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If there is no such region, or band or n_std is no number >= 0.
        """
        check_region(region)
        check_rule(band, n_std)
        return self._of_map("region_mask", region=region, band=band, n_std=n_std)

    def _respond(self, method: str, X: Any) -> Any:
        """Answer of the trained estimator, in blocks where X is very large."""
        check_is_fitted(self)
        refuse_dask(X)
        X = validate_features(self, self._learner(), X, reset=False)
        return in_row_blocks(partial(self._answer, method), X)

    def _answer(self, method: str, X: Any) -> Array:
        fitted = self.estimator_
        several = isinstance(fitted, MultiOutputClassifier)
        if several and not hasattr(fitted, method):
            of_labels = [getattr(member, method)(X) for member in fitted.estimators_]
            return np.column_stack(
                [of_label.reshape(len(of_label), -1)[:, -1] for of_label in of_labels]
            )
        answer: Any = getattr(fitted, method)(X)
        if isinstance(answer, list):  # probabilities, label by label
            return np.column_stack([columns[:, 1] for columns in answer])
        answer = np.asarray(answer)
        codes = method == "predict" and answer.ndim == 1
        if codes and registry.learner_of(fitted).wants_codes:
            return np.asarray(self.classes_[answer])
        return answer

    @available_if(learner_has("predict"))
    def predict(self, X: Any) -> Any:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples,), or the indicator of shape (n_samples, n_labels)
        """
        return self._respond("predict", X)

    @available_if(learner_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Predict probabilities; only where the learner has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Multilabel: (n_samples, n_labels), the probability that each label is set.
        """
        return self._respond("predict_proba", X)

    @available_if(learner_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Predict logarithms of probabilities; only where the learner has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Multilabel: (n_samples, n_labels), of the probability that each label is
            set. Of a probability of 0 it is ``-inf``.
        """
        # Learners whose probabilities can be 0 warn of what is the right value here.
        with np.errstate(divide="ignore"):
            return self._respond("predict_log_proba", X)

    @available_if(learner_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Confidence scores; only where the learner has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Multilabel: (n_samples, n_labels).
        """
        return self._respond("decision_function", X)
