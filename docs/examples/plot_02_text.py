"""
The map of a text classifier
============================

A vectorizer and a linear model in one pipeline: the map is made while it is fitted, and
belongs to the texts.
"""

# %%
# Tickets to a help desk, made up, of which every twentieth went to the wrong team.

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import DataMap, DataMapClassifier

rng = np.random.default_rng(0)
words = {
    "billing": [
        "invoice",
        "refund",
        "charged",
        "card",
        "payment",
        "twice",
        "amount",
        "receipt",
    ],
    "login": [
        "password",
        "reset",
        "account",
        "locked",
        "email",
        "code",
        "sign",
        "forgot",
    ],
    "delivery": [
        "parcel",
        "late",
        "courier",
        "address",
        "tracking",
        "arrived",
        "broken",
        "box",
    ],
}
common = [
    "please",
    "help",
    "my",
    "the",
    "is",
    "again",
    "today",
    "cannot",
    "since",
    "week",
    "with",
    "order",
]
teams = np.array(list(words))


def ticket(team):
    chosen = [*rng.choice(words[team], 3), *rng.choice(common, 5)]
    return " ".join(rng.permutation(chosen))


true = rng.choice(teams, 1500)
texts = np.array([ticket(team) for team in true])
given = true.copy()
wrong = rng.choice(len(true), 75, replace=False)
given[wrong] = rng.choice(teams, 75)

# %%
# The classifier comes last, after the vectorizer; ``from_estimator`` finds the map
# inside the pipeline, and ``with_columns`` carries the texts along.

sgd = SGDClassifier(loss="log_loss")
clf = DataMapClassifier(sgd, cv=2, random_state=0)
pipe = make_pipeline(TfidfVectorizer(), clf).fit(texts, given)
data_map = DataMap.from_estimator(pipe).with_columns(text=texts)
print(data_map)

# %%
# What the model never believed, to be read:

hardest = data_map.rank("confidence", n_samples=6)
frame = data_map.to_frame().iloc[hardest]
print(frame[["label", "predicted", "confidence", "text"]].to_string(max_colwidth=48))

# %%

data_map.plot(by="label")
