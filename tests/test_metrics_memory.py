"""Bytes, as they were counted."""

from _build import FAILED, change, missing, value
from _records import make_record


def test_memory_is_the_peaks_the_worker_saw() -> None:
    record = make_record()
    assert value("memory.peak", record).estimate == 70 * 2**20
    assert value("memory.for_model", record).estimate == 10 * 2**20
    assert value("memory.peak", record).unit == "B"


def test_the_peak_is_split_into_import_model_and_run() -> None:
    record = make_record()
    parts = [
        value(f"memory.{part}", record).estimate for part in ("importing", "loading", "running")
    ]
    assert parts == [60 * 2**20, 4 * 2**20, 6 * 2**20]
    assert sum(parts) == value("memory.peak", record).estimate


def test_of_several_hierarchical_bootstraphe_largest_counts_and_the_smallest_is_told() -> None:
    record = make_record()
    assert record.run is not None
    (one,) = record.run.processes
    assert one.memory is not None
    heavier = change(one, memory=change(one.memory, after_run=80 * 2**20))
    both = change(record, run=change(record.run, processes=(one, heavier)))
    found = value("memory.peak", both)
    assert (found.low, found.estimate, found.high) == (70 * 2**20, 80 * 2**20, 80 * 2**20)
    assert found.n == 2


def test_a_system_without_the_counter_has_no_memory_of_zero() -> None:
    record = make_record()
    assert record.run is not None
    shut = change(record.run.processes[0], memory=None)
    blind = change(record, run=change(record.run, processes=(shut,)))
    assert missing("memory.peak", blind).reason == "no_counter"
    assert missing("memory.for_model", blind).reason == "no_counter"


def test_the_file_has_a_size_even_when_the_model_does_not_run() -> None:
    assert value("memory.model_size", FAILED).estimate == 48_213
    assert value("memory.parameters", FAILED).estimate == 12_034
    assert missing("memory.peak", FAILED).reason == "no_run"


def test_a_format_that_shows_no_weights_has_no_count_of_them() -> None:
    record = make_record()
    opaque = change(record, model=change(record.model, parameters=None))
    assert missing("memory.parameters", opaque).reason == "unknown_format"
