"""Every probe disturbs what it says, keeps what it must, and says where it does not fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from frugalbench import probes
from frugalbench.errors import UsageError
from frugalbench.probes import Found, Probe, Whole, open_probe
from frugalbench.spec import Perturbation, Probes

Array = npt.NDArray[Any]
DISTURBING = [name for name in probes.names() if open_probe(name).disturb]
# A ratio of signal to noise has no value at which there is no noise.
ZERO_IS_NOTHING = [name for name in DISTURBING if name != "audio_noise"]
TABLES = ("gaussian_noise", "missing_values", "feature_shuffle")
IMAGES = ("gaussian_noise", "brightness", "contrast", "blur", "jpeg")
SOUNDS = ("audio_noise", "gain")


def disturbed(name: str, array: Array, severity: float, whole: Array | None = None) -> Array:
    probe = open_probe(name)
    assert probe.disturb is not None
    seen = Whole(array if whole is None else whole)
    assert probe.unfit(seen) == ""
    return probe.disturb(array, severity, np.random.default_rng(5), seen)


def strengths(probe: Probe) -> st.SearchStrategy[float]:
    return st.floats(probe.least, probe.most)


def sampled(shape: Any, dtype: Any) -> st.SearchStrategy[Array]:
    elements: Any = {
        "f": st.floats(-1024, 1024, width=16) | st.just(np.nan),
        "i": st.integers(-100, 100),
        "u": st.integers(0, 255),
        "b": st.booleans(),
    }[np.dtype(dtype).kind]
    return hnp.arrays(dtype, shape, elements=elements)


KINDS = (np.float32, np.float64, np.float16, np.int64, np.int8, np.uint8, np.bool_)
tables = st.sampled_from(KINDS).flatmap(
    lambda dtype: st.one_of(
        sampled(st.integers(1, 9), dtype),
        sampled(st.tuples(st.integers(1, 9), st.integers(1, 5)), dtype),
    )
)
images = st.sampled_from(KINDS[:-1]).flatmap(
    lambda dtype: st.sampled_from([(2, 3, 9, 7), (1, 12, 6, 1), (3, 1, 5, 5)]).flatmap(
        lambda shape: sampled(shape, dtype)
    )
)


def kept(array: Array, found: Array) -> None:
    """Shape, type and range are the data's; the range is that of the finite numbers."""
    assert found is not array
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    moved = found[~((found == array) | ((found != found) & (array != array)))]
    real = moved[~np.isnan(moved)] if moved.dtype.kind == "f" else moved
    if finite.size and real.size:
        assert finite.min() <= real.min()
        assert real.max() <= finite.max()


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_table_keeps_its_shape_type_and_range(name: str, data: st.DataObject) -> None:
    array = data.draw(tables)
    if open_probe(name).unfit(Whole(array)):
        return
    kept(array, disturbed(name, array, data.draw(strengths(open_probe(name)))))
    np.testing.assert_array_equal(disturbed(name, array, 0.0), array)


@pytest.mark.parametrize("name", IMAGES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_images_keep_their_shape_type_and_range(name: str, data: st.DataObject) -> None:
    array = np.nan_to_num(data.draw(images))
    severity = min(data.draw(strengths(open_probe(name))), 5.0)
    kept(array, disturbed(name, array, severity))
    np.testing.assert_array_equal(disturbed(name, array, 0.0), array)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("severity", [1e-300, 5e-324])
def test_next_to_nothing_changes_next_to_nothing(name: str, severity: float) -> None:
    array = np.random.default_rng(6).random((2, 3, 9, 9))
    # A jpeg of the best quality still rounds.
    near = 0.02 if name == "jpeg" else 1e-12
    np.testing.assert_allclose(disturbed(name, array, severity), array, atol=near)


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@given(severity=st.floats(-60, 60))
@settings(max_examples=20, deadline=None)
def test_sounds_keep_their_shape_type_and_range(name: str, dtype: Any, severity: float) -> None:
    array = np.rint(9000 * np.sin(np.arange(1200).reshape(2, 600))).astype(dtype)
    kept(array, disturbed(name, array, severity))


@given(
    text=st.lists(st.text(max_size=30), min_size=1, max_size=5),
    share=st.floats(0, 1),
    dtype=st.sampled_from([object, np.str_]),
)
@settings(max_examples=60, deadline=None)
def test_typos_use_the_characters_of_the_text(text: list[str], share: float, dtype: Any) -> None:
    array = np.array(text, dtype)
    found = disturbed("typos", array, share)
    assert found.shape == array.shape
    assert found.dtype.kind == array.dtype.kind
    for before, after in zip(array.tolist(), found.tolist(), strict=True):
        assert set(after) <= set(before)
    np.testing.assert_array_equal(disturbed("typos", array, 0.0), array)


@pytest.mark.parametrize("name", DISTURBING)
def test_the_same_seed_disturbs_alike_and_its_own_severities_do_something(name: str) -> None:
    rng = np.random.default_rng(0)
    made: dict[str, Array] = {
        "typos": np.array([["a long enough sentence"]] * 8, object),
        **dict.fromkeys(SOUNDS, rng.standard_normal((4, 300)).astype(np.float32)),
        **dict.fromkeys(IMAGES, rng.random((4, 3, 16, 16)).astype(np.float32)),
        **dict.fromkeys(TABLES, rng.standard_normal((60, 4)).astype(np.float32)),
    }
    for severity in open_probe(name).severities:
        one = disturbed(name, made[name], severity)
        np.testing.assert_array_equal(one, disturbed(name, made[name], severity))
        assert (one != made[name]).any()


# What each does


def test_noise_is_a_share_of_each_columns_own_spread() -> None:
    rng = np.random.default_rng(1)
    array = rng.normal(0, [1.0, 100.0], (4000, 2))
    shift = disturbed("gaussian_noise", array, 0.1) - array
    assert shift.std(axis=0) == pytest.approx([0.1, 10.0], rel=0.05)


def test_noise_leaves_codes_codes_and_a_constant_column_alone() -> None:
    rng = np.random.default_rng(1)
    array = np.column_stack([rng.integers(0, 4, 500), np.full(500, 7.0), rng.random(500)])
    found = disturbed("gaussian_noise", array, 1.0)
    assert set(np.unique(found[:, 0])) == {0.0, 1.0, 2.0, 3.0}
    assert (found[:, 0] != array[:, 0]).any()
    assert (found[:, 1] == 7.0).all()
    assert (found[:, 2] != array[:, 2]).mean() > 0.9


def test_noise_on_images_is_a_share_of_the_range_of_values() -> None:
    array = np.full((50, 3, 8, 8), 0.5)
    array[0, 0, 0, 0], array[0, 0, 0, 1] = 0.0, 1.0
    shift = disturbed("gaussian_noise", array, 0.1) - array
    assert shift[1:].std() == pytest.approx(0.1, rel=0.05)


def test_missing_values_are_nan_where_there_is_nan_and_the_median_else() -> None:
    array = np.arange(1000.0).reshape(500, 2)
    found = disturbed("missing_values", array, 0.2)
    assert np.isnan(found).mean() == pytest.approx(0.2, abs=0.05)
    codes = np.array([[3], [3], [3], [9], [12]] * 100)
    assert (disturbed("missing_values", codes, 1.0) == 3).all()


@pytest.mark.parametrize(("share", "moved"), [(0.1, 1), (0.3, 2), (0.5, 2), (1.0, 4)])
def test_shuffled_features_keep_their_values(share: float, moved: int) -> None:
    array = np.random.default_rng(2).random((200, 4))
    found = disturbed("feature_shuffle", array, share)
    changed = (found != array).any(axis=0)
    assert changed.sum() == moved
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(array, axis=0))


@given(
    width=st.integers(1, 12),
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=2),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_features_shuffled_at_a_lower_severity_are_shuffled_at_a_higher_one(
    width: int, shares: list[float], seed: int
) -> None:
    probe = open_probe("feature_shuffle")
    assert probe.disturb is not None
    array = np.arange(50.0 * width).reshape(50, width)
    whole = Whole(array, (seed, 0))
    # Passes have a source of chance of their own; the order of the features is not theirs.
    weak, strong = (
        (probe.disturb(array, share, np.random.default_rng(place), whole) != array).any(axis=0)
        for place, share in enumerate(sorted(shares))
    )
    assert (weak <= strong).all()
    if width > 1:
        assert weak.sum() == np.ceil(np.round(min(shares) * width, 9)) or min(shares) < 1e-9


def test_which_features_are_shuffled_depends_on_the_seed_and_a_whole_share_is_not_rounded_up() -> (
    None
):
    probe = open_probe("feature_shuffle")
    assert probe.disturb is not None
    array = np.arange(3000.0).reshape(100, 30)
    found = set()
    for seed in range(5):
        mixed = probe.disturb(array, 0.1, np.random.default_rng(0), Whole(array, (seed, 0)))
        changed = np.flatnonzero((mixed != array).any(axis=0))
        assert changed.size == 3
        found.add(tuple(changed))
    assert len(found) > 1


def test_a_single_row_is_shuffled_with_the_rest_of_the_data() -> None:
    whole = np.arange(400.0).reshape(100, 4)
    found = disturbed("feature_shuffle", whole[:1], 1.0, whole)
    assert (found != whole[:1]).any()
    assert set(found[0]) <= set(whole.ravel())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_blur_spreads_a_point_over_height_and_width_alone(layout: str) -> None:
    pixels = np.zeros((2, 3, 21, 21), np.float32)
    pixels[0, 1, 10, 10] = 1.0
    given_ = pixels if layout == "NCHW" else pixels.transpose(0, 2, 3, 1)
    found = disturbed("blur", np.ascontiguousarray(given_), 1.5)
    found = found if layout == "NCHW" else found.transpose(0, 3, 1, 2)
    assert found[0, 1].sum() == pytest.approx(1.0, abs=1e-4)
    assert found[0, 1, 10, 10] == pytest.approx(1 / (2 * np.pi * 1.5**2), rel=0.02)
    assert not found[0, [0, 2]].any()
    assert not found[1].any()


def test_contrast_halves_the_distance_to_the_mean_of_each_image() -> None:
    array = np.random.default_rng(3).random((3, 1, 6, 6))
    found = disturbed("contrast", array, 0.5)
    assert found.std(axis=(1, 2, 3)) == pytest.approx(array.std(axis=(1, 2, 3)) / 2)
    assert found.mean(axis=(1, 2, 3)) == pytest.approx(array.mean(axis=(1, 2, 3)))


def test_brightness_moves_up_and_down_and_stops_at_the_range() -> None:
    array = np.linspace(0, 255, 256).astype(np.uint8).reshape(1, 1, 16, 16)
    up = disturbed("brightness", array, 0.2).astype(int) - array
    assert set(np.unique(up[array < 200])) == {51}
    assert disturbed("brightness", array, 1.0).min() == 255
    assert disturbed("brightness", array, -1.0).max() == 0


def test_jpeg_loses_more_at_a_lower_quality_and_nothing_of_a_flat_image() -> None:
    rng = np.random.default_rng(4)
    array = rng.integers(0, 256, (2, 3, 20, 13)).astype(np.uint8)
    lost = [
        np.abs(disturbed("jpeg", array, severity).astype(int) - array).mean()
        for severity in (5, 50, 90)
    ]
    assert 0 < lost[0] < lost[1] < lost[2]
    smooth = np.tile(np.linspace(0, 255, 16), (16, 1)).reshape(1, 1, 16, 16).astype(np.uint8)
    assert np.abs(disturbed("jpeg", smooth, 50).astype(int) - smooth).max() < 12
    flat = np.full((1, 1, 8, 8), 9, np.uint8)
    np.testing.assert_array_equal(disturbed("jpeg", flat, 90), flat)


def test_sound_gets_noise_at_the_ratio_asked_for() -> None:
    sound = np.sin(np.arange(20_000) / 7).reshape(1, -1)
    loud = np.concatenate([sound, 100 * sound])
    noise = disturbed("audio_noise", sound, 20.0, loud) - sound
    ratio = 10 * np.log10((sound**2).mean() / (noise**2).mean())
    assert ratio == pytest.approx(20, abs=0.2)


def test_gain_clips_at_the_loudest_value_of_the_data() -> None:
    sound = np.sin(np.arange(1000) / 7).reshape(1, -1)
    assert disturbed("gain", sound, -20.0) == pytest.approx(sound / 10)
    assert np.abs(disturbed("gain", sound, 20.0)).max() == np.abs(sound).max()


# Where they do not fit


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("gaussian_noise", np.array(["a"], object), "text"),
        ("missing_values", np.zeros((2, 3, 4)), "no table"),
        ("feature_shuffle", np.zeros((1, 3)), "one row"),
        ("blur", np.zeros((2, 9)), "no batch of images"),
        ("jpeg", np.zeros((2, 7, 9, 9)), "no batch of images"),
        ("brightness", np.zeros((2, 3, 9, 9), bool), "no pixels"),
        ("gain", np.zeros((2, 12)), "256 samples"),
        ("audio_noise", np.array([["a"]], object), "no samples"),
        ("typos", np.zeros((2, 3)), "numbers, not text"),
        ("square_attack", np.array([["a"]], object), "text"),
    ],
)
def test_an_input_that_does_not_fit_is_told(name: str, array: Array, words: str) -> None:
    assert words in open_probe(name).unfit(Whole(array))


def asked(*perturb: Perturbation, labelled: bool = True, shuffles: int = 0) -> None:
    wanted = Probes(perturb=perturb, shuffles=shuffles)
    probes.check_asked(wanted, ("x", "age"), labelled=labelled)


@pytest.mark.parametrize(
    ("perturb", "words"),
    [
        (Perturbation(kind="gausian_noise"), "did you mean 'gaussian_noise'?"),
        (Perturbation(kind="blur", inputs=("agee",)), "did you mean 'age'?"),
        (Perturbation(kind="missing_values", severities=(1.5,)), "not from 0 to 1"),
        (Perturbation(kind="gain", severities=(float("nan"),)), "not from"),
        (Perturbation(kind="gain", severities=(1.0, 1.0)), "twice"),
        (Perturbation(kind="_whole"), "no probe"),
        (Perturbation(kind="../../etc"), "no probe"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_measured(
    perturb: Perturbation, words: str
) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        asked(perturb)


def test_probes_need_labelled_rows() -> None:
    asked(labelled=False)
    for given_ in ({"shuffles": 1}, {}):
        perturb = () if given_ else (Perturbation(kind="gain"),)
        with pytest.raises(UsageError, match="labelled rows"):
            asked(*perturb, labelled=False, **given_)


# The search


def attacked(
    weight: Array, rows: Array, severity: float, *, scores: bool = True, queries: int = 200
) -> tuple[Found, list[int]]:
    """Search against `x @ weight > 0`, whose right answer is always yes."""
    sizes = list[int]()

    def ask(feed: Mapping[str, Array], places: Any) -> tuple[Any, Array]:
        sizes.append(len(places))
        margin = feed["x"].reshape(len(places), -1) @ weight
        return (margin if scores else np.where(margin > 0, 1.0, -1.0)), (margin > 0).astype(int)

    search = open_probe("square_attack").search
    assert search is not None
    whole = np.concatenate([rows, np.full_like(rows[:2], 1e3), np.full_like(rows[:2], -1e3)])
    seen = {"x": Whole(whole)}
    found = search(ask, {"x": rows}, severity, np.random.default_rng(7), seen, queries)
    return found, sizes


@pytest.mark.parametrize("scores", [True, False])
@given(margin=st.floats(0.5, 5), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_linear_model_flips_exactly_when_the_ball_reaches_the_boundary(
    scores: bool, margin: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1, 3) + 0.1
    rows = np.tile(margin * weight / (weight @ weight), (20, 1))
    spread = Whole(np.concatenate([rows, np.full((2, 3), 1e3), np.full((2, 3), -1e3)])).spread
    # The margin falls by at most the radius times the weights, column by column.
    reach = margin / float(np.abs(weight) @ spread)
    outside, _ = attacked(weight, rows, 0.98 * reach, scores=scores)
    assert outside.answers is not None
    assert outside.answers.all()
    inside, _ = attacked(weight, rows, 1.02 * reach, scores=scores)
    assert inside.answers is not None
    assert not inside.answers.any()


def test_a_search_stops_asking_about_rows_that_are_wrong() -> None:
    weight = np.array([1.0, 0.0, 0.0])
    rows = np.array([[-1.0, 0, 0], [1.0, 0, 0], [900.0, 0, 0]])
    found, sizes = attacked(weight, rows, 0.1, queries=30)
    assert found.answers is not None
    assert found.answers.tolist() == [0, 0, 1]
    assert sizes[:2] == [3, 2]
    assert sizes[-1] == 1
    assert (len(sizes), found.queries) == (30, 30)


def test_a_search_of_radius_zero_asks_once() -> None:
    found, sizes = attacked(np.ones(3), np.ones((4, 3)), 0.0)
    assert (sizes, found.queries) == ([4], 1)


@pytest.mark.parametrize("shape", [(6, 3, 8, 8), (6, 8, 8, 3)])
def test_a_search_on_images_stays_in_the_ball_and_in_the_range(shape: tuple[int, ...]) -> None:
    rows = np.random.default_rng(8).random(shape).astype(np.float32)
    weight = np.random.default_rng(9).normal(0, 1, rows[0].size)
    offset = 0.02 * np.abs(weight).sum()
    margins = []

    def ask(feed: Mapping[str, Array], places: Any) -> tuple[Any, Array]:
        moved = feed["x"] - rows[places]
        assert np.abs(moved).max() <= 0.0501
        assert feed["x"].min() >= 0
        assert feed["x"].max() <= 1
        margin = moved.reshape(len(places), -1) @ weight + offset
        margins.append(float(margin.mean()))
        return margin, (margin > 0).astype(int)

    search = open_probe("square_attack").search
    assert search is not None
    found = search(ask, {"x": rows}, 0.05, np.random.default_rng(1), {"x": Whole(rows)}, 400)
    assert found.answers is not None
    assert not found.answers.any()


def test_a_search_that_is_out_of_time_gives_what_it_found() -> None:
    calls = []

    def ask(feed: Mapping[str, Array], places: Any) -> tuple[Any, Array] | None:
        calls.append(len(places))
        return None if len(calls) > 3 else (np.ones(len(places)), np.ones(len(places)))

    search = open_probe("square_attack").search
    assert search is not None
    rows = np.random.default_rng(1).random((5, 2))
    found = search(ask, {"x": rows}, 1.0, np.random.default_rng(1), {"x": Whole(rows)}, 100)
    assert found.queries == 3
    assert found.answers is not None
    nothing = search(lambda feed, places: None, {"x": rows}, 1.0, np.random.default_rng(1), {}, 100)
    assert nothing == Found(None, 0)


# What the data say


def test_statistics_know_nothing_of_what_is_no_number() -> None:
    array = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, np.inf], [np.nan, np.nan, -np.inf]])
    whole = Whole(array)
    assert whole.low.tolist() == [1, 0, 5]
    assert whole.high.tolist() == [3, 0, 5]
    assert whole.spread.tolist() == [1, 0, 0]
    for name in TABLES:
        assert disturbed(name, array, 0.5).shape == array.shape


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((2, 3, 8, 8), "NCHW"), ((2, 8, 8, 3), "NHWC"), ((2, 8, 8, 8), None), ((2, 64), None)],
)
def test_the_layout_of_images_is_known_by_their_channels(
    shape: tuple[int, ...], layout: str | None
) -> None:
    assert Whole(np.zeros(shape)).layout == layout
