"""Whether a new file has more wrong labels than a release, or other ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats
from sklearn.base import clone

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.regions import REGIONS
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._training.classifier import DataMapClassifier
from sklearn_datamaps._training.folds import TooFewRowsError, duplicate_rows

# Chosen on three sets, and tried on others: benchmarks/check.
# What is looked for: labels at random (LEAST), and those that the release finds less
# implausible (MOST), of which there are more by chance: surer, in how many errors.
LEAST, MOST = 0.05, 0.5
TAIL, TAIL_OF_MOST = 0.05, 0.01  # beyond each end of an interval of 90 %
RULE, SURELY = 0.65, 0.55  # area under the ROC curve of errors by a rule; its end
MOST_USUAL = 0.9  # of the labels that contradict: no rule can be seen beside them
USUAL = 20.0  # rows a class that new ones are taken to have as the release does
SMALL = 320  # rows of the release of a class that is not looked at by itself
FEW = 10  # rows that are like one of the release by chance, at any rate
WHOLE = 0.9  # of the rows of a release that are among the new: it is part of these
LEARNS = 0.15  # how far a row must be from a guess, to tell anything
TINY = 1e-6  # a probability that counts as none
OK, TOO_MANY, CANNOT_TELL = "ok", "too many", "cannot tell"
UNKNOWN = "too many new rows have labels that the release does not have"
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
    n_questions: int = 1,
) -> ReleaseCheck:
    """Compare the labels of new rows with those of a release.

    Every row, of the release or new, is judged by a model of one half of the release
    that has not seen it, whose probabilities are calibrated on the other half and
    follow how frequent the classes are among the new rows. Where labels are less
    plausible than those of the release, that is put down to errors.

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
    n_questions : int, default=1
        How many such comparisons are made: the intervals hold for all of them at once
        (Bonferroni).

    Notes
    -----
    Let q(k) be the probability of label k of a row, and r(k) that of a label given at
    random in place of one drawn from q. Of labels of which a share e is wrong the
    likelihood is (1 - e) q + e r; the surplus is one step of the score,
    (r - q) / ((1 - e) q + e r), from e = 0.05 on: its mean over the new rows less that
    over the release, by what it would be if all were wrong. What is usual of a row is
    subtracted first. With e = 0.5 the score counts plausible and implausible labels
    more alike, which finds errors between classes that are confused; the surplus is
    that one where it alone is surely above the limit. Both are worked out for each
    class that is predicted and added up by their number of new rows. Variances are
    those of different rows: copies are one.
    """
    release = np.arange(len(y)) < n_release
    unit = duplicate_rows(X)
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
    odds = _Odds.of(judged, new, fold, unit[rows])
    ends = stats.norm.isf(np.divide([TAIL, TAIL_OF_MOST], n_questions))
    z, z_of_most = ends.tolist()
    surplus, error = odds.surplus(LEAST, limit)
    of_most, its_error = odds.surplus(MOST, limit)
    sure = surplus > limit and surplus > z * error
    if not sure and of_most > limit and of_most > z_of_most * its_error:
        surplus, error, sure = of_most, its_error, True
    interval = (surplus - z * error, surplus + z * error)
    rule = np.nan
    reason = ""
    if not np.isfinite(error):
        verdict = CANNOT_TELL
        reason = "the learner hardly tells the classes of the release"
    elif sure:
        verdict = TOO_MANY
        try:
            rule, of_rule = odds.rule(judged_by(new))
        except TooFewRowsError:  # or all alike, of one class: no rule to be learned
            rule, of_rule = np.nan, np.inf
        if rule > RULE and rule - z * of_rule > SURELY:
            verdict = CANNOT_TELL
            reason = (
                "the labels that contradict the release agree among themselves: they "
                "follow a rule that it does not have, be it errors or a new definition"
            )
        elif _moved(y[rows], new) > interval[1]:
            verdict = CANNOT_TELL
            reason = (
                "some classes are much more frequent than in the release, others less: "
                "more than errors alone would make them"
            )
    elif interval[1] <= limit:
        verdict = OK
    else:
        verdict = CANNOT_TELL
        reason = "the interval reaches above what is allowed: more rows would tell"
    if verdict == OK and counts["n_unknown"] > limit * len(y[~release]):
        verdict = CANNOT_TELL
        reason = UNKNOWN
    return _result(verdict, reason, surplus, interval, rule, judged, new, counts)


@dataclass(frozen=True)
class LabelChecks:
    """What comparisons of several labels a row found.

    Attributes
    ----------
    verdict : {"ok", "too many", "cannot tell"}
        "too many" if it is so of a label, "ok" if it is so of all.
    reason : str
        Of which labels it cannot be told, and why; else empty.
    limit : float
        What is allowed of each label.
    each : dict of str to ReleaseCheck
        By label.
    """

    verdict: str
    reason: str
    limit: float
    each: dict[str, ReleaseCheck]


def check_labels(
    learner: Any,
    X: Any,
    y: NDArray[np.bool_],
    names: list[str],
    n_release: int,
    *,
    limit: float = 0.02,
    n_unknown: int = 0,
    **more: Any,
) -> LabelChecks:
    """Compare new rows of several labels with those of a release, label by label.

    Parameters
    ----------
    learner, X, n_release, limit
        As in :func:`check_release`.
    y : ndarray of bool of shape (n_samples, n_labels)
        Whether each row has each label.
    names : list of str
        The labels.
    n_unknown : int, default=0
        New rows that have a label which the release does not have.
    **more : dict
        ``n_epochs`` and ``random_state``.
    """
    more |= {"limit": limit, "n_questions": len(names)}
    each = {
        name: check_release(learner, X, is_set, n_release, **more)
        for name, is_set in zip(names, y.T, strict=True)
    }
    verdicts = {found.verdict for found in each.values()}
    unclear: dict[str, list[str]] = {}
    for name, found in each.items():
        if found.reason:
            unclear.setdefault(found.reason, []).append(name)
    reason = "; ".join(f"{why} ({quoted(of, 5)})" for why, of in unclear.items())
    for verdict in (TOO_MANY, CANNOT_TELL):
        if verdict in verdicts:
            return LabelChecks(verdict, reason, limit, each)
    if n_unknown > limit * (len(y) - n_release):
        return LabelChecks(CANNOT_TELL, UNKNOWN, limit, each)
    return LabelChecks(OK, "", limit, each)


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


def _moved(y: Array, new: NDArray[np.bool_]) -> float:
    """Share of new rows by which classes are more frequent than before, beyond chance.

    The total variation distance, less one and a half times what it is on average of
    two samples of the same rows.
    """
    codes, names = pd.factorize(y)
    now, before = (np.bincount(codes[r], minlength=len(names)) for r in (new, ~new))
    now, before, whole = (n / n.sum() for n in (now, before, now + before))
    spread = np.sqrt(whole * (1 - whole) * (1 / new.sum() + 1 / (~new).sum()))
    by_chance = spread.sum() / np.sqrt(2 * np.pi)
    return float(abs(now - before).sum() / 2 - 1.5 * by_chance)


def _calibrated(proba: Array, code: Array, rows: NDArray[np.bool_]) -> Array:
    """Probabilities that are as often right as they say for some of the rows.

    Their logarithms are scaled, and shifted for each class (Guo et al. 2017, ICML).
    """
    logs = np.log(np.clip(proba, TINY, 1))
    known, own = logs[rows], np.eye(proba.shape[1])[code[rows]]

    def loss(parameters: Array) -> tuple[float, Array]:
        scale, shift = np.exp(parameters[0]), parameters[1:]
        found = special.log_softmax(scale * known + shift, axis=1)
        away = np.exp(found) - own
        gradient = [scale * (away * known).sum(), *(away.sum(axis=0) + shift)]
        value = -(found * own).sum() + (shift**2).sum() / 2
        return float(value / len(own)), np.array(gradient) / len(own)

    start = np.zeros(1 + proba.shape[1])
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.asarray(special.softmax(np.exp(best[0]) * logs + best[1:], axis=1))


@dataclass(frozen=True)
class _Odds:
    """How plausible each label is to models of the release that have not seen it."""

    proba: Array  # of shape (n_samples, n_classes)
    code: Array  # of the label given
    new: NDArray[np.bool_]
    unit: Array  # of equal rows

    @classmethod
    def of(
        cls, judged: DataMap, new: NDArray[np.bool_], fold: Array, unit: Array
    ) -> "_Odds":
        proba, code = judged.measures["mean_proba"].copy(), judged.label_codes()
        for half in (0, 1):
            teachers = ~new & (fold != half)
            calibrated = _calibrated(proba, code, teachers)
            proba[fold == half] = calibrated[fold == half]
        k = proba.shape[1]
        usual = np.bincount(code[~new], minlength=k) + 0.5
        usual /= usual.sum()
        now = np.bincount(code[new], minlength=k) + USUAL * k * usual
        proba[new] *= now / now.sum() / usual
        return cls(proba / proba.sum(axis=1, keepdims=True), code, new, unit)

    @property
    def visible(self) -> Array:
        """How much more often each row contradicts if its label is a random one."""
        k = self.proba.shape[1]
        return np.asarray((k * self.proba.max(axis=1) - 1) / (k - 1))

    def surplus(self, share: float, limit: float) -> tuple[float, float]:
        """Share of new labels that are wrong above those of the release, and error."""
        k, usual = self.proba.shape[1], self.proba
        random = (1 - usual) / (k - 1)
        score = (random - usual) / ((1 - share) * usual + share * random)
        expected = (usual * score).sum(axis=1)
        found = score[np.arange(len(score)), self.code] - expected
        wrong = (random * score).sum(axis=1) - expected
        foretold = usual.argmax(axis=1)
        small = np.bincount(foretold[~self.new], minlength=k) < SMALL
        group = np.where(small[foretold], k, foretold)
        variances = {}  # of the score of each row, with the errors that are allowed
        for of_new, allowed in ((True, limit), (False, 0.0)):
            chance = (1 - allowed) * usual + allowed * random
            mean = (chance * score).sum(axis=1)
            variances[of_new] = (chance * score**2).sum(axis=1) - mean**2
        told, total, variance = 0.0, 0.0, 0.0
        for code in np.unique(group[self.new]):
            new = self.new & (group == code)
            old = ~self.new & (group == code)
            if self.visible[new].mean() <= LEARNS or not old.any():
                continue
            part, seen = new.sum() / self.new.sum(), wrong[new].mean()
            told += part
            total += part * (found[new].mean() - found[old].mean()) / seen
            of_both = self._variance(found, variances[True], new)
            of_both += self._variance(found, variances[False], old)
            variance += part**2 * of_both / seen**2
        if told < 0.5 or len(np.unique(self.unit[self.new])) < 2:
            return np.nan, np.nan
        # What nothing can be told of is taken to be like the rest.
        return float(total / told), float(np.sqrt(variance) / told)

    def _variance(self, found: Array, by_chance: Array, rows: Array) -> float:
        """Of a mean, as the rows vary, copies as one; at the least as by chance."""
        _, unit = np.unique(self.unit[rows], return_inverse=True)
        of_unit = np.bincount(unit, found[rows] - found[rows].mean())
        seen = (of_unit**2).sum() * len(of_unit) / max(len(of_unit) - 1, 1)
        return float(max(seen, by_chance[rows].sum()) / rows.sum() ** 2)

    def rule(self, by_new: DataMap) -> tuple[float, float]:
        """How well other new rows tell which labels contradict, and its error.

        The area under the ROC curve, among the rows that the release is sure of, less
        the part of the labels that contradict as usual.
        """
        sure = self.visible >= np.median(self.visible[self.new])
        foretold = self.proba.argmax(axis=1)
        rows = np.arange(len(foretold))
        contradicts = foretold != self.code
        doubt = 1 - by_new.measures["mean_proba"][rows, foretold]
        areas: list[float] = []
        sizes: list[int] = []
        for which in (self.new, ~self.new):
            wrong = contradicts[which & sure]
            n_wrong = int(wrong.sum())
            if not 0 < n_wrong < len(wrong):
                areas, sizes = [*areas, 0.5], [*sizes, 1]
                continue
            ranks = stats.rankdata(doubt[which & sure])[wrong]
            above = ranks.sum() - n_wrong * (n_wrong + 1) / 2
            areas.append(float(above / (n_wrong * (len(wrong) - n_wrong))))
            sizes.append(n_wrong)
        doubted = 1 - self.proba.max(axis=1)
        there, before = self.new & sure, ~self.new & sure
        share = contradicts[before].sum() / max(doubted[before].sum(), TINY)
        found = int(contradicts[there].sum())
        usual = min(float(share * doubted[there].sum()) / max(found, 1), 1.0)
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
