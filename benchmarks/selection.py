"""Training on a part of the rows that the map chooses, against random rows.

GoEmotions, comments with one label: the six most frequent emotions, and all 28 classes
(neutral among them). A balanced SGDClassifier is trained on 17, 33 and 50 % of the
training rows, and its macro-F1 taken on the test rows: of the same kind, or trained on
short comments and tested on long ones (split at the median number of words). Then 10 %
of the labels are flipped, and the most suspicious rows dropped. Seeds set the map, the
learner, the random rows and the flips; the data stay the same.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score

from benchmarks import _harness
from sklearn_datamaps import DataMap, DataMapClassifier, DataMapSampler
from sklearn_datamaps.datasets import fetch_go_emotions

SHARES = (0.17, 0.33, 0.5)
DROPPED = (0.05, 0.1, 0.2)
FLIPPED = 0.1
EASY = 0.25
N_FREQUENT = 6
QUICK_ROWS = 3000
SAME, SHIFTED = "test comments", "short, tested on long"
GROUPS = ["task", "test", "share", "subset"]

SUBSETS: dict[str, dict[str, Any]] = {
    "easy": {"keep": "confidence", "ascending": False},
    "hard": {"keep": "confidence"},
    "ambiguous": {"keep": "variability"},
    "ambiguous, 1/4 easy": {"keep": "variability", "easy_fraction": EASY},
    "ambiguous, quotas": {"keep": "variability", "stratify": True},
    "ambiguous, quotas, 1/4 easy": {
        "keep": "variability",
        "stratify": True,
        "easy_fraction": EASY,
    },
}


@dataclass
class Part:
    """Training and test rows of one task.

    Attributes
    ----------
    task, test : str
        Which classes, and which test rows.
    X, X_test : csr
        The features, TF-IDF of words and pairs of words of the training rows.
    y, y_test : ndarray of int
        The labels.
    """

    task: str
    test: str
    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray

    def score(self, X: Any, y: np.ndarray, seed: int) -> float:
        """Macro-F1 on the test rows of a learner trained on X and y."""
        learner = sgd().set_params(random_state=seed).fit(X, y)
        predicted = learner.predict(self.X_test)
        return float(f1_score(self.y_test, predicted, average="macro"))

    def score_rows(self, rows: np.ndarray, y: np.ndarray, seed: int) -> float:
        """The same, trained on some rows."""
        return self.score(self.X[rows], y[rows], seed)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10, help="default: 10")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")


def sgd() -> SGDClassifier:
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def one_label(subset: str) -> pd.DataFrame:
    """Comments with exactly one label, with its number and their length."""
    text, target = fetch_go_emotions(None, subset=subset, return_X_y=True)
    frame = pd.DataFrame({"text": text, "label": target.to_numpy().argmax(axis=1)})
    frame["is_neutral"] = frame["label"] == target.columns.get_loc("neutral")
    frame["n_words"] = frame["text"].str.split().str.len()
    return frame[target.to_numpy().sum(axis=1) == 1]


def parts(quick: bool) -> Iterator[Part]:
    """Tasks, each with test rows of the same kind and with longer ones."""
    train, test = one_label("train"), one_label("test")
    train = train[:QUICK_ROWS] if quick else train
    counts = train.loc[~train["is_neutral"], "label"].value_counts()
    tasks = {f"{N_FREQUENT} emotions": counts.index[:N_FREQUENT]}
    if not quick:
        tasks["28 classes"] = train["label"].unique()
    for task, labels in tasks.items():
        rows = train[train["label"].isin(labels)]
        test_rows = test[test["label"].isin(labels)]
        yield _part(task, SAME, rows, test_rows)
        short = rows["n_words"].median()
        longer = test_rows[test_rows["n_words"] > short]
        yield _part(task, SHIFTED, rows[rows["n_words"] <= short], longer)


def _part(task: str, name: str, rows: pd.DataFrame, test_rows: pd.DataFrame) -> Part:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    X = vectorizer.fit_transform(rows["text"])
    X_test = vectorizer.transform(test_rows["text"])
    y, y_test = rows["label"].to_numpy(), test_rows["label"].to_numpy()
    return Part(task, name, X, y, X_test, y_test)


def maps(
    part: Part, y: np.ndarray, n_epochs: int, seed: int
) -> tuple[DataMap, DataMap]:
    """In-sample and out-of-fold map of the same run."""
    clf = DataMapClassifier(sgd(), n_epochs=n_epochs, cv=2, random_state=seed)
    clf.fit(part.X, y)
    return clf.in_sample_map_, clf.data_map_


def selected(part: Part, n_epochs: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """Scores of every subset: task, test, share, subset, rows, macro-F1."""
    where, n_samples = (part.task, part.test), len(part.y)
    yield *where, 1.0, "all", n_samples, part.score(part.X, part.y, seed)
    in_sample, out_of_fold = maps(part, part.y, n_epochs, seed)
    chosen = {name: (in_sample, how) for name, how in SUBSETS.items()}
    chosen |= {
        f"{name}, out-of-fold": (out_of_fold, SUBSETS[name])
        for name in ("ambiguous", "ambiguous, quotas")
    }
    random = np.random.default_rng(seed)
    for share in SHARES:
        size = round(share * n_samples)
        rows = random.choice(n_samples, size, replace=False)
        yield *where, share, "random", size, part.score_rows(rows, part.y, seed)
        for name, (data_map, how) in chosen.items():
            sampler = DataMapSampler(data_map, fraction=share, **how)
            X, y = sampler.fit_resample(part.X, part.y)
            yield *where, share, name, len(y), part.score(X, y, seed)


def flipped(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a share of them replaced by another class, and which ones."""
    random = np.random.default_rng(seed)
    classes, codes = np.unique(y, return_inverse=True)
    is_wrong = np.zeros(len(y), dtype=bool)
    is_wrong[random.choice(len(y), round(FLIPPED * len(y)), replace=False)] = True
    others = (codes + random.integers(1, len(classes), len(y))) % len(classes)
    return np.where(is_wrong, classes[others], y), is_wrong


def cleaned(part: Part, n_epochs: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """Scores without suspicious rows: task, share, ..., flips among the dropped."""
    y, is_wrong = flipped(part.y, seed)
    n_samples, everything = len(y), np.arange(len(y))
    nothing = part.score(part.X, y, seed)
    perfect = part.score_rows(everything[~is_wrong], y, seed)
    yield part.task, 0.0, "nothing dropped", n_samples, nothing, np.nan
    n_right = n_samples - is_wrong.sum()
    yield part.task, FLIPPED, "all flipped rows", n_right, perfect, 1.0
    in_sample, out_of_fold = maps(part, y, n_epochs, seed)
    random = np.random.default_rng(seed)
    for share in DROPPED:
        n_dropped = round(share * n_samples)
        rows = {"random": random.permutation(n_samples)[n_dropped:]}
        for recording, data_map in (
            ("in-sample", in_sample),
            ("out-of-fold", out_of_fold),
        ):
            sampler = DataMapSampler(data_map, drop="confidence", fraction=share)
            sampler.fit_resample(part.X, y)
            rows[f"suspicious, {recording}"] = sampler.sample_indices_
        for name, kept in rows.items():
            found = (is_wrong.sum() - is_wrong[kept].sum()) / n_dropped
            score = part.score_rows(kept, y, seed)
            yield part.task, share, name, len(kept), score, found


def against(table: pd.DataFrame, base: str, by: list[str]) -> pd.DataFrame:
    """Add the difference of macro-F1 to that of a base with the same seed."""
    of_base = table[table["subset"] == base].set_index([*by, "seed"])["macro_f1"]
    keys = pd.MultiIndex.from_frame(table[[*by, "seed"]])
    return table.assign(difference=table["macro_f1"] - of_base.reindex(keys).to_numpy())


def interval(values: pd.Series) -> tuple[float, float]:
    """95 % interval of the mean by Student's t over seeds."""
    half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
    return values.mean() - half, values.mean() + half


def summarize(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean macro-F1 and difference with its interval, one row a group."""
    groups = table.groupby(by, sort=False)
    summary = groups[["macro_f1", "difference"]].mean()
    bounds = groups["difference"].apply(interval)
    summary[["low", "high"]] = bounds.tolist()
    summary["rows"] = groups["n_rows"].first()
    if "found" in table:
        summary["flips_among_dropped"] = groups["found"].mean()
    return summary.reset_index()


def run(arguments: argparse.Namespace) -> None:
    n_seeds = 2 if arguments.quick else arguments.seeds
    n_epochs = 3 if arguments.quick else arguments.epochs
    print(_harness.environment())
    scores, noisy = [], []
    for part in parts(arguments.quick):
        print(f"{part.task}, {part.test}: {part.X.shape[0]:,} training rows")
        for seed in range(n_seeds):
            scores += [(seed, *row) for row in selected(part, n_epochs, seed)]
            if part.test == SAME:
                noisy += [(seed, *row) for row in cleaned(part, n_epochs, seed)]
    table = pd.DataFrame(scores, columns=["seed", *GROUPS, "n_rows", "macro_f1"])
    table = against(table, "random", ["task", "test", "share"])
    noise_columns = ["seed", "task", "share", "subset", "n_rows", "macro_f1", "found"]
    noise = pd.DataFrame(noisy, columns=noise_columns)
    noise = against(noise, "nothing dropped", ["task"])
    summary = summarize(table, GROUPS)
    noise_summary = summarize(noise, ["task", "share", "subset"])
    print(f"\nMacro-F1, mean of {n_seeds} seeds, and difference to random rows")
    print(summary.round(4).to_string(index=False))
    print(f"\n{FLIPPED:.0%} of the labels flipped; difference to dropping nothing")
    print(noise_summary.round(4).to_string(index=False))
    _harness.save(
        "selection",
        summary=summary,
        rounds=table,
        noise=noise_summary,
        noise_rounds=noise,
    )
    draw(table, noise)


def draw(table: pd.DataFrame, noise: pd.DataFrame) -> None:
    import seaborn as sns
    from matplotlib.figure import Figure

    tasks = table["task"].unique()
    figure = Figure(figsize=(13, 4 * len(tasks)), layout="constrained")
    grid = figure.subplots(len(tasks), 3, squeeze=False)
    of_subsets = table[~table["subset"].isin(["all", "random"])]
    of_noise = noise[
        noise["share"].isin(DROPPED) & (noise["subset"] != "all flipped rows")
    ]
    for row, task in zip(grid, tasks, strict=True):
        panels = {
            test: of_subsets[of_subsets["test"] == test] for test in (SAME, SHIFTED)
        }
        panels["10 % of labels flipped"] = of_noise
        for axes, (title, panel) in zip(row, panels.items(), strict=True):
            shown = panel[panel["task"] == task]
            sns.pointplot(
                shown.assign(share=shown["share"].map("{:.0%}".format)),
                x="difference",
                y="subset",
                hue="share",
                errorbar=interval,
                linestyle="none",
                dodge=0.5,
                palette="colorblind",
                markers=["o", "s", "D"],
                markersize=4,
                linewidth=1.5,
                ax=axes,
            )
            axes.axvline(0, color="0.5", linewidth=1)
            base = "random rows" if panel is not of_noise else "dropping nothing"
            axes.set(
                xlabel=f"macro-F1 less that of {base}",
                ylabel="",
                title=f"{task}: {title}",
            )
            axes.legend(title="kept" if panel is not of_noise else "dropped")
        row[1].set_yticklabels([])
    figure.suptitle(
        "Training on rows that the map chooses: mean and 95 % interval over seeds"
    )
    figure.savefig(_harness.RESULTS / "selection.png", dpi=120)
