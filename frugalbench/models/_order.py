"""The nodes of a graph in an order in which each one finds its inputs made.

ONNX asks for such an order; runtimes do without it, and so do some files and converters.
"""

import heapq
from typing import Any

__all__ = ["in_order", "inner_graphs"]


def inner_graphs(node: Any) -> list[Any]:
    """The graphs inside a node: branches of If, bodies of Loop and Scan."""
    return [
        graph
        for one in node.attribute
        for graph in ((one.g,) if one.HasField("g") else tuple(one.graphs))
    ]


def in_order(nodes: Any) -> list[Any]:
    """The nodes so that makers come before readers, otherwise as they are.

    Nodes that wait for each other cannot be put in order: all are then left as they are.
    """
    makers = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    waiting: list[int] = []
    readers: dict[int, list[int]] = {}
    for place, node in enumerate(nodes):
        needed = {makers[name] for name in _read(node) if name in makers} - {place}
        waiting.append(len(needed))
        for maker in needed:
            readers.setdefault(maker, []).append(place)
    ready = [place for place, count in enumerate(waiting) if not count]
    found = []
    while ready:
        place = heapq.heappop(ready)
        found.append(nodes[place])
        for reader in readers.get(place, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, reader)
    return found if len(found) == len(nodes) else list(nodes)


def _read(node: Any) -> set[str]:
    """Names a node reads, those of its inner graphs included."""
    names, graphs = set(node.input), inner_graphs(node)
    while graphs:
        for one in graphs.pop().node:
            names.update(one.input)
            graphs += inner_graphs(one)
    return names
