"""The files that a certificate is about: known by their bytes, never by their names."""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from frugalbench.attest._claims import plain
from frugalbench.attest._predicate import Digested, Evaluation, Measured
from frugalbench.attest._steps import Step, VerificationError
from frugalbench.errors import UsageError
from frugalbench.models import file_sha256, parts
from frugalbench.record import Record

__all__ = ["check_evidence", "check_subject", "digested", "measured"]

SUBJECT: Step = "subject digest"
MOST_SHOWN = 80
MOST_NAME = 255


def measured(record: Record, model: Path | None) -> Measured:
    """The measured model: with all of its files where the model is at hand.

    Args:
        record: what was measured.
        model: the model file; None looks where it was when it was measured.

    Raises:
        UsageError: the model given is not the one that was measured.
    """
    facts = record.model
    files = _seen(record, model)
    # The Windows flavour splits at both kinds of slash.
    name = PureWindowsPath(record.spec.model.path).name or facts.name or "model"
    several = len(files) > 1
    return Measured(
        name=plain(name),
        digest={"sha256": facts.sha256},
        bytes=facts.bytes,
        files=tuple(Digested(name=one, digest={"sha256": sha}) for one, sha in files.items()),
        root=root_digest(files) if several else None,
        converted_from=facts.converted_from,
    )


def _seen(record: Record, model: Path | None) -> dict[str, str]:
    where = Path(record.spec.model.path) if model is None else model
    try:
        files = parts(where)
    except UsageError:
        if model is not None:
            raise
        return {}
    digests = list(files.values())
    if (digests[0] if len(digests) == 1 else _joined(digests)) == record.model.sha256:
        return files
    if model is not None:
        raise UsageError(f"{model} is not the model of this record: give the one it measured")
    return {}


def root_digest(files: Mapping[str, str]) -> str:
    """SHA-256 over the raw digests of files, in the order of their paths, part by part.

    It is what model_signing v1.0 calls the model by (https://github.com/sigstore/model-transparency).
    """
    return _joined([files[one] for one in sorted(files, key=lambda one: PurePosixPath(one).parts)])


def _joined(digests: list[str]) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def check_subject(model: Measured, file: Path) -> None:
    """Check that the file in hand, and the weights beside it, are those that were measured.

    Raises:
        UsageError: there is no file.
        VerificationError: they are other ones.
    """
    if not _of_its_files(model):
        raise VerificationError(SUBJECT, "the model's digests are not those of its files")
    wanted = model.files[0].digest if model.files else model.digest
    found = _sha256(file, "model")
    if found == model.converted_from != wanted["sha256"]:
        raise VerificationError(
            "subject digest",
            "this file was converted before it was measured: give the converted one",
        )
    if found != wanted["sha256"]:
        raise VerificationError(
            "subject digest", f"{file.name} is not the file that '{model.name}' was certified as"
        )
    folder = file.parent.resolve()
    for part in model.files[1:]:
        _check_weights(part, folder)
    held = [file, *(folder / PurePosixPath(part.name) for part in model.files[1:])]
    size = sum(one.stat().st_size for one in held)
    if size != model.bytes:
        raise VerificationError(
            SUBJECT, f"it says that the model has {model.bytes} bytes, and its files have {size}"
        )


def _of_its_files(model: Measured) -> bool:
    """Whether the digests that a model is known by, in subjects too, are those of its files."""
    digests = [one.digest["sha256"] for one in model.files]
    if len(digests) < 2:
        return model.root is None and digests in ([], [model.digest["sha256"]])
    files = {one.name: one.digest["sha256"] for one in model.files}
    return (
        len(files) == len(digests)
        and model.digest["sha256"] == _joined(digests)
        and model.root == root_digest(files)
    )


def _check_weights(part: Digested, folder: Path) -> None:
    step, name = SUBJECT, part.name[:MOST_SHOWN]
    try:
        beside = (folder / PurePosixPath(part.name.replace("\0", ""))).resolve()
        there = beside.is_file()
    except (OSError, RuntimeError, ValueError):
        raise VerificationError(step, f"'{name}' is no name of a file") from None
    if not beside.is_relative_to(folder):
        raise VerificationError(step, f"'{name}' is outside the model's folder")
    if not there:
        raise VerificationError(step, f"the weights '{name}' are not beside the model")
    if _sha256(beside, "model") != part.digest["sha256"]:
        raise VerificationError(step, f"'{name}' holds other weights than were measured")


def check_evidence(evaluation: Evaluation, record: Path) -> None:
    """Check that a record is, byte by byte, the one that a certificate was made from.

    Args:
        evaluation: what a verified certificate says.
        record: the record's folder, or the `record.json` in it.

    Raises:
        UsageError: there is no such record.
        VerificationError: it is another one, or the certificate names none.
    """
    folder = record if record.is_dir() else record.parent
    if not evaluation.evidence:
        raise VerificationError("evidence", "the certificate names no files of a record")
    for one in evaluation.evidence:
        if PurePosixPath(one.name).name != one.name or len(one.name) > MOST_NAME:
            shown = one.name[:MOST_SHOWN]
            raise VerificationError("evidence", f"'{shown}' is no file of a record")
        if _sha256(folder / one.name, "file") != one.digest["sha256"]:
            raise VerificationError("evidence", f"{one.name} is not the one it was made from")


def digested(folder: Path, *names: str) -> tuple[Digested, ...]:
    """The files of a folder by digest.

    Raises:
        UsageError: one is not there.
    """
    return tuple(
        Digested(name=name, digest={"sha256": _sha256(folder / name, "file")}) for name in names
    )


def _sha256(file: Path, what: str) -> str:
    try:
        # A pipe or a device would be read forever.
        if not file.is_file():
            raise UsageError(f"there is no {what} {file}: give its path")
        return file_sha256(file)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise UsageError(f"{what} {file} cannot be read: {cause}") from None
