"""Logistic or ridge regression on standardised features."""

import math
import warnings
from typing import Any

import numpy as np

from frugalbench.baselines._graph import ANSWER, ML, Graph
from frugalbench.baselines._rows import Rows

__all__ = ["fit"]

STEPS = 500
FAR = 100
"""Standard deviations from 0 within which a mean can be taken into the bias."""
NEVER = -1e4
"""The logit of a class that no training row has; its probability is nought."""


def fit(rows: Rows) -> bytes:
    """Scikit-learn's LogisticRegression, or Ridge for numbers, with its default penalty.

    Features are standardised, and empty ones take the median of the training rows.

    Raises:
        ValueError: the rows hold one class only.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    x, y = rows.matrix()
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(x)
    scaler = StandardScaler().fit(imputer.transform(x))
    z = scaler.transform(imputer.transform(x))
    model = LogisticRegression(max_iter=STEPS) if rows.classes else Ridge()
    with warnings.catch_warnings():
        # Steps that end before the last digit settles still give a linear model.
        warnings.simplefilter("ignore")
        model.fit(z, y)
    weight, bias = _weights(model, len(rows.classes))
    graph = Graph(rows)
    features = graph.features()
    if rows.empty:
        features = graph.add(
            "Imputer",
            features,
            domain=ML,
            imputed_value_floats=imputer.statistics_.tolist(),
            replaced_value_float=math.nan,
        )
    scale, offset = scaler.scale_, scaler.mean_
    weight = weight / scale[:, np.newaxis]
    if (np.abs(offset) >= FAR * scale).any():
        # In single precision the small differences of large numbers would be lost.
        near = offset.astype(np.float32)
        features = graph.add(
            "Scaler", features, domain=ML, offset=near.tolist(), scale=[1.0] * near.size
        )
        offset = offset - near
    bias = bias - offset @ weight
    graph.add(
        "LinearRegressor",
        features,
        output=ANSWER,
        domain=ML,
        coefficients=weight.T.ravel().tolist(),
        intercepts=bias.tolist(),
        targets=bias.size,
        post_transform="SOFTMAX" if rows.classes else "NONE",
    )
    return graph.finish(bias.size)


def _weights(model: Any, classes: int) -> tuple[Any, Any]:
    """Weights (features, answers) and biases (answers,), a column for each of the classes."""
    weight, bias = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    if not classes:
        return weight, bias
    if bias.size == 1:
        # Of two classes scikit-learn keeps the second one's logit against the first one's.
        weight, bias = np.hstack([0 * weight, weight]), np.array([0.0, bias[0]])
    every, shift = np.zeros((weight.shape[0], classes)), np.full(classes, NEVER)
    every[:, model.classes_], shift[model.classes_] = weight, bias
    return every, shift
