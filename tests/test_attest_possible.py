"""A validly signed certificate of what cannot be so is refused, at the step that sees it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _build import change, labels
from _certified import POLICY, Certified, answers, certified, refused, resign

from frugalbench.attest import VerificationError, moment
from frugalbench.attest._files import check_subject
from frugalbench.attest._possible import _declared, _together
from frugalbench.attest._predicate import Digested, Measured

NO = "0" * 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("possible"))


def _of(said: dict[str, Any], rule: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in said["claims"] if one["rule"] == rule)
    return found


def _numbers(rule: str, low: str, middle: str, high: str, **more: Any) -> Any:
    def edit(said: dict[str, Any]) -> None:
        claim = _of(said, rule) | {"estimate": middle} | more
        claim["interval"] = claim["interval"] | {"lower": low, "upper": high}
        said["claims"] = [claim if one["rule"] == rule else one for one in said["claims"]]

    return edit


def _level(level: str) -> Any:
    return lambda said: _of(said, "right")["interval"].update(level=level)


def _renamed(rule: str, old: str, new: str) -> Any:
    def edit(said: dict[str, Any]) -> None:
        claim = _of(said, rule)
        for key in ("id", "address"):
            claim[key] = claim[key].replace(old, new) if old else claim[key] + new

    return edit


def _set(part: str, **values: Any) -> Any:
    return lambda said: said[part].update(values)


IMPOSSIBLE: dict[str, Any] = {
    "above the range": _numbers("right", "6", "7", "INF"),
    "below the range": _numbers("speed", "-INF", "-5", "-1"),
    "no level": _level("0.0001"),
    "a level of one": _level("1.0"),
    "more rows than there are": lambda said: _of(said, "right").update(n=401),
    "a bound of its own": lambda said: _of(said, "right").update(bound="0.99"),
    "no observation": _numbers("right", "0.9", "0.9", "0.9", n=0),
    "too many": _numbers("speed", "0.01", "0.01", "0.01", n=10**16),
    "a counted latency": _numbers("speed", "0.01", "0.01", "0.01", method="counted"),
    "a metered accuracy": _numbers("right", "0.9", "0.9", "0.9", method="hardware_counter"),
    "a part of the whole": _renamed("right", "", "[easy rows]"),
    "groups as a whole": _renamed("alike", "[sex]", ""),
    "an invented attribute": _renamed("alike", "[sex]", "[shoes]"),
    "an empty part": _renamed("alike", "[sex]", "[]"),
    "no data": lambda said: said.pop("data"),
    "few rows": _set("data", n=3),
    "rows below none": _set("data", n=-3),
    "another attribute declared": _set("data", attributes=["sex", "age"]),
    "no limits": lambda said: said.update(nonClaims=[]),
    "a limit more": lambda said: said["nonClaims"].append("this is a certification of a product"),
    "somebody else evaluated": _set("verifier", id="urn:other"),
    "an interval made of markup": lambda said: _of(said, "right")["interval"].update(method="<b>x"),
    "a bound below the estimate": lambda said: _of(said, "speed").update(bound="1e-300"),
    "a limit left out": lambda said: said["nonClaims"].pop(),
    "fixed, nobody knows when": _set("preRegistration", counts=True),
    "fixed afterwards": _set(
        "preRegistration", counts=True, committedAt="2999-01-01T00:00:00Z", digest=NO
    ),
    "fixed at no date": _set("preRegistration", counts=True, committedAt="once", digest=NO),
}


@pytest.mark.parametrize("edit", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_so_is_refused(made: Certified, edit: Any) -> None:
    refused(made.verify(bundle=resign(made, lambda one: edit(one["predicate"]))), "re-judgement")


def test_a_number_about_an_earlier_record_needs_one(tmp_path: Path) -> None:
    drift = {"id": "drift", "metric": "drift.flips", "at_most": 0.5, "unit": "1", "required": False}
    made = certified(tmp_path, policy=POLICY | {"rules": [*POLICY["rules"], drift]})

    def edit(said: dict[str, Any]) -> None:
        claims = said["predicate"]["claims"]
        number = ("estimate", "interval", "n", "method", "verdict")
        claims[-1] |= {key: claims[2][key] for key in number}
        claims[-1].pop("absent")

    refused(made.verify(bundle=resign(made, edit)), "re-judgement")


def test_a_policy_over_groups_without_groups_still_verifies(tmp_path: Path) -> None:
    truth = np.arange(400) % 2
    result = certified(tmp_path, labels(truth, truth, {})).verify()
    assert result.exit_code == 3, result.output


@pytest.mark.parametrize(
    "edit",
    [
        lambda said: said.update(issuedAt="<script>"),
        lambda said: said.update(issuedAt="1999-01-01T00:00:00Z"),
        lambda said: said.update(issuedAt="2999-01-01T00:00:00Z"),
        lambda said: said.update(evaluatedAt="0001-01-01T00:00:00+23:00"),
        lambda said: said.update(expiresAt="9999-12-31T23:59:59-12:00"),
    ],
)
def test_dates_that_are_none_or_out_of_order_are_refused(made: Certified, edit: Any) -> None:
    refused(made.verify(bundle=resign(made, lambda one: edit(one["predicate"]))), "expiry")


def test_the_ends_of_the_calendar_end_in_one_line(made: Certified) -> None:
    refused(made.verify(at="9999-12-31T23:59:59"), "expiry")
    refused(made.verify(at="0001-01-01T00:00:00+23:00"), code=2)
    with pytest.raises(ValueError, match="year"):
        moment("9999-12-31T23:59:59-12:00")
    assert moment("2026-01-01") == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_digest_of_the_subject_is_that_of_the_file(made: Certified) -> None:
    def edit(said: dict[str, Any]) -> None:
        said["predicate"]["model"]["digest"] = {"sha256": NO}
        said["subject"][0]["digest"] = {"sha256": NO}

    refused(made.verify(bundle=resign(made, edit)), "subject digest")


@pytest.mark.parametrize("size", [0, 7, 10**9])
def test_the_bytes_of_the_model_are_those_of_the_file(made: Certified, size: int) -> None:
    edit = lambda said: said["predicate"]["model"].update(bytes=size)  # noqa: E731
    refused(made.verify(bundle=resign(made, edit)), "subject digest")


def test_groups_rest_on_no_more_clusters_than_there_are(tmp_path: Path) -> None:
    record = answers()
    assert record.data is not None
    people = np.arange(400) // 2
    data = change(record.data, cluster="person", clusters=200)
    record = change(record, data=data, arrays=record.arrays | {"cluster": people})
    made = certified(tmp_path, record)
    assert made.verify().exit_code in (0, 3)
    edit = lambda said: _of(said["predicate"], "alike").update(n=201)  # noqa: E731
    assert "201" in refused(made.verify(bundle=resign(made, edit)), "re-judgement")


def _several(folder: Path, **other: Any) -> tuple[Measured, Path]:
    digests = []
    for name, content in (("m.onnx", b"graph"), ("a.bin", b"weights")):
        (folder / name).write_bytes(content)
        digests.append(hashlib.sha256(content).hexdigest())
    raw = [bytes.fromhex(one) for one in digests]
    given: dict[str, Any] = {
        "name": "m.onnx",
        "bytes": len(b"graph") + len(b"weights"),
        "digest": {"sha256": hashlib.sha256(b"".join(raw)).hexdigest()},
        "root": hashlib.sha256(b"".join(reversed(raw))).hexdigest(),
        "files": tuple(
            Digested(name=name, digest={"sha256": one})
            for name, one in zip(("m.onnx", "a.bin"), digests, strict=True)
        ),
    }
    return Measured(**given | other), folder / "m.onnx"


@pytest.mark.parametrize(
    "other", [{"root": NO}, {"root": None}, {"digest": {"sha256": NO}}, {"files": ()}]
)
def test_the_digests_of_several_files_are_those_of_the_files(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    check_subject(*_several(tmp_path))
    with pytest.raises(VerificationError, match="subject digest"):
        check_subject(*_several(tmp_path, **other))


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    model, file = _several(tmp_path)
    long = Digested(name="a" * 5000, digest=model.files[1].digest)
    with pytest.raises(VerificationError, match="subject digest") as caught:
        check_subject(_several(tmp_path, files=(model.files[0], long))[0], file)
    assert len(str(caught.value)) < 300


def test_attributes_are_columns_together_or_within_a_level() -> None:
    columns = ("sex", "age", "a & b")
    for name in ("sex", "sex & age", "a & b & sex", "sex | age=old", "sex & a & b | age=x | y"):
        assert _declared(name, columns), name
    for name in ("", "shoes", "sex & shoes", "sex | shoes=red", "sex |age=old", "sex & "):
        assert not _declared(name, columns), name
    assert not _together("a & " * 5000, ("a", "a & a"))
