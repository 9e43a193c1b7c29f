"""
A grid search over the map
==========================

`DataMapClassifier` is an estimator like any other: it is cloned, searched and scored,
and the map of the best candidate is there at the end.
"""

# %%

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier

X, y = load_breast_cancer(return_X_y=True)
pipe = make_pipeline(
    StandardScaler(),
    DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0),
)
grid = {
    "datamapclassifier__n_epochs": [5, 20],
    "datamapclassifier__estimator__alpha": [1e-4, 1e-2],
}
search = GridSearchCV(pipe, grid, cv=3).fit(X, y)
print(search.best_params_, round(search.best_score_, 3))

# %%
# The map of the pipeline that was fitted again on all rows:

data_map = DataMap.from_estimator(search)
print(data_map)
data_map.plot()

# %%
# How it went, epoch by epoch:

print(search.best_estimator_[-1].history_)
