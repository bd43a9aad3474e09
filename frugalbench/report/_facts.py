"""What stands around the numbers: what was measured, where, by which versions, and a warning."""

from frugalbench.certify import Verdict
from frugalbench.metrics import validity
from frugalbench.record import Record, Variant
from frugalbench.report._devices import gpus, knobs
from frugalbench.report._format import Lang, clean, count, plain, show
from frugalbench.report._phrases import WORDS, note
from frugalbench.values import METHODS, Method, Value

__all__ = ["alerts", "energy_method", "facts", "many", "notes", "provenance", "which"]

Fact = tuple[str, str]


def energy_method(record: Record) -> Method | None:
    """The most trusted method that gave an energy, or None when none did."""
    windows = record.run.windows if record.run else ()
    read = [w.method for w in windows if w.joules is not None and w.phase == "run"]
    return min(read, key=METHODS.index) if read else None


def alerts(record: Record, lang: Lang) -> tuple[str, ...]:
    """What a reader must see before any number: a failure, an energy that was not measured."""
    words = WORDS[lang]
    found = []
    if record.failure is not None:
        kind = words.failures.get(record.failure.kind, record.failure.kind)
        found.append(f"{words.failed}: {kind}. {clean(record.failure.detail, 400)}")
    if record.spec.target.rehearsal:
        found.append(f"{words.rehearsed}{words.colon} {', '.join(_held(record, lang))}")
    method = energy_method(record)
    if method == "modelled":
        found.append(words.modelled)
    if method == "pretend":
        found.append(words.pretend)
    for flaw in validity.flaws(record):
        found.append(f"{words.invalid}{words.colon} {note(clean(flaw.detail, 400), lang)[0]}")
    if troubles := validity.disturbances(record):
        gap = f"{' ' * (lang == 'fr')}; "
        told = gap.join(_trouble(clean(one, 400), lang) for one in troubles)
        found.append(f"{words.disturbed}{words.colon} {told}")
    return tuple(found)


def _held(record: Record, lang: Lang) -> list[str]:
    """By what the machine was held back, and how often it was."""
    target, said = record.spec.target, WORDS[lang].held
    noises = [one.noise for one in record.run.processes] if record.run else []
    stopped = sum(one.held_back or 0 for one in noises if one is not None)
    space = target.address_space
    told = {
        "cpus": " ".join(map(str, target.cpus)),
        "cpu_share": "" if target.cpu_share is None else plain(target.cpu_share, lang),
        "address_space": "" if space is None else _bytes(space, lang),
        "held_back": count(stopped, lang) if target.cpu_share is not None else "",
    }
    return [said[key].format(one) for key, one in told.items() if one]


def _trouble(text: str, lang: Lang) -> str:
    """What disturbed one process, each part in the reader's language."""
    which, _, parts = text.partition(": ")
    told = ", ".join(note(part, lang)[0] for part in parts.split(", "))
    number = which.removeprefix("process ")
    return f"processus {number} : {told}" if lang == "fr" else f"{which}: {told}"


def facts(record: Record, lang: Lang) -> tuple[Fact, ...]:
    """What was measured: model, data, target, site, date and machine, each on one line."""
    words = WORDS[lang]
    rows = [
        (words.model, _model(record, lang)),
        (words.data, _data(record, lang)),
        (words.target, _target(record, lang)),
        *((((words.traffic, _traffic(record, lang)),)) if record.run is not None else ()),
        (words.site, _site(record, lang)),
        (words.host, _host(record, lang)),
        *((("GPU", told),) if (told := gpus(record, lang)) else ()),
        (words.date, clean(record.created)),
    ]
    if record.run is not None and record.run.inputs == "generated":
        rows.insert(2, (words.inputs, words.generated))
    return tuple(rows)


def notes(record: Record, lang: Lang = "en") -> tuple[str, ...]:
    """What the measurement itself had to say, on one line each."""
    told = (*record.notes, *(record.run.notes if record.run else ()))
    return tuple(note(line, lang)[0] for one in told if (line := clean(one, 400)))


def which(record: Record) -> str:
    """One record among others, on one line: which it is, of what, how, and whether it is sound."""
    spec = record.spec
    words = WORDS["en"]
    parts = [clean(record.id), clean(spec.model.name or record.model.name) or words.no_name]
    parts += [f"plan {clean(spec.plan.name)}", f"precision {spec.model.precision}"]
    if validity.disturbances(record):
        parts.append("disturbed")
    if validity.flaws(record):
        parts.append("INVALID")
    return " · ".join(parts)


def provenance(record: Record, verdict: Verdict | None, lang: Lang) -> tuple[Fact, ...]:
    """Digests, versions and seeds: what another person needs to check or to repeat this."""
    words, space = WORDS[lang], " · "
    rows = [
        (words.record, clean(record.id)),
        (f"{words.model}, {words.digest}", clean(record.model.sha256)),
    ]
    if record.model.variant is not None:
        rows.append((words.parent, _variant(record.model.variant, lang)))
    if record.data is not None:
        rows.append((f"{words.data}, {words.digest}", clean(record.data.sha256)))
    if verdict is not None:
        named = f"{clean(verdict.policy)} {clean(verdict.policy_version)}"
        rows.append((words.policy, named))
        rows.append((f"{words.policy}, {words.digest}", clean(verdict.policy_sha256)))
        if verdict.reference:
            rows.append((words.reference, clean(verdict.reference)))
    rows.append((words.seed, str(record.spec.plan.seed)))
    packages = [f"{name} {version}" for name, version in sorted(record.host.packages.items())]
    versions = [f"frugalbench {record.version}", f"Python {record.host.python}", *packages]
    rows.append((words.version, clean(space.join(versions), 1000)))
    site = record.spec.site
    for factor in (site.grid_carbon, site.grid_water) if site else ():
        if factor is not None:
            value = f"{plain(factor.value, lang)} {factor.unit}, {factor.year}"
            source = clean(f"{value}: {factor.source} {factor.url}", 300)
            rows.append((words.source, source))
    return tuple(rows)


def many(n: int, one: str, several: str, lang: Lang) -> str:
    """A number with its noun: French counts from two up as several, English all but one."""
    alone = n < 2 if lang == "fr" else n == 1
    return f"{count(n, lang)} {one if alone else several}"


def _model(record: Record, lang: Lang) -> str:
    model, words = record.model, WORDS[lang]
    parts = [clean(record.spec.model.name or model.name) or words.no_name]
    parts.append(_bytes(model.bytes, lang))
    if model.parameters is not None:
        parts.append(many(model.parameters, words.parameter, words.parameters, lang))
    return " · ".join(parts)


def _variant(variant: Variant, lang: Lang) -> str:
    """What a prepared file was made from, and how."""
    words = WORDS[lang]
    parts = [clean(variant.parent), words.variants[variant.how]]
    if variant.calibration is not None:
        parts.append(words.calibrated.format(n=count(variant.calibration.rows, lang)))
    return " · ".join(parts)


def _data(record: Record, lang: Lang) -> str:
    data, words = record.data, WORDS[lang]
    if data is None:
        return words.no_data
    parts = [clean(data.name) or words.no_name, many(data.rows, words.row, words.rows, lang)]
    for column, names in list(data.groups.items())[:4]:
        parts.append(f"{clean(column)}: {clean(', '.join(names[:8]), 80)}")
    return " · ".join(parts)


def _traffic(record: Record, lang: Lang) -> str:
    """Who asked, how often, after how much warm-up."""
    words, run = WORDS[lang], record.run
    assert run is not None, "what was not run has no traffic"
    parts = [words.scenarios[record.spec.plan.scenario]]
    parts.append(many(len(run.processes), words.process, words.processes, lang))
    asked = sum(process.queries for process in run.processes)
    parts.append(many(asked, words.query, words.queries, lang))
    calls = min(process.warmup.calls for process in run.processes)
    steady = all(process.warmup.steady for process in run.processes)
    parts.append((words.warm if steady else words.cold).format(n=count(calls, lang)))
    return " · ".join(parts)


def _target(record: Record, lang: Lang) -> str:
    target, words = record.spec.target, WORDS[lang]
    threads = many(target.threads, words.thread, words.threads, lang)
    parts = [clean(target.name), clean(target.provider), threads]
    if target.rehearsal:
        parts.insert(1, words.rehearsal)
    if record.run is not None:
        batch = "lot" if lang == "fr" else "batch"
        parts.append(f"{clean(record.run.runner)}, {batch} {count(record.run.batch, lang)}")
    if target.spinning:
        parts.append("spinning")
    if target.optimisation != "all":
        parts.append(f"optimisation {target.optimisation}")
    parts += knobs(record)
    if record.spec.model.precision != "as_is":
        parts.append(record.spec.model.precision)
    return " · ".join(parts)


def _site(record: Record, lang: Lang) -> str:
    site = record.spec.site
    if site is None:
        return WORDS[lang].no_site
    parts = [clean(site.name), clean(site.country)]
    if site.pue is not None:
        parts.append(f"PUE {plain(site.pue, lang)}")
    if site.grid_carbon is not None:
        grid = site.grid_carbon
        parts.append(f"{plain(grid.value, lang)} {clean(grid.unit, 24)} ({grid.year})")
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _host(record: Record, lang: Lang) -> str:
    host = record.host
    parts = [host.cpu, f"{host.system} {host.machine}"]
    if host.virtualised:
        parts.append(WORDS[lang].virtual)
    return " · ".join(clean(part) for part in parts if part)


def _bytes(n: int, lang: Lang) -> str:
    exact = Value(estimate=n, unit="B", low=n, high=n, n=1, method="counted", interval="exact")
    return show(exact, lang).number
