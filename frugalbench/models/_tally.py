"""Add up the multiply-adds of a graph whose shapes are known, and say what was left out."""

from dataclasses import dataclass, field, replace
from typing import Any

from frugalbench.models._look import Shape, attributes_of, shapes_of, small_array
from frugalbench.models._operators import UNCOUNTED, Sized, multiply_adds
from frugalbench.models._order import inner_graphs
from frugalbench.models._slim import PER_ROW

__all__ = ["TOO_MANY", "Work", "tally"]

TOO_MANY = 2**63
ENDLESS = 2**31
"""Turns that mean: until the condition ends it."""

ML = "ai.onnx.ml"


@dataclass(slots=True)
class Work:
    """Multiply-adds so far, and what they leave out."""

    macs: int = 0
    unknown: int = 0
    foreign: set[str] = field(default_factory=set)
    strangers: int = 0
    loops: int = 0
    turned: int = 0
    choices: int = 0
    trees: bool = False
    failure: str = ""

    def add(self, other: "Work", times: int = 1) -> None:
        """Add the work of an inner graph that is run so many times."""
        self.macs = min(self.macs + times * other.macs, TOO_MANY)
        self.unknown += other.unknown
        self.foreign |= other.foreign
        self.strangers += other.strangers
        self.loops += other.loops
        self.turned += other.turned
        self.choices += other.choices
        self.trees |= other.trees

    @property
    def left_out(self) -> list[str]:
        """What the number leaves out, in words."""
        shown = ", ".join(sorted(one for one in self.foreign if one.isidentifier())[:3])[:80]
        parts = (
            (self.unknown, f"{self.unknown} nodes with unknown shapes"),
            (self.strangers, f"{self.strangers} nodes of unknown operators ({shown or '?'})"),
            (self.loops, f"{self.loops} loops with an unknown number of turns"),
        )
        return [words for amount, words in parts if amount]

    @property
    def notes(self) -> list[str]:
        """How the number is to be read, in words."""
        parts = (
            (self.turned, f"{self.turned} loops are counted with all the turns they may take"),
            (self.choices, f"the larger branch of {self.choices} choices (If) is counted"),
            (self.trees, "trees compare, they do not multiply and add"),
        )
        return [words for amount, words in parts if amount]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known where a node stands: shapes by name, and single numbers by name."""

    shapes: dict[str, Shape | None]
    numbers: dict[str, int]


def tally(
    graph: Any, outside: dict[str, Shape | None], numbers: dict[str, int] | None = None
) -> Work:
    """The work of a graph; names it does not make are those of the graph around it."""
    known = _Known(outside | shapes_of(graph), dict(numbers or {}))
    for tensor in graph.initializer:
        _note_number(tensor.name, tensor, known.numbers)
    work = Work()
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            for one in node.attribute:
                _note_number(node.output[0], one.t, known.numbers)
                if one.name == "value_int":
                    known.numbers[node.output[0]] = one.i
        if node.domain not in ("", ML):
            work.foreign.add(node.op_type)
            work.strangers += 1
        elif inner_graphs(node):
            _add_inner(node, known, work)
        else:
            _add_node(node, known.shapes, work)
    return work


def _add_node(node: Any, shapes: dict[str, Shape | None], work: Work) -> None:
    if node.domain == ML:
        work.trees |= node.op_type.startswith("TreeEnsemble")
    if node.op_type in UNCOUNTED:
        work.foreign.add(node.op_type)
        work.strangers += 1
        return
    inputs = tuple(shapes.get(name) if name else () for name in node.input)
    outputs = tuple(shapes.get(name) for name in node.output)
    attributes = attributes_of(node)
    macs: int | None
    if node.domain == ML:
        rows = inputs[0][0] if inputs and inputs[0] and len(inputs[0]) > 1 else 1
        unknown = bool(inputs) and inputs[0] is None
        macs = None if unknown and attributes.get(PER_ROW) else rows * attributes.get(PER_ROW, 0)
    else:
        macs = multiply_adds(node.op_type, Sized(inputs, outputs, attributes))
    work.macs = min(work.macs + (macs or 0), TOO_MANY)
    work.unknown += macs is None


def _add_inner(node: Any, known: _Known, work: Work) -> None:
    """The larger branch of a choice; the body of a loop as often as it is run."""
    bodies = [tally(graph, known.shapes, known.numbers) for graph in inner_graphs(node)]
    if node.op_type == "If":
        _add_larger(bodies, work)
        return
    turns = _turns(node, known)
    for body in bodies:
        idle = not (body.macs or body.left_out)
        if turns is None and not idle:
            work.loops += 1
            work.add(Work(choices=body.choices))
        else:
            work.add(body, turns or 0)
            work.turned += node.op_type == "Loop" and not idle


def _add_larger(branches: list[Work], work: Work) -> None:
    larger = max(branches, key=lambda one: one.macs)
    work.add(larger)
    work.choices += len({one.macs for one in branches}) > 1
    for other in branches:
        # A branch that is not fully counted may be the larger one after all.
        if other is not larger and other.left_out:
            work.add(replace(other, macs=0))


def _turns(node: Any, known: _Known) -> int | None:
    """How often a body is run, where the graph says it; at most so often, with a condition."""
    if node.op_type == "Loop" and node.input:
        turns = known.numbers.get(node.input[0], ENDLESS)
        return max(0, turns) if turns < ENDLESS else None
    if node.op_type != "Scan":
        return None
    attributes = attributes_of(node)
    try:
        first = len(node.input) - attributes["num_scan_inputs"]
        axis = (attributes.get("scan_input_axes") or [0])[0]
        return int((known.shapes[node.input[first]] or ())[axis])
    except (LookupError, TypeError):
        return None


def _note_number(name: str, tensor: Any, numbers: dict[str, int]) -> None:
    """Remember a constant that is one integer."""
    found = small_array(tensor)
    if found is not None and found.size == 1 and found.dtype.kind == "i":
        numbers[name] = int(found.ravel()[0])
