"""Operators of ONNX Runtime in the words of ONNX, for counting: the same products, the same shapes.

ONNX infers no shapes for the runtime's fused and quantised operators. Each is put here as the
standard operators that do its products and give its output's shape; what they add between (a bias,
an activation, scales) is not counted and is left out. The results are only looked at, never run.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["MICROSOFT", "in_plain_words"]

MICROSOFT = "com.microsoft"
Rewrite = Callable[[Any, int], list[Any]]


def in_plain_words(node: Any, opset: int) -> list[Any]:
    """The standard operators that a node stands for; the node itself when it is one or is unknown.

    Args:
        node: a node, which is changed.
        opset: version of the standard operators in the model.
    """
    rewrite = REWRITES.get((node.domain, node.op_type))
    return rewrite(node, opset) if rewrite else [node]


def _as(op: str, *places: int, outputs: int = 1) -> Rewrite:
    """The operator `op` on some of the inputs, with the same attributes and its first outputs."""

    def rewrite(node: Any, opset: int) -> list[Any]:
        kept = [node.input[place] for place in places if place < len(node.input)]
        node.domain, node.op_type = "", op
        del node.input[:], node.output[outputs:]
        node.input.extend(kept)
        return [node]

    return rewrite


def _skip_norm(node: Any, opset: int) -> list[Any]:
    total = node.output[3] if len(node.output) > 3 else ""
    made = _as("Add", 0, 1)(node, opset)
    return [*made, _node("Identity", [node.output[0]], [total])] if total else made


def _concat(node: Any, opset: int) -> list[Any]:
    """Inputs are the output's scale and zero point, then each tensor with its own."""
    return _as("Concat", *range(2, len(node.input), 3))(node, opset)


def _fused_matmul(node: Any, opset: int) -> list[Any]:
    """Each matrix may be turned round, and may have its first axis before the stack's."""
    sides = {one.name: one.i for one in node.attribute}

    def term(axes: str, side: str) -> str:
        turned = axes[::-1] if sides.get(f"trans{side}") else axes
        return "...".join(turned) if sides.get(f"transBatch{side}") else f"...{turned}"

    equation = f"{term('ik', 'A')},{term('kj', 'B')}->...ij"
    return [_node("Einsum", node.input[:2], node.output, equation=equation)]


def _few_bits(node: Any, opset: int) -> list[Any]:
    """A matrix of K × N packed numbers, whose own shape says neither."""
    from onnx import TensorProto

    sizes = {one.name: one.i for one in node.attribute}
    if sizes.get("K", 0) <= 0 or sizes.get("N", 0) <= 0 or not (node.input and node.output):
        return [node]
    weight = TensorProto(dims=(sizes["K"], sizes["N"]), data_type=TensorProto.FLOAT)
    name = f"{node.output[0]}/weight"
    return [
        _node("Constant", [], [name], value=weight),
        _node("MatMul", [node.input[0], name], node.output),
    ]


def _attention(node: Any, opset: int) -> list[Any]:
    """One matrix makes queries, keys and values of one size; the keys are those of this call."""
    uneven = any(one.name == "qkv_hidden_sizes" for one in node.attribute)
    if uneven or len(node.input) < 2 or not node.output or _given(node, 4):
        return [node]
    joined, *parts = (f"{node.output[0]}/{one}" for one in ("qkv", "q", "k", "v"))
    sizes = {"num_outputs": 3} if opset >= 18 else {}
    return [
        _node("MatMul", node.input[:2], [joined]),
        _node("Split", [joined], parts, axis=-1, **sizes),
        *_products(parts, node.output[0]),
    ]


def _heads(node: Any, opset: int) -> list[Any]:
    past = _given(node, 6) or _given(node, 7)
    if not (_given(node, 1) and _given(node, 2) and node.output) or past:
        return [node]
    return _products(node.input[:3], node.output[0])


def _products(qkv: Any, output: str) -> list[Any]:
    """Attention over whole vectors has as many products as over their heads."""
    scores = f"{output}/scores"
    return [
        _node("Einsum", qkv[:2], [scores], equation="bsh,bth->bst"),
        _node("Einsum", [scores, qkv[2]], [output], equation="bst,btv->bsv"),
    ]


def _given(node: Any, place: int) -> bool:
    return len(node.input) > place and bool(node.input[place])


def _node(op: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(op, list(inputs), list(outputs), **attributes)


REWRITES: dict[tuple[str, str], Rewrite] = {
    ("", "LayerNormalization"): _as("Identity", 0),
    ("", "SimplifiedLayerNormalization"): _as("Identity", 0),
} | {
    (MICROSOFT, op): rewrite
    for op, rewrite in {
        "Attention": _attention,
        "BiasGelu": _as("Add", 0, 1),
        "DequantizeLinear": _as("Identity", 0),
        "DynamicQuantizeLSTM": _as("LSTM", 0, 1, 2, outputs=3),
        "DynamicQuantizeMatMul": _as("MatMul", 0, 1),
        "EmbedLayerNormalization": _as("Gather", 2, 0),
        "FastGelu": _as("Identity", 0),
        "FusedConv": _as("Conv", 0, 1, 2),
        "FusedGemm": _as("Gemm", 0, 1, 2),
        "FusedMatMul": _fused_matmul,
        "Gelu": _as("Identity", 0),
        "GroupNorm": _as("Identity", 0),
        "MatMulInteger16": _as("MatMul", 0, 1),
        "MatMulIntegerToFloat": _as("MatMul", 0, 1),
        "MatMulNBits": _few_bits,
        "MultiHeadAttention": _heads,
        "QAttention": _attention,
        "QGemm": _as("Gemm", 0, 3),
        "QLinearAdd": _as("Add", 0, 3),
        "QLinearAveragePool": _as("AveragePool", 0),
        "QLinearConcat": _concat,
        "QLinearGlobalAveragePool": _as("GlobalAveragePool", 0),
        "QLinearLeakyRelu": _as("Identity", 0),
        "QLinearMul": _as("Add", 0, 3),
        "QLinearSigmoid": _as("Identity", 0),
        "QLinearSoftmax": _as("Identity", 0),
        "QuantizeLinear": _as("Identity", 0),
        "QuickGelu": _as("Identity", 0),
        "RotaryEmbedding": _as("Identity", 0),
        "SkipLayerNormalization": _skip_norm,
        "SkipSimplifiedLayerNormalization": _skip_norm,
    }.items()
}
