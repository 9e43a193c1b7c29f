"""
A network: easy, ambiguous, forgotten
=====================================

The map of a small network on digits, and what its measures say of single rows.
"""

# %%

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier

X, y = load_digits(return_X_y=True)
network = MLPClassifier(hidden_layer_sizes=(32,), learning_rate_init=0.01)
clf = DataMapClassifier(
    network,
    n_epochs=15,
    batch_size=256,
    cv=2,
    measures=["forgetting", "first_learned"],
    random_state=0,
)
data_map = clf.fit(X / 16, y).data_map_
print(data_map)

# %%
# A row that is learned and lost again is *forgotten*. The digits that were forgotten
# most often are hard to read for people, too.

forgotten = data_map.rank("forgetting", n_samples=5)
unlearned = data_map.rank("confidence", n_samples=5)
figure, axes = plt.subplots(2, 5, figsize=(8, 4), layout="constrained")
for row, ax in zip([*forgotten, *unlearned], axes.flat, strict=True):
    ax.imshow(X[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"label {y[row]}\npredicted {data_map.predicted[row]}", fontsize=9)
    ax.set_axis_off()
figure.suptitle("Forgotten most often (above), of lowest confidence (below)")

# %%

data_map.plot()
