"""Whatever byte is changed in a bundle, a policy or a model, verifying fails with one line."""

import itertools
from pathlib import Path

import pytest
from _certified import Certified, certified, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugalbench.certify import digest
from frugalbench.errors import UsageError
from frugalbench.settings import load_policy

CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]
numbered = itertools.count()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("tampered"))


flips = st.tuples(
    st.sampled_from(["bundle", "policy", "model"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 255),
)


def _flipped(made: Certified, what: str, where: float, how: int) -> Path:
    """A copy of a file under its own name, with one byte changed."""
    original: Path = getattr(made, what)
    raw = bytearray(original.read_bytes())
    raw[int(where * len(raw))] ^= how
    folder = made.folder / "changed"
    folder.mkdir(exist_ok=True)
    copy = folder / original.name
    copy.write_bytes(raw)
    return copy


def _check(made: Certified, what: str, where: float, how: int) -> None:
    changed = _flipped(made, what, where, how)
    if what == "policy" and _same_policy(made, changed):
        # A space became a tab: nothing that is asked has changed.
        assert made.verify(policy=changed).exit_code == 0
        return
    refused(made.verify(**{what: changed}))


def _same_policy(made: Certified, changed: Path) -> bool:
    try:
        return digest(load_policy(str(changed))) == digest(load_policy(str(made.policy)))
    except UsageError:
        return False


def test_untouched_it_verifies(made: Certified) -> None:
    assert made.verify().exit_code == 0


@settings(max_examples=120, suppress_health_check=CALM)
@given(flips)
def test_a_changed_byte_shows(made: Certified, flip: tuple[str, float, int]) -> None:
    _check(made, *flip)


@pytest.mark.slow
@settings(max_examples=1200, suppress_health_check=CALM)
@given(flips)
def test_any_changed_byte_shows(made: Certified, flip: tuple[str, float, int]) -> None:
    _check(made, *flip)


@settings(max_examples=30, suppress_health_check=CALM)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 400))
def test_a_bundle_with_a_piece_cut_out_is_refused(
    made: Certified, where: float, length: int
) -> None:
    raw = made.bundle.read_bytes()
    start = int(where * len(raw))
    cut = raw[:start] + raw[start + length + 1 :]
    copy = made.folder / "cut.jsonl"
    copy.write_bytes(cut)
    result = made.verify(bundle=copy)
    # The end of the last line may go, and whole statements beside the certificate's own.
    assert result.exit_code == (0 if cut == raw.removesuffix(b"\n") else 1), result.output


@pytest.mark.parametrize("line", [0, 1, 2])
def test_the_ends_of_every_field_are_guarded(made: Certified, line: int) -> None:
    """Spare bits of base64, the name of a key, the letters of a field: each by hand."""
    lines = made.bundle.read_bytes().splitlines()
    for old, new in (
        (b'"keyid"', b'"keyie"'),
        (b'"sig"', b'"sih"'),
        (b'"payload"', b'"paylaod"'),
        (b"application/vnd.in-toto+json", b"application/vnd.in-toto+jsom"),
        (b'==","', b'=","'),
        (b"}]}", b"}]} "),
        (b"{", b" {"),
    ):
        changed = [*lines]
        changed[line] = lines[line].replace(old, new, 1)
        if changed[line] == lines[line]:
            continue
        copy = made.folder / "field.jsonl"
        copy.write_bytes(b"\n".join(changed) + b"\n")
        refused(made.verify(bundle=copy))
