"""What a person should know before trusting a map, in one sentence each."""

from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.labels import look_alikes, looks_like_none
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.regions import BAND, REGIONS

REPRODUCIBLE = 0.75  # rank correlation of two runs
# Where a map tells little. Learned well, iris has the most ambiguous rows (32 %); not
# learned, breast cancer the fewest (46 %). The median variability of ambiguous rows is
# .31 to .49 where features want scaling, at most .07 where a network wants epochs.
MANY_AMBIGUOUS = 0.4
JUMPING = 0.2
# Mean recall of the classes from that of any constant answer (0) to all right (1), so
# that weights of classes do not matter. Labels at random have at most .03, the least
# that a learner learned of wine unscaled is .17.
LEARNED = 0.1
# Largest root mean square of a column by the smallest standard deviation: wine has
# 2,800, iris, which is learned as it is, 15.
SCALES_DIFFER = 100
SCALED = 3
FEWEST_ROWS = 20  # of fewer, a guess may be as good as what was learned
N_NAMED, N_COUNTED = 3, 10
# Fewer rows that have one label each may have it by chance: of comments with mostly one
# label, 85 % of the rows are such.
FEWEST_ONE_HOT = 100
SCALE = "scale the features (StandardScaler)"


def notes_of(data_map: BaseDataMap) -> list[str]:
    """Say what not to trust in a map, and what to do about it.

    Parameters
    ----------
    data_map : DataMap
        The map; what is known of its training is in its ``meta``.

    Returns
    -------
    list of str
        Sentences for ``repr``, notebooks, the command line and the page; none of a map
        with nothing to be said against it.
    """
    return [
        *_hardly_varied(data_map),
        *_not_learned(data_map),
        *_ended_early(data_map),
        *_one_epoch(data_map),
        *(_of_labels(data_map) if data_map.has_labels else ["labels not known"]),
        *_in_sample(data_map),
    ]


def _hardly_varied(data_map: BaseDataMap) -> list[str]:
    notes = []
    largest = float(np.nanmax(data_map.variability))
    if largest <= BAND and data_map.n_epochs > 1:
        notes.append(
            f"variability <= {np.ceil(largest * 1000) / 1000:.3f}: rows differ by "
            f"confidence, hardly by variability"
        )
    agreement = data_map.meta.get("variability_spearman")
    if agreement is not None and agreement < REPRODUCIBLE:  # not if NaN
        notes.append(
            f"variability is not reproducible: two of the {data_map.meta['n_runs']} "
            f"runs agree to a rank correlation of {agreement:.2f}"
        )
    return notes


def _not_learned(data_map: BaseDataMap) -> list[str]:
    """Say that the learner learned little, and the cure."""
    ratio = data_map.meta.get("scale_ratio") or 0
    scale = (
        f"the columns of X differ in scale, or lie far from 0, by a factor of "
        f"{ratio:,.0f}: {SCALE}"
        if ratio >= SCALES_DIFFER
        else ""
    )
    scaled = 0 < ratio < SCALED
    ambiguous = data_map.region_codes() == REGIONS.index("ambiguous")
    share = float(ambiguous.mean())
    unclear = share >= MANY_AMBIGUOUS and data_map.n_epochs > 1
    facts = _no_better(data_map) or (_fell_back(data_map) if unclear else [])
    cures = []
    if unclear:
        never = int((ambiguous & (data_map.correctness == 0)).sum())
        told = f"; {never:,} of them were never predicted right" if never else ""
        facts.append(f"{100 * share:.0f} % of the rows are ambiguous{told}")
        if np.median(data_map.variability[ambiguous]) < JUMPING:
            cures.append(
                f"the model has not learned them yet: raise n_epochs "
                f"({data_map.n_epochs})"
            )
        else:
            cures.append(
                "the model changes its mind from epoch to epoch: "
                + ("" if scale or scaled else f"{SCALE}, or ")
                + "take a smaller step"
            )
    if not facts:
        return []
    cures = [scale, *cures] if scale else cures
    return [*facts[:-1], "; ".join([facts[-1], *cures])]


def _no_better(data_map: BaseDataMap) -> list[str]:
    """Say where the labels are predicted as by one who knows their counts alone."""
    if not data_map.has_labels or data_map.n_samples < FEWEST_ROWS:
        return []
    right, n_rows = _recalls(data_map)
    varied = (n_rows > 0).sum(axis=0) > 1
    with np.errstate(invalid="ignore", divide="ignore"):  # of a class without a row
        recalls = np.where(n_rows > 0, right / n_rows, np.nan)
    n_classes = (n_rows > 0).sum(axis=0)[varied]
    chance = 1 / n_classes
    skill = (np.nanmean(recalls[:, varied], axis=0) - chance) / (1 - chance)
    poor = skill < LEARNED
    if not poor.any():
        return []
    rule = "predicted no better than by always naming the most frequent answer"
    if data_map.multilabel:
        names = quoted(data_map.classes[varied][poor], N_NAMED)
        return [f"{poor.sum():,} of {len(varied):,} labels are {rule}: {names}"]
    return [f"the labels are {rule}"]


def _recalls(data_map: BaseDataMap) -> tuple[Array, Array]:
    """Of each class (axis 0) of each label, rows predicted right, and all rows."""
    seen = ~np.isnan(data_map.confidence)
    right = np.where(seen, data_map.correctness, 0)
    if data_map.multilabel:
        parts = [seen & ~data_map.label, seen & data_map.label]
        sums = [(right * part).sum(axis=0) for part in parts]
        return np.stack(sums), np.stack([part.sum(axis=0) for part in parts])
    codes, size = data_map.label_codes(), len(data_map.classes)
    counts = np.bincount(codes[seen], minlength=size)
    return np.bincount(codes, right, size)[:, None], counts[:, None]


def _fell_back(data_map: BaseDataMap) -> list[str]:
    """Say that a model that jumps knew nothing in some of the epochs."""
    accuracy = np.array(data_map.meta.get("accuracy", ()))
    if data_map.multilabel or not data_map.has_labels or not len(accuracy):
        return []
    share = data_map.counts().max() / data_map.n_samples
    lost = int((accuracy <= share).sum())
    if not lost:
        return []
    return [
        f"in {lost:,} of {len(accuracy):,} epochs the labels are predicted no better "
        f"than by always naming the most frequent one ({100 * share:.1f} %)"
    ]


def _ended_early(data_map: BaseDataMap) -> list[str]:
    meta = data_map.meta
    stages, asked = meta.get("stages"), meta.get("n_asked")
    done, unit = (stages[-1], "stages") if stages else (data_map.n_epochs, "epochs")
    notes = []
    if asked is not None and done < asked:
        notes.append(
            f"training ended after {done:,} of {asked:,} {unit}, stopped early or "
            f"interrupted: rows that take longer to learn look hard"
        )
    # A learner that ends by itself, and is asked for no number, has converged there.
    if "epochs_of_folds" in meta and asked is not None:
        listed = ", ".join(map(str, meta["epochs_of_folds"]))
        notes.append(
            f"the folds ended after {listed} epochs: their rows are not recorded alike"
        )
    return notes


def _one_epoch(data_map: BaseDataMap) -> list[str]:
    one = data_map.n_epochs == 1
    return ["one epoch only: variability is 0 by definition"] if one else []


def _of_labels(data_map: BaseDataMap) -> list[str]:
    counts = dict(
        zip(data_map.classes.tolist(), data_map.counts().tolist(), strict=True)
    )
    what = "labels" if data_map.multilabel else "classes"
    notes = [
        f"these {what} differ only in case, space or the form of letters; are they "
        f"one? {_counted(alike, counts)}"
        for alike in look_alikes(counts)
    ]
    if _is_one_hot(data_map):
        n = len(counts)
        notes.append(
            f"every row has exactly one of the {n:,} labels, and each label is mapped "
            f"as a question of its own; if y is one-hot, map {n:,} classes instead: "
            f"y.argmax(axis=1)"
        )
    none = [name for name in counts if looks_like_none(name)]
    if none:
        notes.append(f"is this a label, or none? {_counted(none, counts)}")
    n_folds = data_map.meta.get("n_folds") or 0
    few = [name for name, n in counts.items() if 0 < n < max(2, n_folds)]
    if few:
        fewer = f"fewer rows than the {n_folds} folds" if n_folds > 2 else "one row"
        then = (
            "models that never saw the label judge it"
            if n_folds
            else "nothing tells whether the label is right"
        )
        notes.append(f"{what} with {fewer}: {_counted(few, counts)}; {then}")
    return notes


def _is_one_hot(data_map: BaseDataMap) -> bool:
    if not data_map.multilabel or len(data_map.classes) < 3:
        return False
    of_rows = data_map.label.sum(axis=1)
    return len(of_rows) >= FEWEST_ONE_HOT and bool((of_rows == 1).all())


def _counted(names: list[Any], counts: dict[Any, int]) -> str:
    more = f" and {len(names) - N_COUNTED:,} more" if len(names) > N_COUNTED else ""
    return ", ".join(f"{name!r} {counts[name]:,}" for name in names[:N_COUNTED]) + more


def _in_sample(data_map: BaseDataMap) -> list[str]:
    # Of a loop of the user's own it is not known.
    if data_map.meta.get("recording") != "in-sample" or "learner" not in data_map.meta:
        return []
    other = data_map.meta.get("out_of_fold")
    return [f"in-sample: use {other or 'cv=2'} to look for wrong labels"]
