"""From a file of texts to scores of its rows: ours and the ways of others.

Each run is a process of its own, from its start to its end: the imports, reading a CSV
of 43,410 comments, TF-IDF of 1-3-grams, ten epochs of the same SGD, one score a row. Of
the others only what is their own is written here, afresh: *tutorial* keeps every
tensor and fills three lists row by row; *Data-IQ* appends to lists row by row and
stacks a column each epoch; *AUM* adds up margins in a dictionary, row by row; *five
folds* is what cleanlab asks for (out-of-fold probabilities), with its scores as NumPy
formulas. Time is the processor time of the process, memory its largest resident size.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps.datasets import fetch_go_emotions

BASE = "tutorial"
READ = """
import numpy as np, pandas as pd
cells = pd.read_csv({file!r}, dtype=str, na_filter=False)
texts, names = cells["text"].to_numpy(dtype=object), cells["label"]
"""
THEIRS = """
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.utils.class_weight import compute_class_weight
X = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts)
classes, y = np.unique(names, return_inverse=True)
weights = dict(enumerate(compute_class_weight("balanced", classes=np.arange(2), y=y)))
def epochs(n=10):
    learner = SGDClassifier(loss="log_loss", class_weight=weights)
    for epoch in range(n):
        learner.random_state = epoch
        yield learner.partial_fit(X, y, classes=[0, 1])
"""
OURS = """
from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._cli.features import text_features
from sklearn_datamaps._cli.learners import learner
X, _ = text_features(texts, (1, 3))
fitted = DataMapClassifier(learner(), n_epochs=10, cv={cv}, random_state=0)
print(fitted.fit(X, names).data_map_.confidence.mean())
"""
SCRIPTS = {
    "ours": OURS.replace("{cv}", "None"),
    "ours, cv=2": OURS.replace("{cv}", "2"),
    BASE: THEIRS
    + """
proba = np.stack([learner.predict_proba(X) for learner in epochs()])
confidence, variability, correctness = [], [], []
for row, label in enumerate(y):
    own = proba[:, row, label]
    confidence.append(float(own.mean()))
    variability.append(float(own.std()))
    correctness.append(float((proba[:, row].argmax(axis=1) == label).mean()))
print(np.mean(confidence))
""",
    "Data-IQ": THEIRS
    + """
gold = true = None
for learner in epochs():
    of_label, of_largest = [], []
    for probability, label in zip(learner.predict_proba(X), y):
        of_label.append(probability[label])
        of_largest.append(probability[np.argmax(probability)])
    of_label, of_largest = (np.array(v)[:, None] for v in (of_label, of_largest))
    gold = of_label if gold is None else np.hstack([gold, of_label])
    true = of_largest if true is None else np.hstack([true, of_largest])
aleatoric, confidence = np.mean(gold * (1 - gold), axis=1), np.mean(gold, axis=1)
print(confidence.mean(), aleatoric.mean(), true.mean())
""",
    "AUM": THEIRS
    + """
sums, counts = {}, {}
for learner in epochs():
    score = learner.decision_function(X)
    logits = np.column_stack([-score, score])
    for row, label in enumerate(y):
        other = np.delete(logits[row], label).max()
        sums[row] = sums.get(row, 0.0) + float(logits[row, label] - other)
        counts[row] = counts.get(row, 0) + 1
print(np.mean([sums[row] / counts[row] for row in sums]))
""",
    "five folds": THEIRS
    + """
from sklearn.model_selection import StratifiedKFold, cross_val_predict
learner = SGDClassifier(
    loss="log_loss", class_weight=weights, max_iter=10, tol=None, random_state=0
)
folds = StratifiedKFold(5, shuffle=True, random_state=0)
proba = cross_val_predict(learner, X, y, cv=folds, method="predict_proba")
own = proba[np.arange(len(y)), y]
at_least = [proba[y == k, k].mean() for k in (0, 1)]
off = (proba[:, 0] >= at_least[0]) & (y == 1) | (proba[:, 1] >= at_least[1]) & (y == 0)
print(own.mean(), off.sum())
""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="counted (default: 7)")
    parser.add_argument(
        "--more", action="store_true", help="add rounds to those that were saved"
    )


def run(arguments: argparse.Namespace) -> None:
    data = fetch_go_emotions()
    label = np.where(np.asarray(data.target) == 1, "gratitude", "other")
    frame = pd.DataFrame({"text": data.data, "label": label})
    print(_harness.environment())
    path, rows = _harness.RESULTS / "peers_rounds.csv", []
    if arguments.more and path.exists():
        rows = pd.read_csv(path).to_dict("records")
    first = 1 + max((row["round"] for row in rows), default=0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "comments.csv"
        (frame[:3000] if arguments.quick else frame).to_csv(file, index=False)
        # Once, so that all is compiled, as it is where it was installed.
        _harness.measured("-c", READ.format(file=str(file)) + SCRIPTS["ours"])
        for number in range(1 if arguments.quick else arguments.rounds):
            for name, script in SCRIPTS.items():
                cost = _harness.measured("-c", READ.format(file=str(file)) + script)
                rows.append({"round": first + number, "contestant": name, **cost})
            summary = table(pd.DataFrame(rows))
            _harness.save("peers", summary=summary, rounds=pd.DataFrame(rows))
    print(summary.round(2).to_string(index=False))


def table(rounds: pd.DataFrame) -> pd.DataFrame:
    """Medians, and ratios to the tutorial's script of the same round."""
    base = rounds[rounds["contestant"] == BASE].set_index("round")
    ratio = rounds.assign(
        time=rounds["cpu"] / rounds["round"].map(base["cpu"]),
        memory=rounds["peak_mb"] / rounds["round"].map(base["peak_mb"]),
    )
    return (
        ratio.groupby("contestant", sort=False)
        .agg(
            cpu_seconds=("cpu", "median"),
            peak_mb=("peak_mb", "median"),
            time_to_tutorial=("time", "median"),
            least=("time", "min"),
            most=("time", "max"),
            memory_to_tutorial=("memory", "median"),
            rounds=("cpu", "size"),
        )
        .reset_index()
    )
