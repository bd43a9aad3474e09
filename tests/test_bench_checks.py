"""Warm-up, the checks of a fair run and what counts as the same answer, on an injected clock."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from _clock import MS, Time
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from frugalbench.bench._alike import MOST, alike, sketch
from frugalbench.bench._checks import FEWEST_ROUNDS, ROUNDS, Watch, check_rounds
from frugalbench.bench._queries import FRESH, Queries, draw
from frugalbench.bench._warmup import BLOCKS, warm_up
from frugalbench.jobs import Job
from frugalbench.record import Port
from frugalbench.runners import Bound
from frugalbench.spec import Model as Asked
from frugalbench.spec import Spec

US = 1000


def nothing() -> None:
    """A sample put in place in no time."""


# Warm-up


def warmed(spent: Callable[[int], int], seconds: float = 10.0) -> tuple[int, bool, float]:
    """Calls made, whether they got steady, and the last median (s), of calls that take so long."""
    clock, made = Time(), [0]

    def run() -> None:
        clock.now += spent(made[0])
        made[0] += 1

    warm, call_seconds = warm_up(run, [nothing], seconds, clock)
    assert warm.calls == made[0]
    assert warm.seconds == pytest.approx((clock.now - Time().now) * 1e-9)
    return warm.calls, warm.steady, call_seconds


def test_calls_that_are_steady_from_the_start_take_four_blocks() -> None:
    calls, steady, call_seconds = warmed(lambda call: MS)
    # A block is ten milliseconds and five calls at least.
    assert (calls, steady) == (BLOCKS * 10, True)
    assert call_seconds == pytest.approx(1e-3)


def test_slow_calls_are_five_a_block() -> None:
    calls, steady, _ = warmed(lambda call: 100 * MS)
    assert (calls, steady) == (BLOCKS * 5, True)


def test_warm_up_goes_on_while_the_median_falls_and_no_longer() -> None:
    # Ten times slower at first, and then 10 % quicker after every hundred calls.
    calls, steady, call_seconds = warmed(lambda call: round(10 * MS * max(0.1, 0.9 ** (call / 20))))
    assert steady
    # It is at its lowest after 438 calls.
    assert calls > 438
    assert call_seconds == pytest.approx(1e-3)


def test_calls_that_never_stop_falling_are_not_called_steady() -> None:
    calls, steady, _ = warmed(lambda call: round(100 * MS * 0.99**call), seconds=3.0)
    assert not steady
    assert calls > BLOCKS * 5


def test_calls_that_get_slower_are_not_falling() -> None:
    assert warmed(lambda call: (call + 1) * MS)[1]


@pytest.mark.parametrize("seconds", [1e-9, 0.05])
def test_warm_up_ends_when_its_time_is_over(seconds: float) -> None:
    calls, steady, call_seconds = warmed(lambda call: 30 * MS, seconds)
    assert (calls, steady) == (max(1, -(-seconds // 0.03)), False)
    assert call_seconds == pytest.approx(0.03)


def test_a_clock_that_stands_still_does_not_hold_the_warm_up() -> None:
    calls, steady, call_seconds = warmed(lambda call: 0)
    assert steady
    assert calls > 0
    assert call_seconds == 0


@given(st.lists(st.integers(1, 20 * MS), min_size=1, max_size=20), st.floats(1e-6, 0.5))
def test_warm_up_stays_in_its_time_but_for_one_call(spent: list[int], seconds: float) -> None:
    clock, turn = Time(), [0]

    def run() -> None:
        clock.now += max(spent[turn[0] % len(spent)], 50 * US)
        turn[0] += 1

    warm, _ = warm_up(run, [nothing], seconds, clock)
    assert warm.calls >= 1
    assert warm.seconds < seconds + 20e-3 + 1e-9


def test_samples_are_taken_in_turn_while_warming_up() -> None:
    clock, placed = Time(), list[int]()
    places = [lambda sample=sample: placed.append(sample) for sample in range(3)]
    warm_up(clock.spend(5 * MS), places, 1.0, clock)
    assert placed == [turn % 3 for turn in range(len(placed))]


# Rounds of blocks


class Model:
    """A model of so many samples, whose calls take what `spent(sample, before)` says.

    `before` is the sample of the call before. The last half of the samples is another seed's.
    """

    def __init__(self, clock: Time, spent: Callable[[int, int], int], samples: int = 100) -> None:
        self._clock, self._spent = clock, spent
        self._placed = self._before = -1
        places = [self._placer(sample) for sample in range(2 * samples)]
        self.places, self.others = places[:samples], places[samples:]
        self.calls = 0

    def _placer(self, sample: int) -> Callable[[], None]:
        def place() -> None:
            self._placed = sample
            # Writing an input takes time, and is not timed.
            self._clock.now += 3 * MS

        return place

    def run(self) -> None:
        self._clock.now += self._spent(self._placed, self._before)
        self._before = self._placed
        self.calls += 1


def rounds(
    spent: Callable[[int, int], int],
    *,
    seconds: float = 1e6,
    seed: int = 1,
    samples: int = 100,
    call_seconds: float = 100e-6,
) -> dict[str, Any]:
    clock = Time()
    model = Model(clock, spent, samples)
    return check_rounds(model.run, model.places, model.others, seed, seconds, call_seconds, clock)


def ratio(found: Mapping[str, Any], name: str) -> float:
    return float(np.exp(np.log(found[f"check:{name}_ns"] / found["check:varied_ns"]).mean()))


def test_an_honest_model_takes_as_long_for_a_repeated_sample_and_for_another_seed() -> None:
    found = rounds(lambda sample, before: 100 * US)
    assert {len(one) for one in found.values()} == {ROUNDS}
    assert ratio(found, "repeated") == 1
    assert ratio(found, "reseeded") == 1
    assert (found["check:varied_ns"] == 100 * US).all()


def test_a_model_that_remembers_its_last_input_is_seen() -> None:
    found = rounds(lambda sample, before: 10 * US if sample == before else 100 * US)
    assert ratio(found, "repeated") == pytest.approx(0.1)
    assert ratio(found, "repeated") < 0.9
    assert ratio(found, "reseeded") == 1


def test_a_model_that_remembers_a_few_inputs_is_seen() -> None:
    kept = list[int]()

    def spent(sample: int, before: int) -> int:
        known = sample in kept
        kept[:] = [sample, *(one for one in kept if one != sample)][:4]
        return 10 * US if known else 100 * US

    assert ratio(rounds(spent), "repeated") < 0.9


def test_samples_of_one_seed_that_are_easier_are_seen() -> None:
    found = rounds(lambda sample, before: 50 * US if sample < 100 else 100 * US)
    assert ratio(found, "reseeded") == pytest.approx(2)
    assert ratio(found, "repeated") == 1


def test_a_machine_that_slows_down_drifts_in_all_blocks_alike() -> None:
    made = [0]

    def spent(sample: int, before: int) -> int:
        made[0] += 1
        return 100 * US + 10 * made[0]

    found = rounds(spent)
    assert found["check:varied_ns"][-1] > 1.3 * found["check:varied_ns"][0]
    assert ratio(found, "repeated") == pytest.approx(1, abs=0.01)
    assert ratio(found, "reseeded") == pytest.approx(1, abs=0.01)


def test_writing_a_sample_is_not_timed() -> None:
    # Each place takes 3 ms on this clock, thirty times as long as the call.
    assert (rounds(lambda sample, before: 100 * US)["check:repeated_ns"] == 100 * US).all()


def test_rounds_are_repeatable_and_their_order_is_drawn() -> None:
    def spent(sample: int, before: int) -> int:
        return 100 * US + sample * 97 + before * 13

    one, two, other = (rounds(spent, seed=seed) for seed in (1, 1, 2))
    assert [values.tolist() for values in one.values()] == [v.tolist() for v in two.values()]
    assert one["check:varied_ns"].tolist() != other["check:varied_ns"].tolist()


def test_fewer_than_five_rounds_that_fit_are_not_made_at_all() -> None:
    # Five rounds of three blocks of one call are fifteen calls of 100 µs.
    clock = Time()
    model = Model(clock, lambda sample, before: 100 * US)
    few = check_rounds(model.run, model.places, model.others, 1, 1.4e-3, 100e-6, clock)
    assert (few, model.calls) == ({}, 0)


def test_rounds_that_took_longer_than_was_thought_are_no_evidence() -> None:
    # Placing eats the time after two rounds.
    assert rounds(lambda sample, before: 100 * US, seconds=0.5) == {}


def test_one_sample_alone_cannot_be_varied() -> None:
    assert rounds(lambda sample, before: 100 * US, samples=1) == {}


@given(seconds=st.floats(0, 2), call=st.integers(1, 10**9), samples=st.integers(1, 5))
def test_rounds_are_whole_and_as_many_of_each(seconds: float, call: int, samples: int) -> None:
    found = rounds(
        lambda sample, before: call, seconds=seconds, samples=samples, call_seconds=call * 1e-9
    )
    if found:
        assert list(found) == ["check:varied_ns", "check:repeated_ns", "check:reseeded_ns"]
        (size,) = {one.size for one in found.values()}
        assert FEWEST_ROUNDS <= size <= ROUNDS
        assert {one.dtype for one in found.values()} == {np.dtype(np.float64)}
        assert all((one == call).all() for one in found.values())


def test_means_of_samples_never_seen_leave_out_the_slowest_tenth() -> None:
    """Six of 64 calls of a block are interrupted: neither a mean nor a median shows it."""
    made = [0]

    def spent(sample: int, before: int) -> int:
        made[0] += 1
        return 9 * MS if made[0] % 11 == 0 else 100 * US

    clock = Time()
    model = Model(clock, spent, samples=3000)
    given = (model.run, model.places, model.others, 1, 1e6, 100e-6, clock)
    found = check_rounds(*given, unseen=True)
    assert list(found)[3:] == ["check:varied_trimmed_ns", "check:reseeded_trimmed_ns"]
    for name in list(found)[3:]:
        assert (found[name] == 100 * US).all()


def test_a_cache_of_a_third_of_the_samples_shows_in_the_mean_and_not_in_the_median() -> None:
    def spent(sample: int, before: int) -> int:
        return 10 * US if sample < 1000 else 100 * US

    clock = Time()
    model = Model(clock, spent, samples=3000)
    given = (model.run, model.places, model.others, 1, 1e6, 100e-6, clock)
    found = check_rounds(*given, unseen=True)
    assert ratio(found, "reseeded") == pytest.approx(1, abs=0.05)
    means = found["check:reseeded_trimmed_ns"] / found["check:varied_trimmed_ns"]
    assert np.exp(np.log(means).mean()) > 1.4


def test_samples_that_are_asked_again_are_not_new() -> None:
    clock = Time()
    model = Model(clock, lambda sample, before: 100 * US, samples=2599)
    given = (model.run, model.places, model.others, 1, 1e6, 100e-6, clock)
    # Forty rounds of 65 calls ask for 2,600.
    assert len(check_rounds(*given, unseen=True)) == 3
    model = Model(clock, lambda sample, before: 100 * US, samples=2600)
    given = (model.run, model.places, model.others, 1, 1e6, 100e-6, clock)
    assert len(check_rounds(*given, unseen=True)) == 5
    assert len(check_rounds(*given)) == 3


# New samples


def new_samples(**feed: Any) -> Queries:
    """Samples drawn with another seed from these rows."""
    ports = tuple(
        Port(name=name, dtype={"f": "float", "i": "int64"}[rows.dtype.kind], shape=(None, 2))
        for name, rows in feed.items()
    )
    job = Job(
        spec=Spec(model=Asked(path="m.onnx")), ports=ports, answer=None, rows=0, batch=1, inputs=""
    )
    written.clear()
    bound = Bound(nothing, lambda sample: written.append(dict(sample)) or nothing, lambda *_: {})
    return draw(job, feed, [bound], 7, fresh=True)


written: list[dict[str, Any]] = []


def test_new_samples_lie_near_a_row_and_are_none() -> None:
    rows = np.random.default_rng(2).normal(size=(50, 2)).astype(np.float32)
    assert new_samples(x=rows).unseen
    assert len(written) == FRESH
    for sample in written[:200]:
        apart = np.abs(rows - sample["x"]).max(axis=1)
        assert 0 < apart.min() < 0.4
        assert sample["x"].dtype == np.float32


def test_integers_alone_give_no_new_sample_and_floats_beside_them_do() -> None:
    codes = np.arange(100).reshape(50, 2)
    assert not new_samples(i=codes).unseen
    assert new_samples(i=codes, x=codes.astype(np.float32)).unseen
    assert all(int(one["i"][0, 0]) in codes for one in written)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 3e38, 0.0])
def test_numbers_that_cannot_be_moved_stay_and_are_not_called_new(odd: float) -> None:
    rows = np.full((20, 2), odd, np.float32)
    assert new_samples(x=rows).unseen == (odd == 3e38)
    assert all(np.array_equal(one["x"], rows[:1], equal_nan=True) or odd == 3e38 for one in written)


# Answers read while timing


def watch_of(answers: Mapping[int, Any], known: Mapping[int, Any]) -> Watch:
    """A watch over calls that give back which sample they answered."""

    def read(result: object, names: tuple[str, ...]) -> dict[str, Any]:
        assert isinstance(result, int)
        return {name: np.asarray(answers[result]) for name in names}

    def expected(sample: int) -> dict[str, Any] | None:
        return {"y": np.asarray(known[sample]).reshape(-1)} if sample in known else None

    return Watch(Bound(nothing, lambda feed: nothing, read), ("y",), expected)


def test_answers_that_differ_are_counted() -> None:
    right = {sample: [0.1 * sample, 1.0] for sample in range(10)}
    wrong = right | {3: [0.3, 1.1], 7: [0.7]}
    watch = watch_of(wrong, right)
    for sample in range(10):
        watch.look(sample, sample)
    found = watch.answered()
    assert found is not None
    assert (found.compared, found.differing) == (10, 2)
    assert "labels exactly" in found.tolerance


def test_a_remembered_answer_to_another_sample_differs() -> None:
    watch = watch_of({0: 5, 1: 5}, {0: 5, 1: 6})
    for sample in (0, 1):
        watch.look(sample, sample)
    found = watch.answered()
    assert found is not None
    assert (found.compared, found.differing) == (2, 1)


def test_samples_without_a_known_answer_are_not_compared_and_nothing_is_said() -> None:
    watch = watch_of({0: 1}, {})
    watch.look(0, 0)
    assert watch.answered() is None


def test_every_output_must_be_the_same() -> None:
    answers = {"y": np.ones(2), "label": np.array([1])}
    watch = Watch(
        Bound(nothing, lambda feed: nothing, lambda result, names: answers),
        ("y", "label"),
        lambda sample: {"y": np.ones(2), "label": np.array([sample])},
    )
    watch.look(1, None)
    watch.look(0, None)
    found = watch.answered()
    assert found is not None
    assert (found.compared, found.differing) == (2, 1)


# The same answer

FLOATS = ("float16", "float32", "float64")
RELATIVE = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-9}


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_may_differ_in_the_last_digits_of_their_type(dtype: str) -> None:
    one = np.array([0.25, 0.5, 1.0], dtype)
    assert alike((one * (1 + RELATIVE[dtype] / 2)).astype(dtype), one)
    assert not alike((one * (1 + 3 * RELATIVE[dtype])).astype(dtype), one)


@pytest.mark.parametrize("dtype", FLOATS)
def test_small_numbers_beside_large_ones_are_as_exact_as_the_large_ones(dtype: str) -> None:
    one, other = np.array([1e-7, 1.0], dtype), np.array([0.0, 1.0], dtype)
    # In double precision a ten-millionth is no rounding.
    assert alike(one, other) == (dtype != "float64")


@given(
    one=hnp.arrays(
        st.sampled_from(FLOATS), hnp.array_shapes(max_dims=3), elements=st.floats(width=16)
    )
)
def test_every_answer_is_itself_and_not_another_shape(one: np.ndarray[Any, Any]) -> None:
    assert alike(one, one.copy())
    assert not alike(one, one[np.newaxis])


def test_an_undefined_number_is_alike_to_another_and_to_nothing_else() -> None:
    one = np.array([np.nan, 1.0], np.float32)
    # Two of them may differ in their bits.
    other = np.array([0x7FC00001, 0x3F800000], np.uint32).view(np.float32)
    assert one.tobytes() != other.tobytes()
    assert alike(one, other)
    assert not alike(one, np.array([0.0, 1.0], np.float32))
    assert not alike(np.array([0.0, 1.0], np.float32), one)


def test_an_infinite_number_is_alike_to_itself_alone() -> None:
    one = np.array([np.inf, 1.0], np.float32)
    assert alike(one * np.float32(1.00001), one)
    assert not alike(np.array([-np.inf, 1.0], np.float32), one)
    assert not alike(np.array([3e38, 1.0], np.float32), one)


@given(
    one=hnp.arrays(
        st.sampled_from([np.int64, np.int32, np.uint8, np.bool_]), hnp.array_shapes(max_dims=2)
    ),
    data=st.data(),
)
def test_labels_are_alike_when_they_are_equal(one: np.ndarray[Any, Any], data: Any) -> None:
    other = one.copy()
    assert alike(one, other)
    at = data.draw(st.integers(0, one.size - 1))
    flat = other.reshape(-1)
    flat[at] = not flat[at] if one.dtype == np.bool_ else flat[at] ^ 1
    assert not alike(one, other)


def test_text_labels_are_alike_when_they_are_equal_whatever_their_longest_is() -> None:
    one = np.array(["lo", "hi"])
    assert alike(one, np.array(["lo", "hi", "middling"])[:2])
    assert not alike(one, np.array(["lo", "mid"]))


def test_a_label_far_from_zero_is_exact_too() -> None:
    assert not alike(np.array([2**60 + 1]), np.array([2**60]))


def test_a_sketch_is_a_flat_copy_of_an_answer() -> None:
    one = np.arange(6.0).reshape(2, 3)
    flat = sketch(one)
    assert flat.tolist() == [0, 1, 2, 3, 4, 5]
    flat[0] = 9
    assert one[0, 0] == 0
    assert sketch(np.array(3.0)).tolist() == [3.0]


@given(size=st.integers(0, 4 * MOST))
def test_a_sketch_of_a_large_answer_is_bounded_and_evenly_spaced(size: int) -> None:
    found = sketch(np.arange(size))
    assert len(found) <= MOST
    assert len(found) >= min(size, MOST // 2)
    assert len(set(np.diff(found).tolist())) <= 1
