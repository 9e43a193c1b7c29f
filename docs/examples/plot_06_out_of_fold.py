"""
Out-of-fold maps and memorization
=================================

A model remembers the rows that it was trained on, wrong labels too. What it owes to
having seen a row is the row's *memorization*: its confidence in-sample less that
out-of-fold.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
wrong = rng.choice(len(y), 90, replace=False)
y = y.copy()
y[wrong] = (y[wrong] + rng.integers(1, 10, 90)) % 10

network = MLPClassifier(hidden_layer_sizes=(128,), learning_rate_init=0.02)
clf = DataMapClassifier(network, n_epochs=150, cv=2, random_state=0).fit(X / 16, y)

# %%
# ``data_map_`` is the out-of-fold map, ``in_sample_map_`` the one of the model that
# was trained on all rows. Many wrong labels are learned by heart: sure in-sample,
# refused out-of-fold.

is_wrong = np.zeros(len(y), dtype=bool)
is_wrong[wrong] = True
inside, outside = clf.in_sample_map_.confidence, clf.data_map_.confidence
figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
for rows, name, color in ((~is_wrong, "right", "C0"), (is_wrong, "wrong", "C3")):
    ax.scatter(outside[rows], inside[rows], s=8, alpha=0.6, color=color, label=name)
ax.axline((0, 0), slope=1, color="gray", linewidth=1)
ax.set(xlabel="confidence out-of-fold", ylabel="confidence in-sample")
ax.legend(title="label")

# %%
# Memorization ranks them high, beside rare rows with right labels, which have to be
# learned by heart as well:

memorized = clf.data_map_.rank("memorization", n_samples=90)
print(f"{is_wrong[memorized].sum()} of the 90 most memorized rows have a wrong label")
