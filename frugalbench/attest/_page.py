"""A certificate as a person reads it: sections of facts, claims and answers, in words.

Nothing in it is trusted: it is shown as it was written, cleaned, and said to be unverified. What
lays it out escapes it once more.
"""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from frugalbench.attest._dsse import Envelope
from frugalbench.attest._json import parse
from frugalbench.attest._page_about import Fact, about, dates, declared, frugality, policy_facts
from frugalbench.attest._page_brief import brief
from frugalbench.attest._page_claims import Claimed, claimed
from frugalbench.attest._page_words import LIMITS, PAGE
from frugalbench.attest._predicate import Evaluation
from frugalbench.attest._revocation import certificate_id
from frugalbench.attest._steps import VerificationError
from frugalbench.attest._summary import fixed
from frugalbench.attest._times import moment
from frugalbench.attest._verify import own_statement, read_certificate
from frugalbench.certify import Outcome, Policy
from frugalbench.declarations import HEADING
from frugalbench.errors import UsageError
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import WORDS as SHARED
from frugalbench.report._phrases import note

__all__ = [
    "Answered",
    "Claimed",
    "Held",
    "Page",
    "Part",
    "held",
    "is_certificate",
    "page",
    "unverified",
]

MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate that was read, and of which nothing was checked."""

    file: Path
    own: Envelope
    said: Evaluation

    @property
    def predicate(self) -> str:
        """The predicate as JSON in ASCII, so that a terminal shows it and does not obey it."""
        return json.dumps(parse(self.own.payload)["predicate"], indent=1, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """One question that somebody answered, under its topic."""

    topic: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Part:
    """One section: sentences, then facts, then claims, answers or a list."""

    title: str
    told: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    claims: tuple[Claimed, ...] = ()
    answers: tuple[Answered, ...] = ()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole certificate in one language; `command` verifies it."""

    title: str
    outcome: Outcome
    verdict: str
    sentence: str
    warning: str
    command: str
    hints: tuple[str, ...]
    told: tuple[str, ...]
    parts: tuple[Part, ...]
    lang: Lang


def is_certificate(path: Path) -> bool:
    """Whether a path is a bundle of envelopes, whatever its name; a record's folder is none."""
    if not path.is_file():
        return False
    try:
        read_certificate(path)
    except (UsageError, VerificationError):
        return False
    return True


def held(path: Path) -> Held:
    """Read a certificate, without checking anything but its form.

    Raises:
        UsageError: there is no such file, or it is no certificate.
    """
    try:
        own = own_statement(read_certificate(path))
        said = msgspec.convert(parse(own.payload)["predicate"], Evaluation)
    except VerificationError as error:
        raise UsageError(
            f"{path} cannot be shown: {error.why}; give a record's folder, or a certificate"
        ) from None
    return Held(path, own, said)


def unverified(lang: Lang) -> str:
    """One line that says that nothing was checked."""
    return PAGE[lang]["unverified"]


def page(found: Held, lang: Lang, at: datetime, shipped: frozenset[str]) -> Page:
    """A certificate in words.

    Args:
        found: the certificate.
        lang: `en` or `fr`.
        at: now, to say whether it is over.
        shipped: the SHA-256 of every policy that ships.
    """
    said, words = found.said, PAGE[lang]
    ships = said.policy.digest["sha256"] in shipped
    judged_by = _policy(said)
    rows = claimed(said, judged_by, lang)
    return Page(
        title=words["title"].format(name=clean(said.model.name) or SHARED[lang].no_name),
        outcome=said.verdict,
        verdict=words["says"].format(
            word=SHARED[lang].outcomes[said.verdict],
            policy=clean(said.policy.name),
            version=clean(said.policy.version),
        ),
        sentence=SHARED[lang].overall[said.verdict]
        if any(one.required for one in said.claims)
        else SHARED[lang].nothing_required,
        warning=words["warning"],
        command=_command(found, own_policy=not ships),
        hints=(words["pub"], *(() if ships else (words["own_policy"],))),
        told=tuple(_told(said, at, words)),
        parts=tuple(_parts(found, judged_by, rows, lang)),
        lang=lang,
    )


def _parts(
    found: Held, judged_by: Policy | None, rows: tuple[Claimed, ...], lang: Lang
) -> Iterator[Part]:
    said, words = found.said, PAGE[lang]
    before = said.pre_registration
    made = [one for one in rows if one.row.outcome != "NOT_EVALUATED"]
    left = [one for one in rows if one.row.outcome == "NOT_EVALUATED"]
    told, listed = brief(rows, lang)
    yield Part(words["brief"], told, listed=listed)
    yield Part(words["about"], facts=about(said, lang))
    if said.flaws:
        listed = tuple(note(clean(one.detail, MOST_TEXT), lang)[0] for one in said.flaws)
        yield Part(words["invalid"], listed=listed)
    told = () if made else (words["no_claims"],)
    if any(one.row.shown is not None and one.row.shown.mark for one in made):
        told = (SHARED[lang].one_sided,)
    yield Part(words["claims"], told, claims=tuple(made))
    yield Part(words["open"], () if left else (words["none_open"],), claims=tuple(left))
    yield Part(words["frugality"], *frugality(said.frugality or {}, lang))
    digest = before.digest and (words["commitment"], clean(before.digest))
    yield Part(words["fixed"], (fixed(before, lang),), (digest,) if digest else ())
    told, facts, answers = declared(said.declarations, lang)
    yield Part(HEADING[lang], told, facts, answers=tuple(Answered(*one) for one in answers))
    yield Part(words["policy"], facts=policy_facts(said, judged_by, lang))
    limits = tuple(
        clean(LIMITS.get(one, one) if lang == "fr" else one, MOST_TEXT) for one in said.non_claims
    )
    yield Part(words["limits"], () if limits else (words["no_limits"],), listed=limits)
    signers = [one.keyid for one in found.own.signatures]
    yield Part(words["dates"], facts=dates(said, signers, certificate_id(found.own.payload), lang))


def _told(said: Evaluation, at: datetime, words: dict[str, str]) -> Iterator[str]:
    """Whether it is over, or not begun, and whether groups have their names."""
    try:
        begun, ends = moment(said.evaluated_at), moment(said.expires_at)
    except ValueError:
        pass  # verify refuses it; the dates are shown as they stand.
    else:
        if at >= ends:
            yield words["over"].format(ends=clean(said.expires_at))
        if at < begun:
            yield words["early"].format(begun=clean(said.evaluated_at))
    if said.groups_coded:
        yield words["coded"]


def _command(found: Held, *, own_policy: bool) -> str:
    """The command that verifies; a name that is not as it looks is left for the reader to give."""
    name = found.said.model.name
    exact = clean(name) == name and not name.startswith("-") and "/" not in name
    model = shlex.quote(name) if name and exact else "MODEL"
    policy = " --policy POLICY" if own_policy else ""
    bundle = str(found.file) if clean(str(found.file), 4096) == str(found.file) else "CERTIFICATE"
    return f"frugalbench verify {shlex.quote(bundle)} --model {model} --key PUB{policy}"


def _policy(said: Evaluation) -> Policy | None:
    """The policy that is in it, where it can be read."""
    try:
        return msgspec.convert(said.policy.content, Policy)
    except (msgspec.ValidationError, RecursionError):
        return None
