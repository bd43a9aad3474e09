"""A small decision tree."""

from typing import Any

import numpy as np

from frugalbench.baselines._graph import ANSWER, ML, Graph
from frugalbench.baselines._rows import Rows

__all__ = ["fit"]

DEPTH = 5
LEAF = -2
"""How scikit-learn marks a leaf where a feature's number would stand."""


def fit(rows: Rows) -> bytes:
    """Scikit-learn's decision tree, at most five questions deep.

    Empty features take the branch that scikit-learn found for them.
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    x, y = rows.matrix()
    kind = DecisionTreeClassifier if rows.classes else DecisionTreeRegressor
    model = kind(max_depth=DEPTH, random_state=0).fit(x, y)
    places = model.classes_ if rows.classes else np.array([0])
    columns = max(1, len(rows.classes))
    graph = Graph(rows)
    graph.add(
        "TreeEnsembleRegressor",
        graph.features(),
        output=ANSWER,
        domain=ML,
        n_targets=columns,
        **_attributes(model.tree_, places),
    )
    return graph.finish(columns)


def _attributes(tree: Any, places: Any) -> dict[str, Any]:
    """A fitted tree in the words of the operator; `places` are the columns of its values."""
    leaves = np.flatnonzero(tree.feature == LEAF)
    values = tree.value[leaves, 0, :]
    leaf = tree.feature == LEAF
    return {
        "nodes_treeids": [0] * tree.node_count,
        "nodes_nodeids": list(range(tree.node_count)),
        "nodes_featureids": np.where(leaf, 0, tree.feature).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": _floor32(np.where(leaf, 0.0, tree.threshold)).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, tree.children_left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, tree.children_right).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, tree.missing_go_to_left).tolist(),
        "target_treeids": [0] * values.size,
        "target_nodeids": np.repeat(leaves, places.size).tolist(),
        "target_ids": np.tile(places, leaves.size).tolist(),
        "target_weights": values.ravel().astype(np.float32).tolist(),
    }


def _floor32(values: Any) -> Any:
    """The largest single-precision numbers that are no larger: x <= t stays what it was."""
    near = values.astype(np.float32)
    above = near.astype(np.float64) > values
    return np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
