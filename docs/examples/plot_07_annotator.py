"""
Which annotator?
================

Wrong labels seldom fall from the sky. ``summary(by=...)`` asks of any column whether
its groups have more suspicious labels than the others: who labelled, when, from which
source.
"""

# %%
# Twelve people label digits. Eleven of them err in 3 % of the cases, one in 20 %.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import audit_labels

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
annotator = rng.integers(0, 12, len(y))
share = np.where(annotator == 4, 0.2, 0.03)
wrong = rng.random(len(y)) < share
y = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)

# %%
# The audit estimates for each row the chance that its label is wrong.

audit = audit_labels(SGDClassifier(loss="log_loss"), X / 16, y, random_state=0)
print(audit)

# %%
# ``p_holm`` is corrected for the number of groups that are looked at.

names = np.array([f"person {number:02}" for number in annotator])
by_person = audit.with_columns(person=names).summary(by="person")
print(by_person.round(3).to_string())

# %%

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
share_wrong = by_person["expected_wrong"] / by_person["n_samples"]
ax.barh(by_person.index, 100 * share_wrong)
ax.invert_yaxis()
ax.set(xlabel="labels expected to be wrong (%)")
