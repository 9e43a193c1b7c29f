"""
LogisticRegression, iteration by iteration
==========================================

The commonest classifier there is has no ``partial_fit``. With scikit-learn 1.9 its
solver hands out the model after every iteration, and each is an epoch of the map.
"""

# %%

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMapClassifier

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
clf = DataMapClassifier(LogisticRegression()).fit(X, y)
print(clf.n_epochs_, "iterations")
print(clf.data_map_)

# %%
# It is the model that one would have without a map, bit for bit.

print((clf.coef_ == LogisticRegression().fit(X, y).coef_).all())

# %%
# How its opinion of the rows came about:

clf.history_.plot(xlabel="iteration", figsize=(6, 3.5), marker="o")

# %%

clf.data_map_.plot()
