"""Whether a new file has more wrong labels than a release, or other ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import clone

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.regions import REGIONS
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._training.classifier import DataMapClassifier
from sklearn_datamaps._training.folds import TooFewRowsError, duplicate_rows

# Chosen on three sets, and tried on others: benchmarks/check.
N_BINS = 8  # by how sure the models are, of each class that they predict
FEWEST = 40  # rows of the release in a bin, and of a class that has bins of its own
RULE, SURELY = 0.65, 0.55  # area under the ROC curve of errors by a rule; its end
MOST_USUAL = 0.9  # of the labels that contradict: no rule can be seen beside them
LEANS = 20.0  # rows that the share of a whole class counts for in each of its bins
FEW = 10  # rows that are like one of the release by chance, at any rate
WHOLE = 0.9  # of the rows of a release that are among the new: it is part of these
LEARNS = 0.15  # how far a bin must be from a guess, to tell anything
Z = float(stats.norm.ppf(0.95))  # intervals of 90 %
OK, TOO_MANY, CANNOT_TELL = "ok", "too many", "cannot tell"
NOTHING = (np.nan, (np.nan, np.nan), np.nan)  # surplus, its interval, the rule


@dataclass(frozen=True)
class ReleaseCheck:
    """What the comparison of new rows with a release found.

    Attributes
    ----------
    verdict : {"ok", "too many", "cannot tell"}
        Whether the surplus is above the limit.
    reason : str
        Why it cannot be told; else empty.
    surplus : float
        Wrong labels among the new rows above those of the release, as a share of the
        new rows. NaN where nothing was compared.
    interval : (float, float)
        90 % interval of it.
    limit : float
        What is allowed.
    rule : float
        How well models of the other new rows tell which labels contradict the release
        beyond what is usual: an area under a ROC curve, 0.5 of errors at random. NaN
        where it was not asked.
    n_new, n_same, n_unknown : int
        Rows that were compared; those that are of the release, with the same label; and
        those whose label it does not have.
    regions : pandas.DataFrame
        Share of each region in the release and among the new rows, by the same models.
    confusions : pandas.DataFrame
        Pairs of the label given and the one foretold that are more frequent than in
        the release: how many there are, and how many would be usual.
    """

    verdict: str
    reason: str
    surplus: float
    interval: tuple[float, float]
    limit: float
    rule: float
    n_new: int
    n_same: int
    n_unknown: int
    regions: pd.DataFrame
    confusions: pd.DataFrame


def check_release(
    learner: Any,
    X: Any,
    y: NDArray[Any],
    n_release: int,
    *,
    limit: float = 0.02,
    n_epochs: Any = 10,
    random_state: int = 0,
) -> ReleaseCheck:
    """Compare the labels of new rows with those of a release.

    Every row, of the release or new, is judged by a model of one half of the release
    that has not seen it. Rows of which these models are equally sure should contradict
    them equally often, whether new or not; what the new ones contradict more is put
    down to wrong labels. Errors at random are the more visible the surer the models
    are, so the bins are weighed by that.

    Errors by a rule on the features contradict the release, too, and so does a new
    definition of a label: the new rows then agree among themselves, which models of
    the other new rows show, and it cannot be told which of the two it is. Errors that
    release and new rows share are not seen.

    Parameters
    ----------
    learner : estimator
        As for :class:`~sklearn_datamaps.DataMapClassifier`.
    X : {ndarray, csr} of shape (n_samples, n_features)
        Features of the release, then of the new rows.
    y : ndarray of shape (n_samples,)
        Their labels.
    n_release : int
        How many rows are of the release.
    limit : float, default=0.02
        Share of the new rows that may be wrong above those of the release.
    n_epochs : int or "auto", default=10
        Of training.
    random_state : int, default=0
        Seeds halves and training.

    Notes
    -----
    In bin b let a be the share of labels of the release that agree. Of labels given at
    random to a share e of the rows (a - (1 - a) / (K - 1)) e more contradict, K being
    the number of classes; e is the least-squares estimate over the bins of each class
    that is predicted, weighed by their binomial variances, and the classes are added
    up by their number of new rows.
    """
    release = np.arange(len(y)) < n_release
    unit = duplicate_rows(X) if hasattr(X, "indptr") else _equal_rows(X)
    known = np.isin(y, np.unique(y[release]))
    same = _in_both(unit, y, release)
    rows = np.flatnonzero(release | (known & ~same))
    fold = _halves(unit[rows], y[rows], release[rows], random_state)
    new = ~release[rows]
    counts = {
        "n_new": int(new.sum()),
        "n_same": int(same.sum()),
        "n_unknown": int((~known).sum()),
        "limit": limit,
    }
    if not new.any():
        verdict = CANNOT_TELL if counts["n_unknown"] else OK
        reason = "no new row has a label that the release has" * (verdict != OK)
        return _result(verdict, reason, *NOTHING, None, new, counts)

    def judged_by(teachers: Array) -> DataMap:
        splits = [
            (np.flatnonzero(teachers & (fold == half)), np.flatnonzero(fold != half))
            for half in (0, 1)
        ]
        classifier = DataMapClassifier(
            clone(learner),
            n_epochs=n_epochs,
            cv=splits,
            measures=("mean_proba",),
            random_state=random_state,
        )
        if not all(len(train) for train, _ in splits):
            raise TooFewRowsError("All rows to learn from are alike.")
        fitted: DataMap = classifier.fit(X[rows], y[rows]).data_map_
        return fitted

    try:
        judged = judged_by(~new)
    except TooFewRowsError:
        reason = "the rows of the release are too few, or all alike"
        return _result(CANNOT_TELL, reason, *NOTHING, None, new, counts)
    bins = _Bins.of(judged, new)
    surplus, error = bins.surplus(limit)
    interval = (surplus - Z * error, surplus + Z * error)
    rule = np.nan
    reason = ""
    if not np.isfinite(error):
        verdict = CANNOT_TELL
        reason = "the learner hardly tells the classes of the release"
    elif surplus > limit and interval[0] > 0:
        verdict = TOO_MANY
        try:
            rule, of_rule = bins.rule(judged, judged_by(new))
        except TooFewRowsError:  # or all alike, of one class: no rule to be learned
            rule, of_rule = np.nan, np.inf
        if rule > RULE and rule - Z * of_rule > SURELY:
            verdict = CANNOT_TELL
            reason = (
                "the labels that contradict the release agree among themselves: they "
                "follow a rule that it does not have, be it errors or a new definition"
            )
    elif interval[1] <= limit:
        verdict = OK
    else:
        verdict = CANNOT_TELL
        reason = "the interval reaches above what is allowed: more rows would tell"
    if verdict == OK and counts["n_unknown"] > limit * len(y[~release]):
        verdict = CANNOT_TELL
        reason = "too many new rows have labels that the release does not have"
    return _result(verdict, reason, surplus, interval, rule, judged, new, counts)


def _equal_rows(X: Array) -> NDArray[np.intp]:
    """Number the different rows of an array; missing values are equal."""
    frame = pd.DataFrame(X)
    groups = frame.groupby(list(frame), dropna=False, sort=False).ngroup()
    return groups.to_numpy().astype(np.intp)


def _in_both(unit: Array, y: Array, release: Array) -> NDArray[np.bool_]:
    """New rows that are rows of the release, and not only like one by chance.

    What is short, or of few columns, repeats. To leave out new rows whose label agrees
    with that of a row like them would make the rest look worse than they are. So it is
    asked of the rows that the release has once whether the new file has more of them
    than by chance: nearly all, as if the release were part of it; else about as many
    as rows of the release are one of two (Good 1953, Biometrika 40).
    """
    pair = pd.MultiIndex.from_arrays([unit, y])
    same: NDArray[np.bool_] = ~release & pair.isin(pair[release])
    n = np.bincount(unit[release], minlength=unit.max() + 1)[unit]
    n_new, n_once = int((~release).sum()), int((release & (n == 1)).sum())
    there = np.isin(unit[release & (n == 1)], unit[same]).sum()
    missed = np.exp(-n_new / release.sum())  # by n_new others, of what is as rare
    if n_once > FEW and there >= max(WHOLE, 1 - missed / 2) * n_once:
        return same
    by_chance = n_new * (n[release] == 2).mean()
    some = ((n == 1) & ~release).sum() > 2 * by_chance + FEW
    return same & (n == 1) if some else np.zeros(len(y), dtype=bool)


def _halves(unit: Array, y: Array, release: Array, seed: int) -> NDArray[np.intp]:
    """Half of each row: equal rows together, classes and releases spread evenly."""
    shuffled = np.random.default_rng((seed, len(y))).permutation(len(y))
    key = pd.DataFrame({"unit": unit, "y": pd.factorize(y)[0], "release": release})
    first = key.iloc[shuffled].drop_duplicates("unit")
    half = first.groupby(["y", "release"]).cumcount() % 2
    by_unit = pd.Series(half.to_numpy(), index=first["unit"].to_numpy())
    halves: NDArray[np.intp] = by_unit.loc[unit].to_numpy()
    return halves


@dataclass(frozen=True)
class _Bins:
    """Rows of the release and new ones, by what is predicted and how surely."""

    of_row: Array  # bin of each row
    group: Array  # of each bin: the class predicted, or what was put together
    contradicts: NDArray[np.bool_]
    new: NDArray[np.bool_]
    n_classes: int

    @classmethod
    def of(cls, judged: DataMap, new: NDArray[np.bool_]) -> "_Bins":
        proba = judged.measures["mean_proba"]
        predicted, sureness = proba.argmax(axis=1), proba.max(axis=1)
        size = np.bincount(predicted[~new], minlength=proba.shape[1])
        small = size < N_BINS * FEWEST
        group = np.where(small[predicted], proba.shape[1], predicted)
        of_row = np.empty(len(group), dtype=np.intp)
        groups: list[int] = []
        for code in np.unique(group):
            inside = group == code
            of_release = sureness[inside & ~new]
            n_bins = int(np.clip(len(of_release) // FEWEST, 1, N_BINS))
            shares = np.linspace(0, 1, n_bins + 1)[1:-1]
            edges = np.quantile(of_release, shares) if len(of_release) else []
            of_row[inside] = len(groups) + np.searchsorted(edges, sureness[inside])
            groups += [code] * (len(edges) + 1)
        contradicts = predicted != judged.label_codes()
        return cls(of_row, np.array(groups), contradicts, new, proba.shape[1])

    def _count(self, rows: NDArray[np.bool_]) -> Array:
        counts: Array = np.bincount(
            self.of_row[rows], minlength=len(self.group)
        ).astype(float)
        return counts

    @property
    def usual(self) -> Array:
        """Share of labels of the release that contradict, in each bin.

        It leans on the class: a bin that happens to have few would weigh too much.
        """
        n, wrong = self._count(~self.new), self._count(~self.new & self.contradicts)
        n_class = np.maximum(np.bincount(self.group, n + 1), 1)
        of_class = np.bincount(self.group, wrong + 0.5) / n_class
        share: Array = (wrong + LEANS * of_class[self.group]) / (n + LEANS)
        return share

    @property
    def visible(self) -> Array:
        """How many more contradict, in each bin, for each label given at random."""
        usual = self.usual
        return np.asarray(1 - usual - usual / max(self.n_classes - 1, 1))

    def surplus(self, limit: float) -> tuple[float, float]:
        """Share of new labels that are wrong above those of the release, and error."""
        n_new, n_old = self._count(self.new), self._count(~self.new)
        there = (n_new > 0) & (n_old > 0) & (self.visible > LEARNS)
        usual, visible = self.usual, self.visible
        found = self._count(self.new & self.contradicts) / np.maximum(n_new, 1)
        # As counted: half a row more in every bin would add up.
        of_release = self._count(~self.new & self.contradicts) / np.maximum(n_old, 1)
        expected = usual + visible * limit
        variance = expected * (1 - expected) / np.maximum(n_new, 1)
        variance += usual * (1 - usual) / np.maximum(n_old, 1)
        weight = np.where(there, visible / variance, 0.0)
        total, error, told = 0.0, 0.0, 0.0
        for code in np.unique(self.group):
            inside = self.group == code
            share = n_new[inside].sum() / n_new.sum()
            power = (weight * visible)[inside].sum()
            if not power:
                continue
            told += share
            total += share * (weight * (found - of_release))[inside].sum() / power
            error += share**2 / power
        if told < 0.5:
            return np.nan, np.nan
        # What nothing can be told of is taken to be like the rest.
        return float(total / told), float(np.sqrt(error) / told)

    def rule(self, judged: DataMap, by_new: DataMap) -> tuple[float, float]:
        """How well other new rows tell which labels contradict, and its error.

        The area under the ROC curve, among the rows that the release is sure of, less
        the part of the labels that contradict as usual.
        """
        sure = self.visible >= np.median(self.visible[self.of_row[self.new]])
        foretold = judged.measures["mean_proba"].argmax(axis=1)
        rows = np.arange(len(foretold))
        doubt = 1 - by_new.measures["mean_proba"][rows, foretold]
        areas: list[float] = []
        sizes: list[int] = []
        for which in (self.new, ~self.new):
            inside = which & sure[self.of_row]
            wrong = self.contradicts[inside]
            n_wrong = int(wrong.sum())
            if not 0 < n_wrong < len(wrong):
                areas, sizes = [*areas, 0.5], [*sizes, 1]
                continue
            ranks = stats.rankdata(doubt[inside])[wrong]
            above = ranks.sum() - n_wrong * (n_wrong + 1) / 2
            areas.append(float(above / (n_wrong * (len(wrong) - n_wrong))))
            sizes.append(n_wrong)
        n_new = self._count(self.new)
        found = self._count(self.new & self.contradicts)[sure].sum()
        usual = min((n_new * self.usual)[sure].sum() / max(found, 1), 1.0)
        if usual > MOST_USUAL:
            return 0.5, np.inf
        area = (areas[0] - usual * areas[1]) / (1 - usual)
        # The variance of a rank sum, of ranks between 0 and 1.
        variance = (1 / sizes[0] + usual**2 / sizes[1]) / 12
        return float(area), float(np.sqrt(variance) / (1 - usual))


def _result(
    verdict: str,
    reason: str,
    surplus: float,
    interval: tuple[float, float],
    rule: float,
    judged: DataMap | None,
    new: NDArray[np.bool_],
    counts: dict[str, Any],
) -> ReleaseCheck:
    return ReleaseCheck(
        verdict=verdict,
        reason=reason,
        surplus=surplus,
        interval=interval,
        rule=rule,
        regions=_regions(judged, new),
        confusions=_confusions(judged, new),
        **counts,
    )


def _regions(judged: DataMap | None, new: NDArray[np.bool_]) -> pd.DataFrame:
    columns = ["release", "new", "difference", "error"]
    if judged is None:
        return pd.DataFrame(columns=columns, index=pd.Index([], name="region"))
    codes = judged.region_codes()
    shares = [
        np.bincount(codes[rows], minlength=len(REGIONS))[: len(REGIONS)] / rows.sum()
        for rows in (~new, new)
    ]
    # Of the difference if there is none: the share of one new row has no variance.
    share = np.bincount(codes, minlength=len(REGIONS))[: len(REGIONS)] / len(codes)
    variance = share * (1 - share) * (1 / (~new).sum() + 1 / new.sum())
    values = [*shares, shares[1] - shares[0], np.sqrt(variance)]
    data = dict(zip(columns, values, strict=True))
    return pd.DataFrame(data, index=pd.Index(REGIONS, name="region"))


def _confusions(judged: DataMap | None, new: NDArray[np.bool_]) -> pd.DataFrame:
    """Pairs of labels that new rows confuse more often than chance would have it."""
    columns = ["label", "foretold", "n", "usual"]
    if judged is None:
        return pd.DataFrame(columns=columns)
    foretold = judged.classes[judged.measures["mean_proba"].argmax(axis=1)]
    pairs = pd.DataFrame({"label": judged.label, "foretold": foretold, "new": new})
    pairs = pairs[pairs["label"] != pairs["foretold"]]
    counts = pairs.groupby(["label", "foretold"])["new"].agg(["sum", "size"])
    n_new, n_old = int(new.sum()), int((~new).sum())
    n, of_release = counts["sum"], counts["size"] - counts["sum"]
    # Given how many there are in all, how likely are so many among the new ones?
    chance = stats.binom.sf(n - 1, counts["size"], n_new / (n_new + n_old))
    table = pd.DataFrame({"n": n, "usual": (of_release * n_new / n_old).round(1)})
    table = table[chance < 0.01 / max(len(table), 1)]
    order = (table["usual"] - table["n"]).sort_values(kind="stable").index
    return table.loc[order].reset_index()[columns]
