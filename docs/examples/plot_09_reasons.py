"""
Why is this row disputed?
=========================

A suspicious label is a claim, and a claim needs reasons: the nearest rows, copies with
another label, and the words that pull a linear model away.
"""

# %%

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import explain_rows

rng = np.random.default_rng(0)
words = {
    "billing": ["invoice", "refund", "charged", "card", "payment", "receipt"],
    "login": ["password", "reset", "account", "locked", "code", "forgot"],
}
common = ["please", "help", "my", "the", "is", "again", "today", "cannot"]
teams = rng.choice(list(words), 400)
texts = np.array(
    [
        " ".join(rng.permutation([*rng.choice(words[t], 3), *rng.choice(common, 3)]))
        for t in teams
    ]
)
given = teams.copy()
given[:3] = ["billing" if team == "login" else "login" for team in teams[:3]]

# %%
# The first three tickets went to the wrong team.

pipe = make_pipeline(TfidfVectorizer(), SGDClassifier(loss="log_loss", random_state=0))
explanation = explain_rows(pipe, texts, given, [0, 1, 2])
for text, sentence in zip(texts[:3], explanation.sentences, strict=True):
    print(f"{text}\n    {sentence}")

# %%
# The same as a table, with the weight of each reason, and as a picture.

print(explanation.to_frame().head(8).to_string(max_colwidth=60))
explanation.plot()
