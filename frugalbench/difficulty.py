"""How difficult each row is: the loss of a simple model that was not fitted on it.

Watson et al. (2022), "On the importance of difficulty calibration in membership inference attacks":
a loss says more about membership when it is compared with that of a model that never saw the row.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["out_of_fold"]

Floats = npt.NDArray[np.float64]
FOLDS = 5
MOST_FITTED = 10_000
MOST_WEIGHED = 4_000_000
"""Rows times columns times classes that a model is fitted to at most."""
MAX_CLASSES = 100
STEPS = 200


def out_of_fold(matrix: Floats, labels: npt.NDArray[Any], classes: int, seed: int) -> Floats | None:
    """The loss of each row under a linear model fitted to the other four fifths of the rows.

    Logistic regression and the logarithmic loss, or ridge regression and the squared error, both
    of scikit-learn; of very many rows each model is fitted to some.

    Args:
        matrix: standardised columns, (rows, columns).
        labels: codes of the classes, (rows,), or the numbers of a regression.
        classes: how many classes there are; 0 in a regression.
        seed: of the folds.

    Returns:
        Losses, float64 (rows,). None without scikit-learn, with fewer than ten rows, no column,
        over 100 classes, or a fold in which all labels are alike.
    """
    try:
        from sklearn.linear_model import LogisticRegression, Ridge
    except ImportError:
        return None
    rows, width = matrix.shape
    if rows < 2 * FOLDS or not width or classes > MAX_CLASSES:
        return None
    rng = np.random.default_rng(seed)
    fold = rng.permutation(rows) % FOLDS
    most = max(100, min(MOST_FITTED, MOST_WEIGHED // (width * max(classes, 1))))
    losses = np.empty(rows)
    for number in range(FOLDS):
        left = fold == number
        others = np.flatnonzero(~left)
        others = others[rng.permutation(others.size)[:most]]
        if classes and np.unique(labels[others]).size < 2:
            return None
        model = LogisticRegression(max_iter=STEPS) if classes else Ridge()
        with warnings.catch_warnings():
            # A model that has not quite converged is a reference as good as any.
            warnings.simplefilter("ignore")
            model.fit(matrix[others], labels[others])
            losses[left] = _losses(model, matrix[left], labels[left], classes)
    return losses


def _losses(model: Any, matrix: Floats, labels: npt.NDArray[Any], classes: int) -> Floats:
    if not classes:
        return np.asarray((model.predict(matrix) - labels) ** 2, np.float64)
    # A class that no row of the other folds has is given nothing.
    score = np.zeros((len(matrix), classes))
    score[:, model.classes_] = model.predict_proba(matrix)
    right = score[np.arange(len(matrix)), labels]
    return np.asarray(-np.log(np.maximum(right, np.finfo(np.float64).eps)))
