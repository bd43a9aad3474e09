"""Logistic regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from . import SEED
from .datasets import Floats, Ints, Part
from .network import Network, standardisation

THREADS = 2  # of the linear algebra: their number changes how sums are rounded
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)


def loss(penalty: float, z: Floats, y: Ints) -> float:
    """Log loss of a penalty by 5-fold cross-validation."""
    losses = []
    for fit, check in StratifiedKFold(5, shuffle=True, random_state=SEED).split(z, y):
        model = LogisticRegression(C=penalty, max_iter=5000).fit(z[fit], y[fit])
        losses.append(log_loss(y[check], model.predict_proba(z[check])))
    return float(np.mean(losses))


def train_logreg(part: Part) -> tuple[Network, str]:
    """Logistic regression; its penalty is chosen by 5-fold cross-validation on log loss."""
    mean, scale = standardisation(part.x)
    z = (part.x - mean) / scale
    with threadpool_limits(THREADS, user_api="blas"):
        best = min(PENALTIES, key=lambda penalty: loss(penalty, z, part.y))
        model = LogisticRegression(C=best, max_iter=5000).fit(z, part.y)
    # Softmax over the two scores (0, w.z + b) is the logistic function of w.z + b.
    weights = np.stack([np.zeros(z.shape[1]), model.coef_[0]], axis=1).astype(np.float32)
    bias = np.array([0.0, model.intercept_[0]], dtype=np.float32)
    note = f"scikit-learn LogisticRegression, C = {best:g} by 5-fold cross-validation on train"
    return Network(mean, scale, [(weights, bias)], clip=False), note
