"""Multiply-adds of one operator, from the shapes of its inputs and outputs.

One multiply-add is one multiplication whose product is added to a sum (2 FLOPs): matrix products,
convolutions, recurrent cells, attention. Element-wise work (activations, norms, scales, biases,
pooling, softmax) is not counted, as is the custom of published MAC counts. A convolution counts
the products with padding zeros too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from frugalbench.models._look import Shape

__all__ = ["FORMULAS", "UNCOUNTED", "Sized", "multiply_adds"]

MAX_EQUATION = 1000


@dataclass(frozen=True, slots=True)
class Sized:
    """A node with the shapes of its inputs and outputs.

    None is a shape nobody knows, and an input that is left out has the shape of nothing, ().
    """

    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape | None, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def shape(self, place: int) -> Shape:
        """The shape of an input.

        Raises:
            LookupError: it is absent or not known.
        """
        found = self.inputs[place]
        if found is None:
            raise LookupError
        return found

    def output(self) -> Shape:
        """The shape of the first output.

        Raises:
            LookupError: it is not known.
        """
        if self.outputs[0] is None:
            raise LookupError
        return self.outputs[0]


def multiply_adds(op: str, node: Sized) -> int | None:
    """The multiply-adds of a standard operator; 0 for one that makes none, None when not known."""
    formula = FORMULAS.get(op)
    if formula is None:
        return 0
    try:
        found = formula(node)
    except (LookupError, ValueError, TypeError, AttributeError, ZeroDivisionError):
        # Shapes that are not known, or do not fit the operator.
        return None
    return found if found >= 0 else None


def _conv(node: Sized, weight: int = 1) -> int:
    """Each output is a sum over the kernel and the channels of its group: weight (M, C/g, k…)."""
    return math.prod(node.output()) * math.prod(_kernel(node.shape(weight)))


def _conv_transpose(node: Sized) -> int:
    """Each input is spread over the kernel and the channels of its group: weight (C, M/g, k…)."""
    return math.prod(node.shape(0)) * math.prod(_kernel(node.shape(1)))


def _kernel(weight: Shape) -> Shape:
    if len(weight) < 3:
        raise ValueError("a kernel has three axes at least")
    return weight[1:]


def _gemm(node: Sized) -> int:
    (a, b), (c, d) = node.shape(0), node.shape(1)
    rows, inner = (b, a) if node.attributes.get("transA") else (a, b)
    again, columns = (d, c) if node.attributes.get("transB") else (c, d)
    return _agreed(inner, again) * rows * columns


def _matmul(node: Sized, right: int = 1) -> int:
    """Stacks of matrices, broadcast; a vector is a matrix of one row or one column."""
    first, second = node.shape(0), node.shape(right)
    if not (first and second):
        raise ValueError("a scalar has no matrix product")
    one = (1, *first) if len(first) == 1 else first
    two = (*second, 1) if len(second) == 1 else second
    stack = math.prod(_broadcast(one[:-2], two[:-2]))
    return stack * one[-2] * _agreed(one[-1], two[-2]) * two[-1]


def _agreed(one: int, two: int) -> int:
    if one != two:
        raise ValueError("sizes differ")
    return one


def _stretched(one: int, two: int) -> int:
    """The size of two axes side by side: 1 gives way."""
    return two if one == 1 else one if two == 1 else _agreed(one, two)


def _broadcast(one: Shape, two: Shape) -> Shape:
    width = max(len(one), len(two))
    pairs = zip((1,) * (width - len(one)) + one, (1,) * (width - len(two)) + two, strict=True)
    return tuple(_stretched(a, b) for a, b in pairs)


def _einsum(node: Sized) -> int:
    """The size of the output times that of what is summed over: every label once."""
    equation = node.attributes["equation"].replace(" ", "")
    terms = equation.partition("->")[0].split(",")
    if len(equation) > MAX_EQUATION or len(terms) != len(node.inputs):
        raise ValueError("not an equation of these inputs")
    if len(terms) == 1:
        return 0
    sizes: dict[str, int] = {}
    ellipsis: Shape = ()
    for place, term in enumerate(terms):
        shape = node.shape(place)
        before, dots, after = term.partition("...")
        hidden = len(shape) - len(before) - len(after)
        if hidden < 0 or (hidden and not dots):
            raise ValueError("labels and axes differ in number")
        ellipsis = _broadcast(ellipsis, shape[len(before) : len(before) + hidden])
        named = shape[: len(before)] + shape[len(before) + hidden :]
        for label, size in zip(before + after, named, strict=True):
            sizes[label] = _stretched(sizes.get(label, 1), size)
    return math.prod(sizes.values()) * math.prod(ellipsis)


def _recurrent(node: Sized) -> int:
    """At each step the input and the state go through their gates: W (d, g·H, I), R (d, g·H, H)."""
    steps, samples, _ = node.shape(0)
    return steps * samples * (math.prod(node.shape(1)) + math.prod(node.shape(2)))


def _attention(node: Sized) -> int:
    """Scores of queries with keys, then the mix of values, for each head of the queries."""
    query, key, value = (node.shape(place) for place in range(3))
    if len(query) == 4:
        batch, heads, rows, depth = query
        length, mixed = key[2], value[3]
    else:
        batch, rows, width = query
        heads, groups = node.attributes["q_num_heads"], node.attributes["kv_num_heads"]
        depth, mixed, length = width // heads, value[2] // groups, key[1]
    if len(node.inputs) > 4 and (past := node.shape(4)):
        length += past[2]
    return batch * heads * rows * length * (depth + mixed)


FORMULAS: dict[str, Callable[[Sized], int]] = {
    "Attention": _attention,
    "Conv": _conv,
    "ConvInteger": _conv,
    "ConvTranspose": _conv_transpose,
    "DeformConv": _conv,
    "Einsum": _einsum,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "QLinearConv": lambda node: _conv(node, 3),
    "QLinearMatMul": lambda node: _matmul(node, 3),
    "RNN": _recurrent,
}

UNCOUNTED = {"CausalConvWithState", "DFT", "Det", "LinearAttention", "STFT"}
"""Standard operators that multiply and add, for which there is no formula here."""
