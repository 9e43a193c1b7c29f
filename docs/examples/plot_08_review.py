"""
Review, apply, compare
======================

The loop: a table of the rows worth a look, decisions, corrected labels, a second map,
and what has moved.
"""

# %%

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier, apply_review

X, y_true = load_digits(return_X_y=True)
rng = np.random.default_rng(1)
wrong = rng.choice(len(y_true), 60, replace=False)
y = y_true.copy()
y[wrong] = (y[wrong] + rng.integers(1, 10, 60)) % 10

network = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01)
clf = DataMapClassifier(network, n_epochs=20, cv=2, random_state=0)
before = clf.fit(X / 16, y).data_map_

# %%
# A person would fill in ``decision`` and ``new_label``, in the explorer page or in a
# spreadsheet. Here the true labels decide.

review = before.review(n=80)
position = review["position"].to_numpy()
is_wrong = y[position] != y_true[position]
review["decision"] = np.where(is_wrong, "relabel", "keep")
review["new_label"] = [
    label if relabel else None
    for label, relabel in zip(y_true[position], is_wrong, strict=True)
]
print(review[["position", "label", "decision", "new_label"]].head())

# %%
# Rows are matched by position and by a hash of their label, so that a stale review
# changes nothing.

y_corrected, kept = apply_review(y, review)
print(
    f"wrong labels: {(y != y_true).sum()} before, {(y_corrected != y_true).sum()} after"
)

# %%
# The same learner on the corrected labels, and the rows that have moved.

after = clf.fit(X / 16, y_corrected).data_map_
comparison = before.compare(after)
print(comparison)
comparison.plot()

# %%
# The page takes the same decisions by one key each. Pictures stand beside the rows; the
# file needs no network, and neither does what it saves.

from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    pictured = before.with_columns(image=X.reshape(-1, 8, 8))
    page = pictured.explore(Path(folder) / "digits.html", review=review)
    print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")
