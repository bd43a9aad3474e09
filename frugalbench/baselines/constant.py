"""The answer that looks at nothing: how common each class is, or the mean."""

from typing import Any

import numpy as np

from frugalbench.baselines._graph import ANSWER, ML, Graph
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
    port = rows.ports[0]
    plain = len(rows.ports) == 1 and port.dtype == "float" and not rows.is_whole(port)
    if plain and port.shape is not None and len(port.shape) == 2:
        # One operator where the shape of the rows would take three, and a third more time.
        graph.add("TreeEnsembleRegressor", port.name, output=ANSWER, domain=ML, **_leaf(answer))
    else:
        shape = graph.add("Concat", graph.size(), graph.weight([answer.size], np.int64), axis=0)
        graph.add("Expand", graph.weight(answer[np.newaxis]), shape, output=ANSWER)
    return graph.finish(answer.size)


def _leaf(answer: Any) -> dict[str, Any]:
    """A tree that asks nothing."""
    return {
        "n_targets": answer.size,
        **{f"nodes_{name}": [0] for name in ("treeids", "nodeids", "featureids")},
        **{f"nodes_{name}": [0] for name in ("truenodeids", "falsenodeids")},
        "nodes_modes": ["LEAF"],
        "nodes_values": [0.0],
        "target_treeids": [0] * answer.size,
        "target_nodeids": [0] * answer.size,
        "target_ids": list(range(answer.size)),
        "target_weights": answer.astype(np.float32).tolist(),
    }
