"""What `sign` and `commit` do with files: read them, certify or co-sign, write the bundle."""

import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from frugalbench import declarations, settings, store
from frugalbench.attest import _dsse
from frugalbench.attest._coded import coded, load_codes, save_codes
from frugalbench.attest._commitment import NONE, link, load_commitment
from frugalbench.attest._files import digested, measured
from frugalbench.attest._issue import Beside, evaluation, issue
from frugalbench.attest._keys import PrivateKey, PublicKey, keyid
from frugalbench.attest._predicate import Evaluation
from frugalbench.attest._revocation import certificate_id
from frugalbench.attest._steps import VerificationError
from frugalbench.attest._verify import Trust, Verified, own_statement, read_certificate, verify
from frugalbench.certify import Policy, Verdict, digest
from frugalbench.errors import MeasurementError, StoreError, UsageError
from frugalbench.models import converted, inspect
from frugalbench.record import Record
from frugalbench.spec import Model

__all__ = [
    "Request",
    "certify",
    "check",
    "cosign",
    "issued",
    "next_step",
    "now",
    "trusted_keys",
    "trusted_policies",
]

CONVERTED = Path("converted", "model.onnx")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to certify a record by, and what to say beside the verdict.

    `model` is the model file, as it was measured or before it was converted, None to look where it
    was measured; `codes` is the file that keeps which code stands for which group, None to name
    groups as they are.
    """

    policy: Policy
    model: Path | None = None
    reference: Path | None = None
    commitment: Path | None = None
    codes: Path | None = None
    supersedes: tuple[Path, ...] = ()
    declarations: Path | None = None


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def certify(
    path: Path, key: PrivateKey, request: Request, out: Path | None, at: datetime
) -> tuple[Path, Evaluation]:
    """Certify a stored record and write the signed bundle.

    Args:
        path: the record's folder, or the `record.json` in it.
        key: signs.
        request: what to certify by.
        out: the bundle; None means one beside the record, named by the model.
        at: now.

    Returns:
        The bundle, and what it says.

    Raises:
        FrugalbenchError: as `store.load` and `evaluation`, or the bundle is there already.
    """
    record = store.load(path)
    folder = path.parent if path.name == store.RECORD else path
    reference = None if request.reference is None else store.load(request.reference)
    if reference is not None and reference.failure is not None:
        raise MeasurementError(f"the reference {request.reference} is of a failed measurement")
    return issued(record, folder, key, request, out, at, reference=reference)


def issued(
    record: Record,
    folder: Path,
    key: PrivateKey,
    request: Request,
    out: Path | None,
    at: datetime,
    *,
    reference: Record | None = None,
    verdict: Verdict | None = None,
) -> tuple[Path, Evaluation]:
    """Certify a record that is at hand and stored in `folder`; as `certify` otherwise.

    Args:
        record: what was measured.
        folder: where it is stored.
        key: signs.
        request: what to certify by.
        out: the bundle; None means one beside the record, named by the model.
        at: now.
        reference: the record at `request.reference`.
        verdict: what the record was judged as by the same policy and reference, if it was.

    Raises:
        FrugalbenchError: as `evaluation`, or the bundle is there already.
    """
    policy = request.policy
    committed = NONE
    if request.commitment is not None:
        committed = link(*load_commitment(request.commitment), record, policy)
    beside = Beside(
        evidence=digested(folder, store.RECORD, store.ARRAYS),
        declarations=None
        if request.declarations is None
        else declarations.load(request.declarations),
        pre_registration=committed,
        supersedes=tuple(map(_identifier, request.supersedes)),
    )
    model = measured(record, _in_hand(record, request.model, folder))
    bundle = out or folder / f"{_file_name(model.name)}.intoto.jsonl"
    _refuse_taken(bundle, out)
    if request.codes is not None:
        records = (record,) if reference is None else (record, reference)
        named, codes = coded(records, load_codes(request.codes))
        record, reference = named[0], (named[1] if len(named) > 1 else None)
        verdict = None  # it names groups as they are
        beside = replace(beside, groups_coded=True)
        save_codes(request.codes, codes)
    said = evaluation(
        record, policy, model, at, reference=reference, beside=beside, verdict=verdict
    )
    store.write_whole(bundle, _dsse.bundle(issue(said, key)).decode())
    return bundle, said


def check(request: Request) -> None:
    """Read what goes beside a verdict before anything is measured for it.

    Raises:
        UsageError: the declarations or the commitment cannot be read.
    """
    if request.declarations is not None:
        declarations.load(request.declarations)
    if request.commitment is not None:
        load_commitment(request.commitment)


def next_step(
    bundle: Path, record: Path, said: Evaluation, request: Request, key: Path, policy: str
) -> str:
    """The command that verifies a certificate, as a shell takes it.

    Args:
        bundle: the certificate.
        record: the folder of its record.
        said: what it says.
        request: what it was made by.
        key: the file of the private key; PUB stands for a public one that is not beside it.
        policy: the policy as it was named.
    """
    public = key.with_suffix(".pub")
    given = str(public) if key.suffix == ".key" and public.is_file() else "PUB"
    model = _model_in_hand(record, said, request.model)
    words = ["frugalbench", "verify", str(bundle), "--model", model, "--key", given]
    # A shipped policy is one that a verifier trusts.
    return shlex.join([*words, "--policy", policy] if Path(policy).is_file() else words)


def _model_in_hand(record: Path, said: Evaluation, given: Path | None = None) -> str:
    """Where the file is that a certificate is about, or its name where that is not known."""
    made = record / CONVERTED
    return str(made if made.is_file() else given or said.model.name)


def _in_hand(record: Record, model: Path | None, folder: Path) -> Path | None:
    """The file that was measured. A model that was converted is converted again, and kept.

    Args:
        record: what was measured.
        model: the file given: as it was measured, or before it was converted; None if none is.
        folder: the record's, where the converted model is kept.
    """
    kept = folder / CONVERTED
    if record.model.converted_from is None:
        return model
    if model is None:
        return kept if kept.is_file() else None
    if inspect(Model(path=str(model))).facts.sha256 != record.model.converted_from:
        return model
    if kept.is_file():
        return kept
    asked = Model(path=str(model), precision=record.spec.model.precision)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as scratch:
            made = Path(scratch, kept.parent.name)
            made.mkdir()
            _, graph = converted(asked, made)
            if graph.facts.sha256 == record.model.sha256:
                made.rename(kept.parent)
                return kept
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}; free some space") from None
    return model


def _identifier(bundle: Path) -> str:
    try:
        return certificate_id(own_statement(read_certificate(bundle)).payload)
    except VerificationError as error:
        raise UsageError(f"{bundle} cannot be superseded: {error}") from None


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:100] or "model"


def _refuse_taken(bundle: Path, out: Path | None) -> None:
    if bundle.exists() or bundle.is_symlink():
        other = "another --out" if out else "--out"
        raise UsageError(f"{bundle} is there already: give {other}, or move it away")


def cosign(
    bundle: Path, key: PrivateKey, model: Path, trust: Trust, out: Path | None
) -> tuple[Path, Verified]:
    """Add a signature to every statement of a certificate, after it was verified.

    Raises:
        VerificationError: it does not hold, so it is not signed.
        FrugalbenchError: as `verify`, or it cannot be written.
    """
    verified = verify(bundle, model, trust)
    target = out or bundle
    if out is not None:
        _refuse_taken(out, out)
    signed = _dsse.bundle(one.signed(key) for one in read_certificate(bundle))
    store.write_whole(target, signed.decode())
    return target, verified


def trusted_keys(keys: Sequence[PublicKey]) -> dict[str, PublicKey]:
    """Keys by their identifiers."""
    return {keyid(key): key for key in keys}


def trusted_policies(policy: str | None) -> Mapping[str, str]:
    """The policy a verifier asks for, or else every shipped one, by SHA-256.

    Raises:
        UsageError: there is no such policy.
        VerificationError: the file is there and is no policy that can be judged by.
    """
    names = settings.options("policy") if policy is None else (policy,)
    try:
        found = [settings.load_policy(name) for name in names]
    except UsageError as error:
        if policy is not None and Path(policy).is_file():
            raise VerificationError("policy", str(error)) from None
        raise
    return {digest(one): f"'{one.name}' {one.version}" for one in found}
