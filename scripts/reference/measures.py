"""How good a model is on the test rows, at a threshold that was fixed without them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from sklearn.metrics import roc_auc_score

from .datasets import Dataset, Floats, Part
from .markdown import grid

FEW = 30  # rows under which a rate gets a star

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """What a model answers on the test rows, and how good that is."""

    threshold: float
    probability: Floats
    quality: dict[str, Any]


def measure(content: bytes, data: Dataset, threshold: float) -> Measured:
    """Run a model on the test rows and judge it."""
    probability = probabilities(content, data.test.x)
    return Measured(threshold, probability, quality(probability, data.test, threshold))


def probabilities(content: bytes, x: Floats) -> Floats:
    """The probability of class 1, run on the CPU with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (result,) = session.run(["probability"], {"features": x})
    return np.asarray(result, dtype=np.float32)[:, 1]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson score interval, 95 %."""
    z = 1.959963984540054
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def quality(probability: Floats, part: Part, threshold: float) -> dict[str, Any]:
    """Accuracy with its interval, AUC, and the rates to compare them with."""
    flagged = probability >= threshold
    hits, n = int((flagged == part.y).sum()), len(part.y)
    low, high = wilson(hits, n)
    base = float(part.y.mean())
    found, falsely = float(flagged[part.y == 1].mean()), float(flagged[part.y == 0].mean())
    shares = {
        "accuracy": hits / n,
        "accuracy_low": low,
        "accuracy_high": high,
        "majority_accuracy": max(base, 1 - base),
        "balanced_accuracy": (found + 1 - falsely) / 2,
        "auc": float(roc_auc_score(part.y, probability)),
        "base_rate": base,
        "selection_rate": float(flagged.mean()),
        "true_positive_rate": found,
        "false_positive_rate": falsely,
    }
    rounded = {name: round(value, 4) for name, value in shares.items()}
    return {"split": "test", "n": n, **rounded, "interval": "Wilson, 95 %"}


def rate(values: Flags) -> str:
    """A share for a table: nothing where there is nothing, a star where there is little."""
    if len(values) == 0:
        return "-"
    return f"{values.mean():.3f}" + ("\\*" if len(values) < FEW else "")


def group_table(flagged: Flags, part: Part) -> str:
    """n, accuracy, selection rate, TPR and FPR in every group."""
    names = ("attribute", "group", "n", "positives", "accuracy", "selection rate", "TPR", "FPR")
    rows = []
    for attribute, values in part.groups.items():
        array = np.array([value or "(missing)" for value in values])
        for group in sorted(set(array.tolist()), key=lambda name: (name == "(missing)", name)):
            y, f = part.y[array == group], flagged[array == group]
            rates = (rate(f == y), rate(f), rate(f[y == 1]), rate(f[y == 0]))
            rows.append((attribute, group, len(y), int(y.sum()), *rates))
    return grid(names, 2, rows)
