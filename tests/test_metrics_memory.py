"""Bytes, as they were counted."""

from _build import FAILED, change, missing, value
from _records import make_record


def test_memory_is_the_peaks_the_worker_saw() -> None:
    record = make_record()
    assert value("memory.peak", record).estimate == 70 * 2**20
    assert value("memory.for_model", record).estimate == 10 * 2**20
    assert value("memory.peak", record).unit == "B"


def test_a_system_without_the_counter_has_no_memory_of_zero() -> None:
    record = make_record()
    assert record.run is not None
    blind = change(record, run=change(record.run, memory=None))
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
