"""Does the sentence beside a row name the right label? Planted errors on texts.

Of every set 8 % of the labels become others, drawn uniformly; a map is made as on the
command line (1-2-gram TF-IDF, ``SGDClassifier``), and the rows with a planted error are
explained. *named*: the sentence has the label that was there before; *first*: as its
first fact; *two*: the first fact has two other labels; *model alone*: the likeliest
other label of the model is it. No sentence can name what neither model nor neighbours
know: *accuracy* is that of the map held out. The weight of the neighbours, and how near
a second label must be to be named, were chosen on *ten* and *hausa*, with other errors.
"""

import argparse
import operator
import os
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from benchmarks import _harness
from sklearn_datamaps import DataMapClassifier, explain_rows
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps.datasets import fetch_go_emotions

SHARE = 0.08
SIX = ["amusement", "anger", "curiosity", "gratitude", "love", "sadness"]
TEN = [*SIX, "admiration", "fear", "joy", "surprise"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    parser.add_argument("--rows", type=int, default=8000, help="of a set, at the most")


def run(arguments: argparse.Namespace) -> None:
    print(_harness.environment())
    print(__doc__.partition("\n\n")[2])
    n_rows = 1500 if arguments.quick else arguments.rows
    n_seeds = 1 if arguments.quick else arguments.seeds
    table = pd.DataFrame(
        [
            {"set": name, "seed": seed, **measure(*rows_of(name, n_rows, seed), seed)}
            for name in ("gratitude", "six", "ten", "emotions", "hausa")
            for seed in range(n_seeds)
        ]
    )
    summary = table.drop(columns="seed").groupby("set", sort=False).mean()
    print(summary.to_string(float_format="{:.3f}".format))
    _harness.save("evidence", summary=summary.reset_index())


def rows_of(name: str, n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts and labels, at most so many."""
    if name == "hausa":
        folder = Path(os.environ["SKLEARN_DATAMAPS_DATA"])
        table = pd.read_parquet(folder / "real_noise" / "hausa_news.parquet")
        texts, labels = table["text"].to_numpy(), table["true_label"].to_numpy()
    else:
        comments = fetch_go_emotions(None)
        target = comments.target.to_numpy()
        is_one = target.sum(axis=1) == 1
        texts = comments.data.to_numpy(dtype=object)[is_one]
        names = np.array(comments.target_names, dtype=object)
        labels = names[target[is_one].argmax(axis=1)]
        if name == "gratitude":
            labels = np.where(labels == "gratitude", "gratitude", "other")
        elif name != "emotions":
            among = np.isin(labels, SIX if name == "six" else TEN)
            texts, labels = texts[among], labels[among]
    rows = np.random.default_rng(seed).permutation(len(labels))[:n_rows]
    return texts[rows], labels[rows]


def measure(texts: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, float]:
    """Shares of the planted errors that are named right."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(labels, return_inverse=True)
    planted = np.flatnonzero(rng.random(len(labels)) < SHARE)
    other = rng.integers(1, len(classes), len(planted))
    given = codes.copy()
    given[planted] = (codes[planted] + other) % len(classes)
    clf = DataMapClassifier(
        SGDClassifier(loss="log_loss", class_weight="balanced"), random_state=seed
    )
    pipe = make_pipeline(NgramTfidfVectorizer(ngram_range=(1, 2)), clf)
    pipe.fit(texts, classes[given])
    explained = explain_rows(pipe, texts, classes[given], planted)
    true = [repr(str(label)) for label in labels[planted]]
    own = [str(label) for label in classes[given[planted]]]
    pairs = zip(explained.sentences, true, strict=True)
    firsts = [said.split(";")[0] for said in explained.sentences]
    names = [repr(str(name)) for name in classes]
    n_others = [
        sum(name in said for name in names if name != repr(label))
        for said, label in zip(firsts, own, strict=True)
    ]
    rivals = [
        repr(next(name for name, _ in likely if name != label))
        for likely, label in zip(explained.likely, own, strict=True)
    ]
    held_out = DataMapClassifier(clf.estimator, cv=2, random_state=seed)
    held_out.fit(pipe[0].transform(texts), labels)
    return {
        "rows": len(labels),
        "labels": len(classes),
        "named": float(np.mean([label in said for said, label in pairs])),
        "first": float(np.mean(list(map(operator.contains, firsts, true)))),
        "two": float(np.mean(np.array(n_others) > 1)),
        "model alone": float(np.mean(np.array(rivals) == np.array(true))),
        "accuracy": float(held_out.history_["accuracy"].iloc[-1]),
    }
