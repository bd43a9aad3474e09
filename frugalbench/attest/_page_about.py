"""The facts of a certificate beside its claims, as pairs of a label and a cleaned text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from frugalbench.attest._page_words import PAGE
from frugalbench.attest._predicate import Evaluation, parsed
from frugalbench.attest._summary import KINDS
from frugalbench.certify import Policy
from frugalbench.declarations import questions
from frugalbench.declarations._asked import questionnaire
from frugalbench.report._format import Lang, clean, count, plain, show
from frugalbench.report._phrases import WORDS as SHARED
from frugalbench.report._phrases import reason
from frugalbench.values import Missing, Value

__all__ = ["Fact", "about", "dates", "declared", "frugality", "policy_facts"]

Fact = tuple[str, str]
MOST_LISTED = 40
MOST_ANSWER = 4000


def about(said: Evaluation, lang: Lang) -> tuple[Fact, ...]:
    """Model, target, data, and how the answers were read."""
    found = (*_model(said, lang), *_target(said, lang), *_data(said, lang))
    return tuple((label, told or "–") for label, told in found)


def _model(said: Evaluation, lang: Lang) -> Iterator[Fact]:
    words, shared, model = PAGE[lang], SHARED[lang], said.model
    size = _number(model.bytes, "B", lang)
    yield shared.model.lower(), f"{clean(model.name)}, {size}"
    yield shared.digest, model.digest["sha256"]
    if len(model.files) > 1:
        for one in model.files[:MOST_LISTED]:
            yield words["files"], f"{clean(one.name)} {one.digest['sha256']}"
    if model.root is not None:
        yield words["root"], model.root
    if model.converted_from is not None:
        yield words["converted"], model.converted_from
    reading = said.reading
    if reading.output_kind is not None:
        told = words["read"].format(
            output=clean(reading.output or "?"),
            kind=KINDS[lang][reading.output_kind],
            threshold=_decimal(reading.threshold, lang),
        )
        yield words["reading"], told
    if reading.positive is not None:
        yield words["positive"], clean(reading.positive)
    if reading.functional_unit:
        each = _decimal(reading.units_per_inference, lang)
        yield words["unit"], f"{clean(reading.functional_unit)} × {each}"


def _target(said: Evaluation, lang: Lang) -> Iterator[Fact]:
    words, shared, target = PAGE[lang], SHARED[lang], said.target
    yield shared.target.lower(), clean(target.device)
    if target.rehearsal:
        yield shared.rehearsal, shared.rehearsed
    where = [clean(target.machine), clean(target.os)]
    if target.virtualised is not None:
        where.append(f"{shared.virtual} ({clean(target.virtualised)})")
    yield words["machine"], ", ".join(filter(None, where))
    yield words["runtime"], f"{clean(target.runtime)}, {clean(target.provider)}"
    yield (
        words["precision"],
        words["as_is"] if target.precision == "as_is" else clean(target.precision),
    )
    scenario = _word(target.scenario, shared.scenarios)
    threads = (
        f"{count(target.threads, lang)} {shared.thread if target.threads == 1 else shared.threads}"
    )
    batch = f" × {count(target.batch, lang)}" if target.batch != 1 else ""
    yield words["scenario"], f"{scenario}{batch}, {threads}"
    meters = "; ".join(_meter(one, lang) for one in target.meters[:MOST_LISTED])
    yield words["meters"], meters or words["no_meters"]


def _meter(text: str, lang: Lang) -> str:
    """A meter, such as `rapl package (hardware_counter)`, with the way it reads in words."""
    head, _, method = clean(text).rstrip(")").rpartition(" (")
    said = _word(method, SHARED[lang].methods)
    return f"{head}, {said}" if said != method else clean(text)


def _word(code: str, words: Mapping[Any, str]) -> str:
    """The words for a code; the code itself where it is none of ours."""
    return words.get(code, clean(code))


def _data(said: Evaluation, lang: Lang) -> Iterator[Fact]:
    words, shared, data = PAGE[lang], SHARED[lang], said.data
    if data is None:
        yield shared.data.lower(), words["no_data"]
    else:
        yield shared.data.lower(), clean(data.name)
        yield shared.digest, data.digest["sha256"]
        yield words["used"], clean(data.rows_sha256)
        yield words["rows"], words["few"] if data.n is None else count(data.n, lang)
        named = ", ".join(map(clean, data.attributes[:MOST_LISTED]))
        yield words["groups"], named or words["no_groups"]
        if data.cluster is not None:
            n = words["few"] if data.clusters is None else count(data.clusters, lang)
            yield words["cluster"], words["clustered"].format(name=clean(data.cluster), n=n)
    if said.reference is not None:
        told = f"{clean(said.reference.record)}, SHA-256 {said.reference.model}"
        yield words["reference"], told


def dates(
    said: Evaluation, signers: Sequence[str], certificate: str, lang: Lang
) -> tuple[Fact, ...]:
    """From when to when, who is said to have signed, and what it rests on."""
    words = PAGE[lang]
    level = said.assurance_level
    return (
        (words["measured"], clean(said.evaluated_at)),
        (words["issued"], clean(said.issued_at)),
        (words["ends"], clean(said.expires_at)),
        *((words["signed"], words["unchecked"].format(key=clean(one))) for one in signers),
        (words["assurance"], words.get(level, clean(level))),
        (words["harness"], f"{clean(said.harness.name)} {clean(said.harness.version)}"),
        (words["judged"], f"{clean(said.harness.name)} {clean(said.harness.judged_with)}"),
        (SHARED[lang].record.lower(), clean(said.record)),
        *(
            (words["evidence"], f"{clean(one.name)} {one.digest['sha256']}")
            for one in said.evidence[:MOST_LISTED]
        ),
        (words["certificate"], certificate),
        *((words["replaces"], one["digest"]["sha256"]) for one in said.supersedes[:MOST_LISTED]),
    )


def policy_facts(said: Evaluation, judged_by: Policy | None, lang: Lang) -> tuple[Fact, ...]:
    """The policy's name and digest, and its stand on evidence where it can be read."""
    words, policy = PAGE[lang], said.policy
    found = [
        (words["policy_name"], f"{clean(policy.name)} {clean(policy.version)}"),
        (SHARED[lang].digest, policy.digest["sha256"]),
    ]
    if judged_by is not None:
        told = judged_by.resume if lang == "fr" and judged_by.resume else judged_by.summary
        methods = ", ".join(SHARED[lang].methods[one] for one in judged_by.methods)
        found += [
            *([(words["purpose"], clean(told, 400))] if told else []),
            (SHARED[lang].rules_word.lower(), count(len(judged_by.rules), lang)),
            (SHARED[lang].method.lower(), methods),
            (words["validity"], words["days"].format(n=count(judged_by.validity_days, lang))),
            (words["smallest"], words["people"].format(n=count(judged_by.min_group, lang))),
            (words["hides"], words["people"].format(n=count(judged_by.min_cell, lang))),
        ]
    return tuple(found)


def frugality(found: Mapping[str, Any], lang: Lang) -> tuple[tuple[str, ...], tuple[Fact, ...]]:
    """The frugality class with its scale and what it is relative to, or why there is none."""
    words = PAGE[lang]
    if not isinstance(found.get("class"), str):
        why = found.get("absent")
        absent = why if isinstance(why, dict) else {}
        missing = Missing(
            reason=str(absent.get("reason", "not_asked")), detail=str(absent.get("detail", ""))
        )
        return (words["no_class"].format(why=reason(missing, lang)[0].rstrip(".")),), ()
    reference = words["relative_to"].format(reference=_text(found, "reference"))
    facts = [
        (words["class"], _text(found, "class")),
        (words["relative"], reference),
        *_ratio(found.get("ratio"), lang),
        (words["scale"], f"{_text(found, 'scale')} {_text(found, 'scaleVersion')}"),
        (SHARED[lang].digest, _text(found, "scaleSha256")),
        (words["family"], f"{_text(found, 'family')}, {_text(found, 'kind')}"),
    ]
    bounds = found.get("atMost")
    if isinstance(bounds, dict):
        told = (f"{clean(str(key))} {_decimal(str(one), lang)}" for key, one in bounds.items())
        facts.append((words["bounds"], ", ".join(sorted(told)[:MOST_LISTED])))
    modelled = (words["modelled"],) if found.get("modelled") else ()
    return (words["signers"], *modelled), tuple(facts)


def _ratio(found: Any, lang: Lang) -> Iterator[Fact]:
    """The ratio of the energies with its interval, where it can be read."""
    try:
        ends = [parsed(str(found[one])) for one in ("low", "estimate", "high")]
        level = parsed(str(found.get("level", "0.95")))
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    low, estimate, high = ends
    value = Value(
        estimate=estimate,
        unit="1",
        low=low,
        high=high,
        n=0,
        method="counted",
        interval="",
        level=level,
    )
    shown = show(value, lang)
    yield "×", f"{shown.number} {shown.interval}"


def declared(
    found: Mapping[str, Any] | None, lang: Lang
) -> tuple[tuple[str, ...], tuple[Fact, ...], list[tuple[str, str, str]]]:
    """What is declared: sentences, who declares, and (topic, question, answer) of each question."""
    words = PAGE[lang]
    if found is None:
        return (words["undeclared"],), (), []
    who, answers = found.get("declaredBy"), found.get("answers")
    if not isinstance(who, dict) or not isinstance(answers, list):
        return (words["unread"],), (), []
    told = [_answer(one, lang) for one in answers[:200] if isinstance(one, dict)]
    answered = sum(isinstance(one.get("answer"), str) for one in answers if isinstance(one, dict))
    by = f"{_text(who, 'organisation')} ({_text(who, 'role')})"
    of = words["answered_of"].format(n=count(answered, lang), all=count(len(answers), lang))
    version = f"{_text(found, 'questionnaire')} {_text(found, 'version')}"
    return (
        (),
        (
            (words["declared_of"], _text(found, "about", 200)),
            (words["declared_by"], by),
            (words["declared_on"], _text(found, "date")),
            (words["answered"], f"{of}, {version}"),
        ),
        told,
    )


def _answer(one: Mapping[str, Any], lang: Lang) -> tuple[str, str, str]:
    """Topic, question and answer; the question in the reader's language if it is one of ours."""
    topic, asked = _text(one, "topic", 400), _text(one, "asked", 1000)
    known = next((q for q in questions() if q.id == one.get("id")), None)
    if known is not None and one.get("asked") in (known.ask, known.demande):
        asked = known.demande if lang == "fr" else known.ask
        own = next(t for t in questionnaire().topics if t.id == known.topic)
        topic = own.titre if lang == "fr" else own.title
    answer = one.get("answer")
    said = clean(answer, MOST_ANSWER) if isinstance(answer, str) else PAGE[lang]["not_answered"]
    return topic, asked, said


def _text(found: Mapping[str, Any], key: str, limit: int = 120) -> str:
    """A text of a tree that may hold anything."""
    return clean(str(found.get(key, "")), limit)


def _decimal(text: str, lang: Lang) -> str:
    """A number of the predicate as it is read in a language; cleaned text where it is none."""
    try:
        return plain(parsed(text), lang)
    except ValueError:
        return clean(text)


def _number(size: int, unit: str, lang: Lang) -> str:
    value = Value(
        estimate=size, unit=unit, low=size, high=size, n=1, method="counted", interval="exact"
    )
    return show(value, lang).number
