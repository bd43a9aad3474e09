"""A record on disk is whole or absent, comes back as it was, and is refused once damaged."""

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from _records import HOSTILE, make_record
from hypothesis import given, settings
from hypothesis import strategies as st

from frugalbench import store
from frugalbench.errors import FrugalbenchError, StoreError, UsageError
from frugalbench.models import file_sha256
from frugalbench.record import Failure, Record

WRITERS: tuple[Callable[[Path], object], ...] = (
    lambda folder: store.save(make_record(), folder),
    store.check_writable,
    lambda folder: store.write_whole(folder / "report.txt", "text"),
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One record on disk that no test changes."""
    return store.save(make_record(rows=40, calls=50), tmp_path_factory.mktemp("results"))


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stored, tmp_path / "copy")


def refusal(path: Path, kind: type[FrugalbenchError] = StoreError) -> str:
    """The one line a record is refused with."""
    with pytest.raises(kind) as caught:
        store.load(path)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 500
    return line


def same(one: Record, other: Record) -> bool:
    plain = [msgspec.structs.asdict(record) | {"arrays": None} for record in (one, other)]
    return (
        plain[0] == plain[1]
        and one.arrays.keys() == other.arrays.keys()
        and all(
            array.dtype == other.arrays[name].dtype and np.array_equal(array, other.arrays[name])
            for name, array in one.arrays.items()
        )
    )


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    file = folder / store.RECORD
    raw = json.loads(file.read_bytes())
    change(raw)
    with suppress(UnicodeEncodeError, RecursionError):
        raw["sha256"] = store.seal(raw)
    file.write_text(json.dumps(raw))
    return folder


def with_arrays(folder: Path, **changed: Any) -> Path:
    """The record with other arrays, and the digest that goes with them."""
    arrays = store.load(folder).arrays | changed
    np.savez(folder / store.ARRAYS, allow_pickle=True, **arrays)
    digest = file_sha256(folder / store.ARRAYS)
    return edit(folder, lambda raw: raw["arrays"].update(sha256=digest))


# What comes back


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    record = make_record(notes=("one", "two"))
    folder = store.save(record, tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b" / record.id
    assert same(store.load(folder), record)
    assert same(store.load(folder / store.RECORD), record)
    assert sorted(path.name for path in folder.iterdir()) == [store.ARRAYS, store.RECORD]


def test_a_failure_without_a_run_comes_back_too(tmp_path: Path) -> None:
    record = make_record(failure=Failure(kind="hang", detail="silent"), data=False)
    assert same(store.load(store.save(record, tmp_path)), record)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_kind_come_back(name: str, tmp_path: Path) -> None:
    # The settings refuse a name that is not UTF-8 before anything is measured.
    text = name.replace("\ud800", "?")
    record = make_record(name=text, groups={text.replace("\0", ""): ("a", text)})
    folder = store.save(record, tmp_path)
    store.write_whole(folder / "report.txt", name)
    assert same(store.load(folder), record)
    assert (folder / "report.txt").read_bytes() == text.encode()


def test_a_name_that_is_no_text_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="surrogates"):
        store.save(make_record(name="\ud800"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_never_written_over_another(tmp_path: Path) -> None:
    first = store.save(make_record(name="first"), tmp_path)
    with pytest.raises(StoreError):
        store.save(make_record(name="second"), tmp_path)
    assert store.load(first).model.name == "first"
    assert list(tmp_path.iterdir()) == [first]


# What cannot be written


@pytest.mark.parametrize("write", [WRITERS[0], WRITERS[2]])
def test_a_full_disk_leaves_nothing_behind(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        write(tmp_path)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_cannot_be_written_is_said_in_one_line(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/no"), Path("a\0b")):
        with pytest.raises(StoreError, match="cannot be written") as caught:
            write(folder)
        assert str(caught.value).isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_without_permission_is_said_in_one_line(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        write(tmp_path)
    tmp_path.chmod(0o700)


def test_checking_leaves_an_empty_folder(tmp_path: Path) -> None:
    store.check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_whole_file_replaces_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "report.txt"
    for text in ("a longer first text", "é", "\ud800"):
        store.write_whole(file, text)
        assert file.read_text() == text.replace("\ud800", "?")
        assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


# What is not an intact record


@settings(deadline=None, max_examples=150)
@given(share=st.floats(0, 1, exclude_max=True), part=st.sampled_from([store.RECORD, store.ARRAYS]))
def test_a_record_cut_short_anywhere_is_refused(stored: Path, share: float, part: str) -> None:
    file = stored / part
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[: int(share * len(whole.rstrip()))])
        refusal(stored, FrugalbenchError)
    finally:
        file.write_bytes(whole)


@settings(deadline=None, max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.binary(min_size=1, max_size=1))
def test_no_byte_in_the_json_gives_a_traceback(stored: Path, place: float, byte: bytes) -> None:
    file = stored / store.RECORD
    whole = file.read_bytes()
    at = int(place * len(whole))
    try:
        file.write_bytes(whole[:at] + byte + whole[at + 1 :])
        with suppress(FrugalbenchError):
            store.load(stored)
    finally:
        file.write_bytes(whole)


def test_a_record_edited_by_hand_is_refused(copy: Path) -> None:
    file = copy / store.RECORD
    text = file.read_text()
    file.write_text(text.replace('"threads": 1', '"threads": 2'))
    assert "changed after it was written" in refusal(copy)


def paths(value: Any, *before: str | int) -> list[tuple[str | int, ...]]:
    """Where every number and word stands in a tree."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in paths(inner, *before, key)]
    if isinstance(value, list):
        return [one for at, inner in enumerate(value) for one in paths(inner, *before, at)]
    return [before]


def test_the_seal_covers_every_value_of_a_record(copy: Path) -> None:
    file = copy / store.RECORD
    text = file.read_bytes()
    places = paths(json.loads(text))
    assert ("spec", "target", "threads") in places
    for *steps, last in places:
        raw = json.loads(text)
        inner = raw
        for step in steps:
            inner = inner[step]
        inner[last] = "other" if inner[last] is None else None
        file.write_text(json.dumps(raw))
        refusal(copy, StoreError if last != "format" else FrugalbenchError)


@pytest.mark.parametrize("key", ["spec", "run", "format", "sha256", "threads"])
@pytest.mark.parametrize("spaced", [True, False])
def test_a_key_given_twice_is_refused(copy: Path, key: str, spaced: bool) -> None:
    file = copy / store.RECORD
    text = file.read_text() if spaced else json.dumps(json.loads(file.read_bytes()))
    # The value that was sealed comes last, where this reader alone would take it.
    file.write_text(text.replace(f'"{key}":', f'"{key}": 7, "{key}":', 1))
    assert "gives a key twice" in refusal(copy)


def test_other_spaces_in_the_json_change_nothing(copy: Path, stored: Path) -> None:
    file = copy / store.RECORD
    file.write_text(json.dumps(json.loads(file.read_bytes())))
    assert same(store.load(copy), store.load(stored))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_of_json_is_refused(copy: Path, number: str) -> None:
    file = copy / store.RECORD
    file.write_text(file.read_text().replace('"threads": 1', f'"threads": {number}'))
    assert "not JSON" in refusal(copy)


def test_arrays_edited_by_hand_are_refused(copy: Path) -> None:
    with zipfile.ZipFile(copy / store.ARRAYS, "a") as archive:
        archive.writestr("more.npy", b"")
    assert "not the file its record was written with" in refusal(copy)


def test_missing_arrays_are_refused(copy: Path) -> None:
    (copy / store.ARRAYS).unlink()
    assert "cannot be read" in refusal(copy)


def test_arrays_that_hold_a_pickle_are_never_opened(copy: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (copy / "exploded",)

    with_arrays(copy, y_true=np.array([Bomb()] * 40, object))
    (copy / "exploded").unlink(missing_ok=True)
    assert "damaged" in refusal(copy)
    assert not (copy / "exploded").exists()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("y_true", np.full(40, 2)),
        ("y_pred", np.full(40, -2)),
        ("y_pred", np.zeros(39, np.int64)),
        ("y_pred", np.zeros(40)),
        ("group:sex", np.full(40, 2, np.int32)),
        ("group:age", np.zeros(40, np.int32)),
        ("score", np.zeros((40, 3))),
        ("score", np.zeros(40, np.int64)),
        ("value", np.zeros((40, 1))),
        ("latency_ns", np.full(5, -1)),
        ("latency_ns", np.zeros(())),
        ("latency_ns", np.array(["1"])),
        ("strange", np.zeros(40, np.int64)),
    ],
)
def test_arrays_that_do_not_fit_their_record_are_refused(
    copy: Path, name: str, values: Any
) -> None:
    assert f"'{name}' does not fit" in refusal(with_arrays(copy, **{name: values}))


def test_a_newer_format_asks_for_an_upgrade(copy: Path) -> None:
    assert "upgrade" in refusal(
        edit(copy, lambda raw: raw.update(format=store.FORMAT + 1)), UsageError
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "1"),
        ("format", None),
        ("arrays", []),
        ("arrays", {"sha256": 3}),
        ("created", 7),
        ("host", {}),
        ("run", []),
        ("unknown", 1),
        ("notes", [[[]]]),
        ("data", 10**400),
    ],
)
def test_fields_of_the_wrong_type_are_refused(copy: Path, field: str, value: Any) -> None:
    refusal(edit(copy, lambda raw: raw.update({field: value})))


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "[" * 10**6, '{"a":' * 10**6, "\ufeff{}"])
def test_json_that_is_no_record_is_refused(copy: Path, text: str) -> None:
    (copy / store.RECORD).write_text(text)
    refusal(copy)


def test_where_there_is_no_record_the_line_says_what_to_give(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", tmp_path / "absent" / store.RECORD, Path("a\0b")):
        assert "give the folder" in refusal(path, UsageError)
    os.mkfifo(tmp_path / store.RECORD)
    assert "not a file" in refusal(tmp_path)
