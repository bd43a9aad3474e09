"""The answer that looks at nothing: how common each class is, or the mean."""

import numpy as np

from frugalbench.baselines._graph import ANSWER, Graph
from frugalbench.baselines._rows import Rows

__all__ = ["fit"]


def fit(rows: Rows) -> bytes:
    """The share of each class among the training rows, or the mean of their labels.

    The class that is answered is the commonest one (with another threshold than one half, the
    positive one where its share reaches it).
    """
    if rows.classes:
        answer = np.bincount(rows.labels, minlength=len(rows.classes)) / rows.labels.size
    else:
        answer = np.array([rows.labels.mean()])
    graph = Graph(rows)
    shape = graph.add("Concat", graph.size(), graph.weight([answer.size], np.int64), axis=0)
    graph.add("Expand", graph.weight(answer[np.newaxis]), shape, output=ANSWER)
    return graph.finish(answer.size)
