"""
Wrong labels in ten lines
=========================

Some digits get a wrong label on purpose. A map finds them again: their own label stays
improbable, epoch after epoch, to models that were not trained on them.
"""

# %%
# Eighty labels of 1,797 are changed.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
rng = np.random.default_rng(0)
wrong = rng.choice(len(y), size=80, replace=False)
y_noisy = y.copy()
y_noisy[wrong] = (y[wrong] + rng.integers(1, 10, size=80)) % 10

# %%
# With ``cv=2`` each row is recorded by a model that saw the other half of the rows
# only.

network = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01)
clf = DataMapClassifier(network, n_epochs=20, cv=2, random_state=0)
data_map = clf.fit(X, y_noisy).data_map_
print(data_map)

# %%
# The rows of lowest confidence come first.

suspects = data_map.rank("confidence", n_samples=80)
print(f"{np.isin(suspects, wrong).sum()} of the first 80 are wrong labels")

# %%
# Rows at the bottom left are the ones to read: never accepted, without any wavering.

data_map.plot(title="Digits with 80 wrong labels")
