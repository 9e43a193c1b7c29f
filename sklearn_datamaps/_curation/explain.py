"""Reasons for and against a label: nearest rows, features, the curve over epochs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import table_of as frame_of
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels, plain
from sklearn_datamaps._core.messages import check_whole
from sklearn_datamaps._core.neighbours import nearest_rows, scaler_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._curation.witness import table_of
from sklearn_datamaps._learners.responses import (
    class_probabilities,
    label_probabilities,
)
from sklearn_datamaps._learners.sklearn_compat import take_rows
from sklearn_datamaps._views import explanation, html

N_SEARCHED = 100  # nearest rows among which those of each kind are looked for
N_VOTES = 10  # nearest rows of the sentence
N_LIKELY = 3  # most probable labels
MOST_FACTS = 3  # of a sentence: with more of them nobody reads any
# What the votes of the nearest rows, each its cosine, count beside the logarithm of the
# model's probability. On ten emotions and news in Hausa 0, .5, 1 and 2 named .808,
# .812, .800 and .772 of planted errors: see benchmarks/evidence.py for other sets.
OF_VOTES = 0.5
# A second label is named if it is at least so likely, for every one of the first: half.
# Of the errors planted on those two sets .83 and .92 are named with it, .75 and .84
# without; at a lower bound (.2: .85 and .95) two are named where one is clear.
ALSO = 0.5
PLAUSIBLE = 0.1  # least probability of a label that is worth a word
LEAST = 1e-6  # probability, where its logarithm is taken
COPY, ALIKE = 1 - 1e-9, 1 - 1e-3  # cosines; the second in single precision
LONGEST = 80


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Why labels may be right or wrong; made by :func:`~sklearn_datamaps.explain_rows`.

    .. versionadded:: 0.1

    Attributes
    ----------
    rows : ndarray of int of shape (n_rows,)
        The rows explained.
    sentences : list of str
        One for each, of at most three facts, the first of them what label the row
        rather has: two labels, where the second is at least half as likely.
    frame : pandas.DataFrame
        All reasons, see :meth:`to_frame`.
    curves : ndarray of shape (n_epochs, n_rows) or None
        Probability of the own label over the epochs, if it was recorded.
    likely : list of list of (str, float)
        For each the three most probable labels and their probabilities, by the fitted
        estimator; empty where it has none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_datamaps import explain_rows
    >>> X, y = load_iris(return_X_y=True)
    >>> y[0] = 2  # a wrong label
    >>> explained = explain_rows(SGDClassifier(random_state=0), scale(X), y, [0])
    >>> explained.sentences[0].split(";")[0]
    "10 of 10 nearest say '0'"
    """

    rows: Array
    sentences: list[str]
    frame: pd.DataFrame
    curves: Array | None
    likely: list[list[tuple[str, float]]] = field(default_factory=list)

    def to_frame(self) -> pd.DataFrame:
        """List all reasons.

        Returns
        -------
        pandas.DataFrame
            One row a reason: ``position`` of the row explained (multilabel: also
            ``label_name``), ``kind`` (``"same label"``, ``"another label"``,
            ``"copy"`` for neighbours, ``"feature"``), ``neighbour`` (position, -1: of a
            feature), ``reason`` (text or label of the neighbour, name of the feature),
            ``label`` of the neighbour, and ``weight``: cosine, or what the feature adds
            to the own label less the rival one.
        """
        return self.frame.copy()

    def plot(self, at: int = 0, *, axes: Any = None) -> Any:
        """Draw the reasons of one row: neighbours, and features or the curve.

        Parameters
        ----------
        at : int, default=0
            Which of the rows explained.
        axes : sequence of two matplotlib Axes, default=None
            Where to draw. None: a new figure.

        Returns
        -------
        ndarray of two matplotlib Axes

        Raises
        ------
        ValueError
            If axes are not two, or there is no such row, or none at all.
        """
        return explanation.plot(self, at, axes=axes)

    def __repr__(self) -> str:
        pairs = zip(self.rows, self.sentences, strict=True)
        return "\n".join(f"row {row}: {sentence}" for row, sentence in pairs)

    def _repr_html_(self) -> str:
        return html.explanation_html(self)


def explain_rows(
    estimator: Any, X: Any, y: Any, rows: Any, *, n_reasons: int = 3
) -> Explanation:
    """Reasons for and against the labels of some rows.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator
        A classifier or :class:`~sklearn_datamaps.DataMapClassifier`, or a Pipeline that
        ends in one. If it is not fitted, a clone is fitted on all rows.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the estimator takes.
    y : array-like of shape (n_samples,), or (n_samples, n_labels)
        The labels as given.
    rows : array-like of int of shape (n_rows,), or (n_rows, 2)
        Positions of the rows; of a multilabel target, of row and label.
    n_reasons : int, default=3
        How many neighbours of each kind and twice as many features to list.

    Returns
    -------
    Explanation

    Raises
    ------
    ValueError
        If rows are no positions in y or have the wrong shape for it, if n_reasons is
        no integer >= 1, or if X and y differ in length.
    TypeError
        If the estimator is none.

    Notes
    -----
    Neighbours are those by cosine (of standardised columns of a table) among the 100
    nearest; a row with nothing in common is none. Features are listed for learners that
    have ``coef_``. Epochs and curves are told where y are the labels that a
    :class:`~sklearn_datamaps.DataMapClassifier` was fitted on. A reason is evidence of
    a model, no proof.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_datamaps import explain_rows
    >>> texts = ["thank you", "thank you so much", "bad day", "a bad bad day"] * 4
    >>> y = ["thanks", "thanks", "other", "other"] * 4
    >>> y[0] = "other"
    >>> pipe = make_pipeline(CountVectorizer(), SGDClassifier(random_state=0))
    >>> explained = explain_rows(pipe, texts, y, [0])
    >>> print(explained.sentences[0].split(";")[0])
    7 of 7 nearest say 'thanks'
    """
    labels = encode_labels(y)
    check_consistent_length(X, labels.codes)
    rows = _positions(rows, labels.codes.shape)
    cells = tuple(np.atleast_2d(rows.T))
    check_whole("n_reasons", n_reasons)
    estimator = _fitted(estimator, X, y, multilabel=labels.multilabel)
    X_of_learner, features, names = _features(estimator, X)
    scaler = None if sparse.issparse(features) else scaler_of(features)
    found, cosines = nearest_rows(features, N_SEARCHED, rows=cells[0], scaler=scaler)
    learner = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    data_map = _map_of(learner, labels)
    proba = _probabilities(learner, X_of_learner, cells[0], labels)
    learner = getattr(learner, "estimator_", learner)
    names_of_classes = [plain(name) for name in labels.classes.tolist()]
    places = [] if labels.multilabel else _places(learner, labels)
    table: list[dict[str, Any]] = []
    sentences, likely = [], []
    for number, row in enumerate(cells[0].tolist()):
        codes, classes, label = labels.codes, names_of_classes, None
        p = None if proba is None else proba[number]
        if labels.multilabel:
            label = cells[1][number]
            codes, classes = codes[:, label], [f"not {classes[label]}", classes[label]]
            p = None if p is None else np.array([1 - p[label], p[label]])
        # Rows with nothing in common are not near, though no others may be nearer.
        is_near = cosines[number] > 0
        near, cosine = found[number, is_near], cosines[number, is_near]
        own, of_near = int(codes[row]), codes[near].astype(np.intp)
        kinds = np.where(of_near == own, "same label", "another label")
        is_copy = _are_copies(features, row, near, cosine)
        kinds[(of_near != own) & is_copy] = "copy"
        rivals = _rivals(of_near, cosine, own, p, len(classes))
        likely.append(_likeliest(p, classes))
        listed = _listed(kinds, n_reasons)
        reasons = [
            {
                "kind": str(kinds[at]),
                "neighbour": int(near[at]),
                "reason": f"{classes[of_near[at]]}: {_text_of(X, near[at])}",
                "label": classes[of_near[at]],
                "weight": float(cosine[at]),
            }
            for at in listed
        ]
        coef, both = _coef(learner, label), (own, rivals[0])
        if label is None:
            both = (places[own], places[rivals[0]])
        words = _words(features, row, coef, both, names, 2 * n_reasons)
        reasons += words
        copies = _copies(int((kinds == "copy").sum()))
        facts = _facts(of_near, own, rivals, classes, p, words, copies)
        if data_map is not None:
            facts.append(_learned(data_map, (row,) if label is None else (row, label)))
        of_row = {"number": number, "position": row}
        if label is not None:
            of_row["label_name"] = labels.classes[label]
        table += [of_row | reason for reason in reasons]
        sentences.append("; ".join(facts[:MOST_FACTS]))
    curves = getattr(data_map, "trajectories", None)
    if curves is not None:
        curves = curves[(slice(None), *cells)]
    columns = ["number", "position", *(["label_name"] if labels.multilabel else [])]
    columns += ["kind", "neighbour", "reason", "label", "weight"]
    frame = frame_of({name: [one[name] for one in table] for name in columns})
    return Explanation(rows, sentences, frame, curves, likely)


def _positions(rows: Any, shape: tuple[int, ...]) -> Array:
    """The positions asked for, of rows or of cells; refused where there are none."""
    found = np.asarray(rows)
    if not found.size:
        return np.empty((0, 2) if len(shape) == 2 else 0, dtype=np.intp)
    if found.dtype.kind not in "iu":
        mask = "np.flatnonzero(mask)" if len(shape) == 1 else "np.argwhere(mask)"
        raise ValueError(
            f"rows must be integer positions; got {found.dtype}. For a mask pass "
            f"{mask}, for names of an index index.get_indexer(names)."
        )
    if found.ndim != len(shape) or (found.ndim == 2 and found.shape[1] != 2):
        raise ValueError(
            f"rows must be {'pairs of row and label' if len(shape) == 2 else 'ints'}"
            f" for this y; got an array of shape {found.shape}."
        )
    axes = zip(("rows", "labels of rows"), np.atleast_2d(found.T), shape, strict=False)
    for what, values, size in axes:
        if values.min() < 0 or values.max() >= size:
            given = values.tolist()[:5]
            raise ValueError(f"{what} must be in 0 ... {size - 1}; got {given}.")
    return found.astype(np.intp)


def _fitted(estimator: Any, X: Any, y: Any, *, multilabel: bool) -> Any:
    """The estimator, or a clone that is fitted: of several labels one for each."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        estimator = clone(estimator)
    else:
        return estimator
    if multilabel and not get_tags(estimator).classifier_tags.multi_label:
        *steps, (name, learner) = getattr(estimator, "steps", [("learner", estimator)])
        learner = MultiOutputClassifier(learner)
        estimator = Pipeline([*steps, (name, learner)]) if steps else learner
    return estimator.fit(X, y)


def _features(estimator: Any, X: Any) -> tuple[Any, Any, Array | None]:
    """What the learner sees, the same as a table, and the names of its columns."""
    names = getattr(X, "columns", None)
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        steps = estimator[:-1]
        X = steps.transform(X)
        names = steps.get_feature_names_out() if _has_names(steps) else None
    features = table_of(X)
    width = int(np.prod(features.shape[1:]))
    known = names is not None and len(names) == width
    return X, features, np.asarray(names) if known else None


def _map_of(learner: Any, labels: EncodedLabels) -> Any:
    """The map that was recorded of these rows, not that of others."""
    data_map = getattr(learner, "data_map_", None)
    if data_map is None or not np.array_equal(data_map.label, labels.values()):
        return None
    return data_map


def _probabilities(
    learner: Any, X: Any, rows: Array, labels: EncodedLabels
) -> Array | None:
    """Probabilities of the labels of some rows, in their order, if it has any."""
    methods = ("predict_proba", "decision_function")
    method = next((name for name in methods if hasattr(learner, name)), None)
    if method is None or not len(rows):
        return None
    if sparse.issparse(X) and X.format != "csc":
        X = X.tocsr()  # rows of other formats cannot be taken
    response = getattr(learner, method)(take_rows(X, rows))
    if labels.multilabel:
        proba = label_probabilities(response, method)
    else:
        proba = class_probabilities(response, method)
        order = pd.Index(learner.classes_).get_indexer(pd.Index(labels.classes))
        if min(order) < 0 or proba.shape[1] != len(learner.classes_):
            return None
        proba = proba[:, order]
    return proba if proba.shape == (len(rows), len(labels.classes)) else None


def _has_names(steps: Any) -> bool:
    return all(hasattr(step, "get_feature_names_out") for _, step in steps.steps)


def _rivals(
    of_near: Array, cosine: Array, own: int, proba: Array | None, n_classes: int
) -> list[int]:
    """The likeliest other label, by the nearest rows and by the model, or two."""
    near, weights = of_near[:N_VOTES], np.maximum(cosine[:N_VOTES], 0)
    votes = np.bincount(near, weights, minlength=n_classes).astype(np.float64)
    known = votes > 0
    score = OF_VOTES * votes
    if proba is not None:
        score += np.log(np.maximum(proba, LEAST))
        known |= proba >= PLAUSIBLE
    elif not np.delete(votes, own).any():  # farther rows are asked
        score = np.bincount(of_near, minlength=n_classes).astype(np.float64)
    score[own] = -np.inf
    first, *others = np.argsort(-score, kind="stable").tolist()
    second = others[0] if n_classes > 2 and known[others[0]] else None
    if second is None or score[second] - score[first] < np.log(ALSO):
        return [first]
    return [first, second]


def _facts(
    of_near: Array,
    own: int,
    rivals: list[int],
    classes: list[str],
    proba: Array | None,
    words: list[dict[str, Any]],
    copies: list[str],
) -> list[str]:
    """What nearest rows, copies, words or the model say; the rival labels first."""
    votes = np.bincount(of_near[:N_VOTES], minlength=len(classes))
    others = np.where(np.arange(len(classes)) == own, -1, votes)
    named = sorted(rivals, key=lambda one: -votes[one])
    named = [one for one in named if votes[one] and one != own]
    if others.max() > votes[rivals].max():
        named = [int(others.argmax())]
    n, near = min(N_VOTES, len(of_near)), []
    if named:
        also = [label for label in (*named[1:], own) if votes[label]]
        told = "".join(f", {votes[label]} {classes[label]!r}" for label in also)
        near = [f"{votes[named[0]]} of {n} nearest say {classes[named[0]]!r}{told}"]
    elif not n:
        near = ["no other row has anything in common with it"]
    else:
        named, near = [own], [f"all of {n} nearest say {classes[own]!r}"]
    where = "there" if named == rivals[:1] else f"to {classes[rivals[0]]!r}"
    against = _apart([one["reason"] for one in words if one["weight"] < 0])
    pulls, model = [], []
    if against:
        pull = "pulls" if len(against) == 1 else "pull"
        pulls = [f"{' and '.join(map(repr, against))} {pull} {where}"]
    unsaid = not set(rivals) <= set(named)
    leads = unsaid and proba is not None and proba[rivals].max() >= PLAUSIBLE
    if leads and proba is not None and not (against and len(rivals) == 1):
        given = ", ".join(f"{classes[one]!r} {proba[one]:.0%}" for one in rivals)
        model = [f"the model gives {given}"]
    elif leads:
        model, pulls = pulls, []
    return [*model, *near, *copies, *pulls]


def _apart(words: list[str]) -> list[str]:
    """The first two that share no word: not both "thank" and "thank you"."""
    kept: list[str] = []
    for word in words:
        if not set(word.split()) & {part for one in kept for part in one.split()}:
            kept.append(word)
    return kept[:2]


def _are_copies(features: Any, row: int, near: Array, cosine: Array) -> Array:
    """Which of the nearest rows are copies of a row."""
    found = cosine >= COPY
    alike = np.flatnonzero(cosine >= ALIKE)
    # In single precision a sum of many products misses 1 by more than another row may.
    if features.dtype == np.float32 and sparse.issparse(features) and len(alike):
        those = features[[row, *near[alike]]].astype(np.float64)
        those.data = np.nan_to_num(those.data)
        found[alike] = cosine_similarity(those[1:], those[:1]).ravel() >= COPY
    return np.asarray(found)


def _copies(n: int) -> list[str]:
    if not n:
        return []
    return [f"{'a copy has' if n == 1 else f'{n} copies have'} another label"]


def _learned(data_map: Any, cell: tuple[int, ...]) -> str:
    """In how many epochs the label was predicted, as a fact."""
    n = data_map.n_epochs
    right = round(float(np.nan_to_num(data_map.correctness[cell])) * n)
    epochs = f"{n} epoch{'s' if n > 1 else ''}"
    if right == 0:
        return f"never right in {epochs}"
    return f"right in {right} of {epochs}" if right < n else f"right in all {epochs}"


def _likeliest(proba: Array | None, classes: list[str]) -> list[tuple[str, float]]:
    if proba is None:
        return []
    first = np.argsort(-proba, kind="stable")[:N_LIKELY].tolist()
    return [(classes[code], float(proba[code])) for code in first]


def _text_of(X: Any, row: int) -> str:
    if sparse.issparse(X) or len(getattr(X, "shape", (1,))) != 1:
        return f"row {row}"
    value = X.iloc[row] if hasattr(X, "iloc") else X[row]
    if not isinstance(value, str):
        return f"row {row}"
    return " ".join(value.split())[:LONGEST]


def _listed(kinds: Array, n: int) -> list[int]:
    """Places of the first of each kind."""
    order = ("copy", "another label", "same label")
    return [at for kind in order for at in np.flatnonzero(kinds == kind)[:n].tolist()]


def _places(learner: Any, labels: EncodedLabels) -> list[int]:
    """Where a learner has the classes of y; -1: it was fitted on none of that one."""
    known = pd.Index(getattr(learner, "classes_", labels.classes))
    found: list[int] = known.get_indexer(pd.Index(labels.classes)).tolist()
    return found


def _coef(learner: Any, label: Any) -> Array | None:
    """Coefficients of every class and feature, of learners that have them."""
    if label is not None:
        learner = getattr(learner, "estimators_", {label: None})[label]
    coef = getattr(learner, "coef_", None)
    # A machine with a kernel has coefficients for pairs of classes.
    is_matrix = isinstance(coef, np.ndarray) and coef.ndim == 2
    return coef if is_matrix and not hasattr(learner, "kernel") else None


def _words(
    features: Any,
    row: int,
    coef: Array | None,
    classes: tuple[int, int],
    names: Array | None,
    n: int,
) -> list[dict[str, Any]]:
    """Features of a row that add most to its own label less the rival one."""
    own, rival = classes
    if coef is None or coef.shape[1] != features.shape[1] or min(classes) < 0:
        return []
    if sparse.issparse(features):
        part = slice(*features.indptr[row : row + 2])
        columns, values = features.indices[part], features.data[part]
    else:
        values = np.asarray(features[row], dtype=np.float64).ravel()
        columns = np.arange(len(values))
    if len(coef) == 1:  # of the second of two classes
        weight = values * (own - rival) * coef[0, columns]
    else:
        weight = values * (coef[own, columns] - coef[rival, columns])
    first = np.argsort(-np.abs(weight), kind="stable")[:n]
    return [
        {
            "kind": "feature",
            "neighbour": -1,
            "reason": f"x{columns[at]}" if names is None else str(names[columns[at]]),
            "label": "",
            "weight": float(weight[at]),
        }
        for at in first
        if weight[at] != 0
    ]
