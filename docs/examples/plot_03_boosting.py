"""
Gradient boosting: a map in stages
==================================

Boosting is trained once. Its rounds are the epochs: after the tenth of them the model
has an opinion of each row, after the last another.
"""

# %%

from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingClassifier

from sklearn_datamaps import DataMapClassifier, TrajectoryDisplay

X, y = load_wine(return_X_y=True, as_frame=True)
boosting = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.1)
clf = DataMapClassifier(boosting, n_epochs=20, store_trajectories=True, random_state=0)
data_map = clf.fit(X, y).data_map_
print(data_map)

# %%
# ``estimator_`` is the boosting as it would be without us; ``history_`` has one row
# for each recorded stage.

print(clf.estimator_.n_iter_, "rounds")
print(clf.history_.tail(3))

# %%
# The probability of the own label over the stages: rows that were learned late are
# the ones that the last rounds are spent on.

late = data_map.rank("variability", n_samples=6)
TrajectoryDisplay.from_data_map(data_map, late)
