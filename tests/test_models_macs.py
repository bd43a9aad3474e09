"""Multiply-adds are counted on the graph as by hand and as by other tools, and never guessed."""

import io
import math
import random
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from _onnx import constant, linear, node, port
from _records import make_record
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from frugalbench import metrics, models
from frugalbench.models import _child
from frugalbench.models._macs import count
from frugalbench.models._order import in_order
from frugalbench.models._slim import slim
from frugalbench.models._weights import weights
from frugalbench.record import Failure, Record
from frugalbench.settings import reference
from frugalbench.spec import Model
from frugalbench.values import Missing, Value

MICROSOFT = "com.microsoft"
ML = "ai.onnx.ml"
INT8, INT64 = TensorProto.INT8, TensorProto.INT64
UNREAD = port("unread", ("k",))


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    held: Sequence[Any] = (),
    *,
    opset: int = 17,
    functions: Sequence[Any] = (),
    shapes: Sequence[Any] = (),
) -> Any:
    """A model that gives the last output of its last node."""
    outputs = [port(nodes[-1].output[-1], None)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, held, value_info=shapes)
    domains = ("", opset), (ML, 3), (MICROSOFT, 1), ("own", 1)
    opsets = [helper.make_opsetid(name, version) for name, version in domains]
    return helper.make_model(graph, opset_imports=opsets, functions=functions)


def held(name: str, *shape: int, dtype: Any = np.float32) -> Any:
    return constant(name, np.zeros(shape), dtype)


def lone(op: str, inputs: str, *shapes: Sequence[int], opset: int = 17, **attributes: Any) -> Any:
    """A graph of one operator whose inputs are all weights, but for the first.

    An input that nothing reads has an axis of its own, so that the first axis is no batch.
    """
    first, *names = inputs.split()
    parts = [held(name, *shape) for name, shape in zip(names, shapes[1:], strict=True)]
    taken = [port(first, shapes[0]), UNREAD]
    return model([node(op, inputs, "y", **attributes)], taken, parts, opset=opset)


ONE = [
    ("MatMul of a row and a matrix", lone("MatMul", "x w", (1, 3), (3, 4)), 1 * 3 * 4),
    ("MatMul of a vector", lone("MatMul", "x w", (3,), (3, 4)), 3 * 4),
    ("MatMul of two vectors", lone("MatMul", "x w", (3,), (3,)), 3),
    ("MatMul in stacks", lone("MatMul", "x w", (1, 5, 2, 3), (5, 3, 4)), 5 * 2 * 3 * 4),
    ("MatMul broadcast", lone("MatMul", "x w", (1, 1, 2, 3), (6, 5, 3, 4)), 30 * 2 * 3 * 4),
    ("Gemm", lone("Gemm", "x w b", (1, 3), (3, 4), (4,)), 12),
    ("Gemm turned round", lone("Gemm", "x w", (3, 1), (4, 3), transA=1, transB=1), 12),
    ("Conv", lone("Conv", "x w", (1, 3, 8, 8), (4, 3, 3, 3)), 4 * 36 * 27),
    (
        "Conv with padding and stride",
        lone("Conv", "x w b", (1, 3, 8, 8), (4, 3, 3, 3), (4,), pads=[1, 1, 1, 1], strides=[2, 2]),
        4 * 16 * 27,
    ),
    ("Conv by depth", lone("Conv", "x w", (1, 6, 8), (6, 1, 3), group=6), 6 * 6 * 3),
    ("Conv in groups", lone("Conv", "x w", (1, 4, 8), (6, 2, 3), group=2), 6 * 6 * 2 * 3),
    ("Conv dilated", lone("Conv", "x w", (1, 2, 9), (5, 2, 3), dilations=[2]), 5 * 5 * 2 * 3),
    ("ConvTranspose", lone("ConvTranspose", "x w", (1, 3, 4, 4), (3, 2, 3, 3)), 48 * 2 * 9),
    ("ConvTranspose, groups", lone("ConvTranspose", "x w", (1, 4, 5), (4, 3, 2), group=2), 120),
    ("LSTM", lone("LSTM", "x w r", (6, 1, 3), (1, 16, 3), (1, 16, 4), hidden_size=4), 6 * 16 * 7),
    (
        "LSTM both ways",
        lone(
            "LSTM",
            "x w r",
            (6, 1, 3),
            (2, 16, 3),
            (2, 16, 4),
            hidden_size=4,
            direction="bidirectional",
        ),
        2 * 6 * 16 * 7,
    ),
    ("GRU", lone("GRU", "x w r", (6, 1, 3), (1, 12, 3), (1, 12, 4), hidden_size=4), 6 * 12 * 7),
    ("RNN", lone("RNN", "x w r", (6, 1, 3), (1, 4, 3), (1, 4, 4), hidden_size=4), 6 * 4 * 7),
    ("Einsum", lone("Einsum", "x w", (1, 3), (3, 4), equation="ij,jk->ik"), 12),
    ("Einsum summed up", lone("Einsum", "x w", (1, 3), (3, 4), equation="ij,jk"), 12),
    ("Einsum in stacks", lone("Einsum", "x w", (5, 2, 3), (3, 4), equation="...ij,jk->...ik"), 120),
    ("Einsum of one", lone("Einsum", "x", (1, 3), equation="ij->ji"), 0),
    ("element-wise work", lone("Mul", "x w", (1, 3), (1, 3)), 0),
    ("pooling", lone("AveragePool", "x", (1, 3, 8, 8), kernel_shape=[2, 2]), 0),
    (
        "DeformConv",
        lone("DeformConv", "x w o", (1, 2, 5, 5), (3, 2, 3, 3), (1, 18, 3, 3), opset=19),
        3 * 9 * 18,
    ),
    (
        "Attention with heads in the last axis",
        lone(
            "Attention",
            "x k v",
            (1, 5, 8),
            (1, 7, 8),
            (1, 7, 12),
            opset=23,
            q_num_heads=2,
            kv_num_heads=2,
        ),
        2 * 5 * 7 * (4 + 6),
    ),
    (
        "Attention with an axis of heads, shared keys",
        lone("Attention", "x k v", (1, 6, 5, 8), (1, 2, 7, 8), (1, 2, 7, 3), opset=23),
        6 * 5 * 7 * (8 + 3),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("proto", "expected"), [one[1:] for one in ONE], ids=[one[0] for one in ONE]
)
def test_one_operator_has_the_products_counted_by_hand(proto: Any, expected: int) -> None:
    assert count(proto, {}) == (expected, "")


# Quantised and fused operators do the products of the plain ones

SCALES = [constant("s", 0.1), constant("z", 0, np.int8), constant("u", 0, np.uint8)]


def quantised(
    op: str, inputs: str, shape: Sequence[int], weight: Sequence[int], **more: Any
) -> Any:
    parts = [held("w", *weight, dtype=np.int8), *SCALES]
    return model([node(op, inputs, "y", **more)], [port("x", shape, INT8), UNREAD], parts)


FUSED = [
    ("MatMulInteger", quantised("MatMulInteger", "x w", (1, 3), (3, 4)), 12),
    ("QLinearMatMul", quantised("QLinearMatMul", "x s z w s z s z", (1, 3), (3, 4)), 12),
    ("ConvInteger", quantised("ConvInteger", "x w", (1, 3, 8), (4, 3, 3)), 4 * 6 * 9),
    ("QLinearConv", quantised("QLinearConv", "x s z w s z s z", (1, 3, 8), (4, 3, 3)), 4 * 6 * 9),
    (
        "QGemm",
        quantised("QGemm", "x s z w s z", (1, 3), (4, 3), transB=1, domain=MICROSOFT),
        12,
    ),
    (
        "MatMulIntegerToFloat",
        quantised("MatMulIntegerToFloat", "x w s s", (1, 3), (3, 4), domain=MICROSOFT),
        12,
    ),
    ("FusedGemm", lone("FusedGemm", "x w", (1, 3), (4, 3), transB=1, domain=MICROSOFT), 12),
    ("FusedConv", lone("FusedConv", "x w", (1, 3, 8), (4, 3, 3), domain=MICROSOFT), 4 * 6 * 9),
    ("FusedMatMul", lone("FusedMatMul", "x w", (1, 2, 3), (4, 3), transB=1, domain=MICROSOFT), 24),
    (
        "FusedMatMul with the stack inside",
        lone(
            "FusedMatMul",
            "x w",
            (12, 1, 4, 5),
            (7, 1, 4, 5),
            transBatchA=1,
            transBatchB=1,
            transB=1,
            domain=MICROSOFT,
        ),
        4 * 12 * 7 * 5,
    ),
    ("MatMulNBits", lone("MatMulNBits", "x w", (1, 6), (9,), K=6, N=4, domain=MICROSOFT), 24),
    (
        "Attention of the runtime",
        lone("Attention", "x w", (1, 5, 8), (8, 24), num_heads=2, domain=MICROSOFT),
        5 * 8 * 24 + 2 * 5 * 5 * 8,
    ),
    (
        "MultiHeadAttention",
        lone(
            "MultiHeadAttention",
            "x k v",
            (1, 5, 8),
            *((1, 7, 8), (1, 7, 8)),
            num_heads=2,
            domain=MICROSOFT,
        ),
        2 * 5 * 7 * 8,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("proto", "expected"), [one[1:] for one in FUSED], ids=[one[0] for one in FUSED]
)
def test_fused_and_quantised_operators_have_the_products_of_plain_ones(
    proto: Any, expected: int
) -> None:
    assert count(proto, {}) == (expected, "")


def test_the_quantised_cell_of_the_runtime_gives_all_its_outputs_a_shape() -> None:
    nodes = [
        node("DynamicQuantizeLSTM", "x i h", "steps last", hidden_size=4, domain=MICROSOFT),
        node("MatMul", "last w", "y"),
    ]
    parts = [held("i", 1, 3, 16, dtype=np.int8), held("h", 1, 4, 16, dtype=np.int8)]
    proto = model(nodes, [port("x", (6, 1, 3)), UNREAD], [*parts, held("w", 4, 5)])
    assert count(proto, {}) == (6 * 16 * 7 + 4 * 5, "")


@pytest.mark.parametrize("opset", [13, 18])
def test_shapes_are_known_behind_the_operators_of_the_runtime(opset: int) -> None:
    nodes = [
        node("Attention", "x w", "a", num_heads=2, domain=MICROSOFT),
        node("SkipLayerNormalization", "a x g", "n m d total", domain=MICROSOFT),
        node("FastGelu", "total", "f", domain=MICROSOFT),
        node("MatMul", "f v", "y"),
    ]
    parts = [held("w", 8, 24), held("g", 8), held("v", 8, 3)]
    proto = model(nodes, [port("x", (1, 5, 8))], parts, opset=opset)
    assert count(proto, {}) == (5 * 8 * 24 + 2 * 5 * 5 * 8 + 5 * 8 * 3, "")


# What a sample is


def test_a_dynamic_first_axis_is_one_sample_and_others_are_sized_by_name() -> None:
    proto = model([node("MatMul", "x w", "y")], [port("x", ("n", "time", 3))], [held("w", 3, 4)])
    assert count(proto, {"time": 10}) == (10 * 12, "")
    assert count(proto, {"time": 10}, batch=8) == (10 * 12, "")
    macs, note = count(proto, {})
    assert macs == 12
    assert note == "1 axes without a size count as 1 (model.dims gives sizes)"


def test_an_axis_that_dims_name_is_no_batch() -> None:
    proto = model([node("MatMul", "x w", "y")], [port("x", ("n", 3))], [held("w", 3, 4)])
    assert count(proto, {"n": 5}) == (60, "")


def test_a_batch_that_the_graph_fixes_is_divided_out() -> None:
    proto = model([node("MatMul", "x w", "y")], [port("x", (8, 3))], [held("w", 3, 4)])
    assert count(proto, {}) == (12, "for one of the 8 samples of a call")


def test_work_that_the_samples_do_not_share_evenly_is_of_the_whole_call() -> None:
    nodes = [node("ReduceSum", "x a", "r", keepdims=1), node("MatMul", "r w", "y")]
    proto = model(nodes, [port("x", (4, 3))], [constant("a", [0], np.int64), held("w", 3, 3)])
    assert count(proto, {}) == (9, "of a call of 4 samples, which do not share it evenly")


def test_a_state_whose_second_axis_is_the_batch_follows_it() -> None:
    nodes = [node("LSTM", "x w r b0 s h", "a b y", hidden_size=4)]
    nodes[0].input[3] = nodes[0].input[4] = ""
    inputs = [port("x", ("n", "t", 3)), port("h", (1, "t", 4))]
    proto = model(nodes, inputs, [held("w", 1, 16, 3), held("r", 1, 16, 4)])
    assert count(proto, {"n": 6, "t": 2}) == (6 * 2 * 16 * 7, "")


# Choices, loops and functions


def branch(name: str, width: int) -> Any:
    nodes = [node("MatMul", f"x {name}", f"{name}_y")]
    return helper.make_graph(nodes, name, [], [port(f"{name}_y", None)], [held(name, 3, width)])


def choice(small: int, large: int) -> Any:
    return node("If", "c", "y", then_branch=branch("a", small), else_branch=branch("b", large))


def test_of_a_choice_the_larger_branch_is_counted_and_said() -> None:
    inputs = [port("x", ("n", 3)), port("c", (), TensorProto.BOOL)]
    macs, note = count(model([choice(2, 5)], inputs), {})
    assert macs == 15
    assert note == "the larger branch of 1 choices (If) is counted"
    assert count(model([choice(4, 4)], inputs), {}) == (12, "")


@pytest.mark.parametrize(("decided", "expected"), [(True, 6), (False, 15)])
def test_a_choice_that_the_graph_itself_decides_is_no_choice(decided: bool, expected: int) -> None:
    proto = model([choice(2, 5)], [port("x", ("n", 3))], [constant("c", decided, np.bool_)])
    assert count(proto, {}) == (expected, "")


def loop(op: str, turns: str, **attributes: Any) -> Any:
    body = helper.make_graph(
        [node("MatMul", "x w", "p"), node("Identity", "go", "going")],
        "body",
        [port("i", (), INT64), port("go", (), TensorProto.BOOL)],
        [port("going", (), TensorProto.BOOL), port("p", None)],
    )
    return node(op, f"{turns} yes", "y", body=body, **attributes)


def test_a_loop_is_counted_as_often_as_the_graph_says() -> None:
    parts = [held("w", 3, 4), constant("yes", True, np.bool_), constant("m", 7, np.int64)]
    macs, note = count(model([loop("Loop", "m")], [port("x", (1, 3))], parts), {})
    assert macs == 7 * 12
    assert note == "1 loops are counted with all the turns they may take"


def test_a_loop_without_a_known_end_leaves_a_lower_bound_or_nothing() -> None:
    parts = [held("w", 3, 4), constant("yes", True, np.bool_)]
    inputs = [port("x", (1, 3)), port("m", (), INT64)]
    assert count(model([loop("Loop", "m")], inputs, parts), {}) == (
        None,
        "1 loops with an unknown number of turns could not be counted",
    )
    nodes = [loop("Loop", "m"), node("MatMul", "x w", "z")]
    macs, note = count(model(nodes, inputs, parts), {})
    assert macs == 12
    assert note == "at least: 1 loops with an unknown number of turns are not counted"
    endless = [*parts, constant("m", 2**63 - 1, np.int64)]
    assert count(model([loop("Loop", "m")], inputs[:1], endless), {})[0] is None


def test_a_scan_is_counted_once_a_row() -> None:
    body = helper.make_graph(
        [node("MatMul", "row w", "p")], "body", [port("row", None)], [port("p", None)]
    )
    nodes = [node("Scan", "x", "y", body=body, num_scan_inputs=1)]
    proto = model(nodes, [port("x", ("n", 5, 3))], [held("w", 3, 4)])
    assert count(proto, {"n": 6}) == (6 * 5 * 12, "")


def test_a_function_is_counted_where_it_is_called() -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    body = [node("MatMul", "a b", "t"), node("Relu", "t", "c")]
    dense = helper.make_function("own", "Dense", ["a", "b"], ["c"], body, opsets)
    twice = [node("Dense", "a b", "t", domain="own"), node("Dense", "t b", "c", domain="own")]
    both = helper.make_function("own", "Twice", ["a", "b"], ["c"], twice, opsets)
    nodes = [node("Twice", "x w", "y", domain="own")]
    proto = model(nodes, [port("x", ("n", 3))], [held("w", 3, 3)], functions=[dense, both])
    assert count(proto, {}) == (18, "")


# What cannot be counted


def test_what_is_behind_an_unknown_operator_is_not_guessed() -> None:
    nodes = [node("Riddle", "x", "r", domain="own"), node("MatMul", "r w", "y")]
    proto = model(nodes, [port("x", (1, 3))], [held("w", 3, 4)])
    why = (
        "1 nodes with unknown shapes and 1 nodes of unknown operators (Riddle) could not be counted"
    )
    assert count(proto, {}) == (None, why)
    nodes.insert(0, node("MatMul", "x w", "z"))
    macs, note = count(model(nodes, [port("x", (1, 3))], [held("w", 3, 4)]), {})
    assert macs == 12
    assert note.startswith("at least: 1 nodes with unknown shapes and 1 nodes of unknown operators")


def test_the_shape_that_a_file_gives_of_an_unknown_operator_is_taken() -> None:
    nodes = [node("Riddle", "x", "r", domain="own"), node("MatMul", "r w", "y")]
    shapes = [port("r", ("n", 3))]
    macs, _ = count(model(nodes, [port("x", ("n", 2))], [held("w", 3, 4)], shapes=shapes), {})
    assert macs == 12


def test_sizes_that_do_not_fit_are_not_multiplied() -> None:
    assert count(lone("MatMul", "x w", (1, 3), (4, 5)), {})[0] is None
    assert count(lone("Einsum", "x w", (1, 3), (4, 5), equation="ij,jk->ik"), {})[0] is None
    assert count(lone("Conv", "x w", (1, 3, 8), (4, 3)), {})[0] is None


def test_a_count_that_no_number_holds_is_none() -> None:
    weight = held("w", 1)
    weight.ClearField("raw_data")
    del weight.dims[:]
    weight.dims.extend([2**31, 2**40])
    proto = model([node("MatMul", "x w", "y")], [port("x", (1, 2**31))], [weight])
    assert count(proto, {}) == (None, "the count is larger than any number that can be kept")


def test_functions_that_call_themselves_are_refused_before_they_are_put_in_place() -> None:
    opsets = [helper.make_opsetid("own", 1)]
    again = [node("F", "a", "b", domain="own")]
    functions = [helper.make_function("own", "F", ["a"], ["b"], again, opsets)]
    proto = model([node("F", "x", "y", domain="own")], [port("x")], functions=functions)
    macs, note = count(proto, {})
    assert macs is None
    assert "calls itself" in note


def test_functions_that_double_each_other_are_refused() -> None:
    opsets = [helper.make_opsetid("own", 1)]
    functions = []
    for level in range(25):
        called = f"F{level + 1}"
        twice = [node(called, "a", "t", domain="own"), node(called, "t", "b", domain="own")]
        functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], twice, opsets))
    proto = model([node("F0", "x", "y", domain="own")], [port("x")], functions=functions)
    assert count(proto, {})[0] is None


@pytest.mark.slow
@pytest.mark.parametrize("op", ["Concat", "Gather"])
def test_shapes_that_double_at_each_node_fill_a_child_and_not_this_process(op: str) -> None:
    nodes = [node(op, f"a{i} a{i}", f"a{i + 1}", axis=0) for i in range(60)]
    start = [constant("a0", [1, 2, 3, 4], np.int64)] if op == "Concat" else []
    proto = model(nodes, [port("x" if start else "a0", (2, 3), INT64)], start)
    macs, note = count(proto, {})
    assert macs is None
    assert "could not be inferred" in note


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (_child.Ended(-11, b"", ""), "signal 11"),
        (_child.Ended(-9, b"", ""), "it needs more memory than it was given"),
        (_child.Ended(None, b"", ""), "it took too long"),
        (_child.Ended(1, b"", "ValueError: odd"), "ValueError: odd"),
        (_child.Ended(0, b"[]", ""), "exit code 0"),
    ],
)
def test_a_child_that_does_not_answer_leaves_no_number(
    monkeypatch: pytest.MonkeyPatch, ended: _child.Ended, words: str
) -> None:
    monkeypatch.setattr(_child, "run", lambda *args, **more: ended)
    macs, note = count(lone("Conv", "x w", (1, 3, 8), (4, 3, 3)), {})
    assert macs is None
    assert note == f"the shapes in the graph could not be inferred: {words}"


def test_a_child_that_takes_too_long_is_ended() -> None:
    ended = _child.run("timeit", ["-n1", "-r1", "import time; time.sleep(600)"], seconds=0.5)
    assert ended.code is None


def test_a_child_gets_its_input_and_gives_its_last_words() -> None:
    assert _child.run("json.tool", given=b"[1]", seconds=60).output.split() == [b"[", b"1", b"]"]
    ended = _child.run("json.tool", given=b"[", seconds=60)
    assert ended.code == 1
    assert ended.how == ended.said != ""


def test_no_interpreter_is_an_end_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "no process could be started" in _child.run("json.tool", seconds=60).how


SEEDS = [
    Path(reference(f"models/{name}.onnx")).read_bytes()
    for name in ("nhanes-mlp", "german-logreg", "adult-mlp-int8")
]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
)
def test_a_damaged_graph_gives_a_number_or_a_reason(
    seed: bytes, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(seed)
    for place, value in changes:
        content[place % len(content)] = value
    try:
        proto = onnx.ModelProto.FromString(bytes(content))
    except DecodeError:
        return
    macs, note = count(proto, {})
    assert macs is None or 0 <= macs < 2**63
    assert note or macs is not None


# The count against other ways to count


@settings(max_examples=100, deadline=None)
@given(
    stack=st.lists(st.integers(1, 4), max_size=3),
    hidden=st.lists(st.booleans(), min_size=3, max_size=3),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    cut=st.integers(0, 3),
)
def test_a_stack_of_products_has_as_many_as_numpy_makes_sums(
    stack: list[int], hidden: list[bool], sizes: tuple[int, int, int], cut: int
) -> None:
    rows, inner, columns = sizes
    one = [1 if hide else size for size, hide in zip(stack, hidden, strict=False)]
    first, second = (1, *one, rows, inner), (*stack[cut:], inner, columns)
    made = np.matmul(np.zeros(first), np.zeros(second))
    assert count(lone("MatMul", "x w", first, second), {}) == (made.size * inner, "")


@pytest.mark.parametrize("data", ["nhanes", "adult", "german"])
def test_the_reference_models_have_a_product_for_each_weight_of_a_layer(data: str) -> None:
    for kind in ("logreg", "mlp"):
        path = reference(f"models/{data}-{kind}.onnx")
        shapes = [tuple(one.dims) for one in onnx.load(path).graph.initializer]
        facts = models.inspect(Model(path=path)).facts
        assert facts.macs == sum(math.prod(shape) for shape in shapes if len(shape) == 2)
        assert facts.macs_note == ""
    twin = models.inspect(Model(path=reference(f"models/{data}-mlp-int8.onnx"))).facts
    assert twin.macs == facts.macs


def torch_nets() -> dict[str, tuple[Any, Any]]:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)

    class Padded(nn.Module):  # type: ignore[misc, name-defined]
        """Padding by reflection is a dozen nodes that compute its sizes."""

        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv1d(2, 6, 5, dilation=2)
            self.up = nn.ConvTranspose1d(6, 4, 4, stride=2, groups=2)

        def forward(self, x: Any) -> Any:
            return self.up(self.down(nn.functional.pad(x, (3, 3), mode="reflect")))

    class Recurrent(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, kind: Any) -> None:
            super().__init__()
            self.cell = kind(5, 7, num_layers=2, bidirectional=True, batch_first=True)
            self.last = nn.Linear(14, 3)

        def forward(self, x: Any) -> Any:
            return self.last(self.cell(x)[0][:, -1])

    class Words(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(50, 16)
            layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
            self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.last = nn.Linear(16, 3)

        def forward(self, x: Any) -> Any:
            return self.last(self.layers(self.embed(x)).mean(1))

    images = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, groups=8, padding=1), nn.Conv2d(8, 16, 1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 10), nn.Softmax(-1)),
    )
    return {
        "images": (images, torch.randn(1, 3, 32, 32)),
        "padded": (Padded(), torch.randn(1, 2, 40)),
        "lstm": (Recurrent(nn.LSTM), torch.randn(1, 9, 5)),
        "gru": (Recurrent(nn.GRU), torch.randn(1, 9, 5)),
        "words": (Words(), torch.randint(0, 50, (1, 12))),
    }


def exported(net: Any, x: Any, *, dynamo: bool) -> Any:
    import torch

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            torch.onnx.export(net, (x,), dynamo=True, verbose=False).save(buffer)
        else:
            torch.onnx.export(
                net,
                (x,),
                buffer,
                dynamo=False,
                input_names=["x"],
                dynamic_axes={"x": {0: "batch"}},
                opset_version=17,
            )
    return onnx.load_from_string(buffer.getvalue())


def flops(net: Any, x: Any) -> int:
    """What torch counts as it runs, with every layer taken apart into products it knows."""
    import torch
    from torch.nn import attention
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with (
                torch.no_grad(),
                torch.backends.mkldnn.flags(enabled=False),
                attention.sdpa_kernel(attention.SDPBackend.MATH),
                FlopCounterMode(display=False) as counter,
            ):
                net(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", ["images", "padded", "lstm", "gru", "words"])
@pytest.mark.parametrize(
    "dynamo", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["traced", "dynamo"]
)
def test_exported_networks_have_half_the_flops_that_torch_counts(name: str, dynamo: bool) -> None:
    net, x = torch_nets()[name]
    net.eval()
    expected = flops(net, x)
    assert expected > 0
    assert count(exported(net, x, dynamo=dynamo), {}) == (expected // 2, "")


def test_linear_models_of_scikit_learn_have_a_product_for_each_coefficient() -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn import datasets, linear_model, svm, tree

    x, y = datasets.load_iris(return_X_y=True)
    row = x[:1].astype(np.float32)
    linear_one = linear_model.LogisticRegression(max_iter=1000).fit(x, y)
    assert count(skl2onnx.to_onnx(linear_one, row), {})[0] == linear_one.coef_.size
    vectors = svm.SVR().fit(x, y)
    expected = vectors.support_vectors_.size + vectors.dual_coef_.size
    assert count(skl2onnx.to_onnx(vectors, row), {}) == (expected, "")
    grown = tree.DecisionTreeClassifier(max_depth=3).fit(x, y)
    assert count(skl2onnx.to_onnx(grown, row), {}) == (
        0,
        "trees compare, they do not multiply and add",
    )


# The graph as it comes


def test_nodes_out_of_order_are_counted_all_the_same() -> None:
    nodes = [node("MatMul", "t v", "y"), node("MatMul", "x w", "t")]
    proto = model([nodes[1], nodes[0]], [port("x", ("n", 3))], [held("w", 3, 4), held("v", 4, 5)])
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    assert count(proto, {}) == (12 + 20, "")


@given(size=st.integers(1, 30), seed=st.integers(0, 2**32))
def test_any_shuffle_is_put_into_an_order_in_which_makers_come_first(size: int, seed: int) -> None:
    rng = random.Random(seed)
    nodes = [
        node("Sum", " ".join(f"t{rng.randrange(i)}" for _ in range(2)) if i else "x", f"t{i}")
        for i in range(size)
    ]
    assert in_order(nodes) == nodes
    shuffled = rng.sample(nodes, size)
    made = {"x"}
    for one in in_order(shuffled):
        assert made.issuperset(one.input)
        made.update(one.output)
    assert len(made) == size + 1


def test_nodes_that_wait_for_each_other_stay_as_they_are() -> None:
    nodes = [node("Relu", "b", "a"), node("Relu", "a", "b"), node("Relu", "x", "c")]
    assert in_order(nodes) == nodes


def test_counting_changes_nothing_and_copies_no_weights() -> None:
    proto = model([node("MatMul", "x w", "y")], [port("x", ("n", 512))], [held("w", 512, 512)])
    before = proto.SerializeToString()
    assert count(proto, {"n": 3}) == (3 * 512 * 512, "")
    assert proto.SerializeToString() == before
    assert len(before) > 2**20 > 1000 * slim(proto, {}).proto.ByteSize()


# Numbers held, by type


def test_numbers_are_counted_by_type_wherever_they_are_held() -> None:
    inside = helper.make_graph(
        [node("Identity", "w", "o")], "i", [], [port("o", None)], [held("w", 7)]
    )
    nodes = [
        helper.make_node("Constant", [], ["k"], value=held("", 2, 5, dtype=np.float16)),
        helper.make_node("Constant", [], ["l"], value_floats=[1.0, 2.0]),
        helper.make_node("Constant", [], ["m"], value_int=3),
        node("If", "c", "y", then_branch=inside, else_branch=inside),
        node("LinearRegressor", "x", "z", domain=ML, coefficients=[1.0, 2.0, 3.0], targets=1),
    ]
    inputs = [port("x", (1, 3)), port("c", (), TensorProto.BOOL)]
    found = weights(model(nodes, inputs, [held("q", 4, 4, dtype=np.int8)]))
    assert found == {"float": 2 + 7 + 7 + 3, "float16": 10, "int64": 1, "int8": 16}


@pytest.mark.parametrize("dims", [[-1], [2**62, 2**62], [1] * 100, [2**63 - 1] * 2])
def test_tensors_of_a_size_that_no_tensor_has_are_refused(dims: list[int]) -> None:
    weight = TensorProto(name="w", dims=dims, data_type=TensorProto.FLOAT)
    with pytest.raises(ValueError, match=r"size|numbers"):
        weights(model([node("MatMul", "x w", "y")], [port("x")], [weight]))


def test_parameters_are_all_numbers_that_are_held(tmp_path: Path) -> None:
    facts = models.inspect(Model(path=str(linear(tmp_path / "m.onnx")))).facts
    assert facts.weights == {"float": 6}
    assert facts.parameters == 6


# The metric


def counted(macs: int | None, note: str = "") -> Record:
    record = make_record(failure=Failure(kind="crash", detail="gone"))
    facts = msgspec.structs.replace(record.model, macs=macs, macs_note=note)
    return msgspec.structs.replace(record, model=facts)


def test_the_metric_gives_the_count_with_its_note() -> None:
    found = metrics.find("memory.multiply_adds")(counted(1234, "the larger branch of 1 choices"))
    assert isinstance(found, Value)
    assert (found.estimate, found.low, found.high, found.unit) == (1234, 1234, 1234, "1")
    assert found.method == "counted"
    assert found.note == "the larger branch of 1 choices"


def test_a_count_of_nothing_is_a_number_and_no_count_is_none() -> None:
    metric = metrics.find("memory.multiply_adds")
    assert isinstance(metric(counted(0)), Value)
    missing = metric(counted(None, "2 nodes with unknown shapes could not be counted"))
    assert isinstance(missing, Missing)
    assert missing.reason == "unknown_shapes"
    assert missing.detail == "2 nodes with unknown shapes could not be counted"
    assert metric(counted(None)) == Missing(
        reason="unknown_shapes", detail="the multiply-adds of this model were not counted"
    )


def test_a_lower_bound_is_never_held_against_an_upper_one() -> None:
    nodes = [node("Riddle", "x", "r", domain="own"), node("MatMul", "x w", "y")]
    macs, note = count(model(nodes, [port("x", (1, 3))], [held("w", 3, 4)]), {})
    found = metrics.find("memory.multiply_adds")(counted(macs, note))
    assert isinstance(found, Missing)
    assert found.detail.startswith("12 or more; at least")


def test_only_the_plainest_graphs_are_inferred_in_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Any] = []

    def note_start(*args: Any, **more: Any) -> _child.Ended:
        started.append(args)
        return _child.Ended(1, b"", "")

    monkeypatch.setattr(_child, "run", note_start)
    assert count(lone("MatMul", "x w", (1, 3), (3, 4)), {})[0] == 12
    assert not started
    count(lone("Conv", "x w", (1, 3, 8), (4, 3, 3)), {})
    assert len(started) == 1
