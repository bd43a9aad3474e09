"""Each rule of the shipped policies can break, waver, and lack its evidence; all can be passed."""

import re
from pathlib import Path
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from _build import FAILED, PLACE, change, from_table, labels, metered, timed, value, window
from _records import make_record

from frugalbench.certify import Outcome, Policy, Rule, Verdict, judge
from frugalbench.errors import UsageError
from frugalbench.record import Card, Compared, Pass, Probed, Record, Repeat
from frugalbench.settings import load_policy, options

PAGE = (Path(__file__).parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
GROUP, FEW = 4000, 40
PASS = Pass(kind="gaussian_noise", severity=0.1, unit="sd", seed=1)


def bound_of(one: Rule) -> float:
    bound = one.at_most if one.at_most is not None else one.at_least
    assert bound is not None
    return bound


def _slow(one: Rule, spread: bool) -> Record:
    """Calls that all take twice the bound, or whose percentile is about the bound."""
    p, bound = int(one.metric.removeprefix("latency.p")) / 100, bound_of(one) * 1e9
    times = np.linspace(0, bound / p, 700) if spread else np.full(2000, bound * 2)
    return timed(np.random.default_rng(0).permutation(times))


def _starts(*seconds: float) -> Record:
    """A process for each of these cold starts."""
    record = timed(*[np.full(700, 1000)] * len(seconds))
    assert record.run is not None
    processes = tuple(
        change(process, cold_start_seconds=one)
        for process, one in zip(record.run.processes, seconds, strict=True)
    )
    return change(record, run=change(record.run, processes=processes))


def _ranked(auc: float, rows: int) -> Record:
    """Scores by which a positive row comes before a negative one this often."""
    record = _answers(0.5, rows)
    y, above = record.arrays["y_true"], np.zeros(4 * rows, bool)
    positives = np.flatnonzero(y == 1)
    above[positives[: round(auc * positives.size)]] = True
    spread = np.random.default_rng(3).uniform(0, 0.1, y.size)
    return _scored(record, np.where(y == 0, 0.5, np.where(above, 0.8, 0.2)) + spread)


def _power(bound: float, spread: bool, site: Any = PLACE) -> Record:
    joules = (bound * 20, bound * 180) if spread else (bound * 200,) * 2
    return metered([window(j) for j in joules * 3], site=site)


def _per_joule(address: str) -> float:
    return value(address, metered([window(100.0)] * 2)).estimate


def _answers(right: float, rows: int) -> Record:
    """Two groups alike, of which this share of each label is answered rightly."""
    k = round(right * rows)
    return from_table(*[(k, rows - k, rows - k, k)] * 2)


def _unequal(gap: float, rows: int) -> Record:
    k = round((0.5 - gap / 2) * rows)
    return from_table((rows - k, k, rows - k, k), (k, rows - k, k, rows - k))


def _memory(one: Rule) -> Record:
    """Twice the bound of everything that is counted in bytes, or twice the budget."""
    record, budget = make_record(), 2**20
    amount = int(bound_of(one) * (2 if one.unit == "B" else 2 * budget))
    assert record.run is not None
    only = record.run.processes[0]
    assert only.memory is not None
    heavy = change(only, memory=change(only.memory, after_run=amount))
    model = change(record.model, bytes=amount)
    run = change(record.run, processes=(heavy,), installed={"numpy": amount})
    return change(_budgeted(record, budget), run=run, model=model)


def _budgeted(record: Record, budget: int) -> Record:
    target = change(record.spec.target, memory=budget, flash=budget)
    return change(record, spec=change(record.spec, target=target))


def _with(record: Record, **arrays: Any) -> Record:
    names = {name.replace("_of_", ":"): array for name, array in arrays.items()}
    return change(record, arrays={**record.arrays, **names})


def _scored(record: Record, p: Any) -> Record:
    return _with(record, score=np.stack([1 - np.asarray(p), p], axis=1))


def _beside(record: Record, answers: Any) -> Record:
    """The record with a baseline that gave these answers."""
    assert record.run is not None
    beside = Compared(
        name="constant", kind="constant", model=record.model, run=record.run, failure=None
    )
    named = {
        "baseline:constant:y_pred": np.asarray(answers, np.int64),
        "baseline:constant:latency_ns": record.arrays["latency_ns"],
    }
    return change(record, baselines=(beside,), arrays={**record.arrays, **named})


def _probed(record: Record, answers: Any, flips: int = 0, rows: int = 0) -> Record:
    """The record with one disturbed pass over all rows, and the same rows asked again."""
    count = record.arrays["y_true"].size
    again = Repeat(
        how="again",
        setting="1 thread",
        rows=rows or count,
        flips=flips,
        beyond=0,
        largest=0.0,
        dtype="float32",
        tolerance="",
    )
    named = {
        "probe:rows": np.arange(count),
        "probe:0:y_pred": np.asarray(answers, np.int64),
    }
    return change(
        record,
        probed=Probed(rows=count, passes=(PASS,), repeats=(again,)),
        arrays={**record.arrays, **named},
    )


def _remembered(rows: int, members: float, others: float) -> Record:
    """Members answered with one spread of probabilities for what is true, others with another."""
    random = np.random.default_rng(2)
    y = np.arange(rows) % 2
    sides = []
    for sure in (others, members):
        right = 1 / (1 + np.exp(-random.normal(sure, 1.0, rows)))
        p = np.where(y == 1, right, 1 - right)
        sides.append(np.stack([1 - p, p], axis=1))
    record = labels(y, y, {"sex": [0, 1] * (rows // 2)}, score=sides[0])
    return change(
        record,
        arrays={**record.arrays, "member:y_true": y, "member:score": sides[1]},
    )


def _carded(present: int) -> Record:
    names = tuple(f"field {i}" for i in range(12))
    card = Card(sha256="0" * 64, present=names[:present], absent=names[present:])
    return change(_answers(1.0, FEW), model_card=card, data_card=card)


def _drifted(lost: float, rows: int) -> tuple[Record, Record]:
    """One group whose positives are lost afterwards, by this share; all were right before."""
    y = np.arange(2 * rows) % 2
    codes = np.repeat([0, 1], rows)
    positives = np.flatnonzero((codes == 1) & (y == 1))
    after = y.copy()
    after[positives[: round(lost * positives.size)]] = 0
    groups = {"sex": codes}
    return (
        labels(y, after, groups, score=np.eye(2)[after]),
        labels(y, y, groups, score=np.eye(2)[y]),
    )


def _trust(one: Rule, *, certain: bool) -> Record | tuple[Record, Record]:
    """A record outside the rule, or one too poor to tell; with the one it is compared with."""
    family, bound = one.metric.partition(".")[0], bound_of(one)
    rows = GROUP if certain else FEW
    if family == "drift":
        return _drifted(0.6 if certain else 0.1, rows)
    if family == "necessity":
        record = _answers(0.9, rows)
        lost = 0.0 if certain else bound
        answers = record.arrays["y_pred"].copy()
        right = np.flatnonzero(answers == record.arrays["y_true"])
        answers[right[: round(lost * answers.size)]] ^= 1
        return _beside(record, answers)
    if family == "robustness":
        record = _answers(1.0, rows)
        answers = record.arrays["y_true"].copy()
        answers[: answers.size // 2 if certain else round((1 - bound) * answers.size)] ^= 1
        return _probed(record, answers)
    if family == "reproducibility":
        record = _answers(1.0, rows)
        return _probed(record, record.arrays["y_true"], flips=rows if certain else 1, rows=2 * rows)
    if family == "privacy":
        # Two spreads of one width lie one above the other so often: normal(shift / sqrt 2).
        shift = 1.5 if certain else NormalDist().inv_cdf(bound) * 2**0.5
        return _remembered(rows, 1.0 + shift, 1.0)
    if family == "transparency":
        return _carded(2)
    assert family == "calibration", f"{one.metric} has no record here"
    rows = GROUP if certain else 200
    record = _answers(0.5, rows)
    return _scored(record, np.full(4 * rows, 0.9 if certain else 0.5 + bound))


def broken(one: Rule) -> Record | tuple[Record, Record]:
    """A record that is certainly outside the rule."""
    family, bound = one.metric.partition(".")[0], bound_of(one)
    if one.metric == "latency.cold_start":
        return _starts(bound * 2, bound * 2.1, bound * 2.2)
    if one.metric == "quality.auc":
        return _ranked(bound - 0.2, GROUP)
    if family == "latency":
        return _slow(one, spread=False)
    if family == "memory":
        return _memory(one)
    if family == "energy":
        return _power(bound, spread=False)
    if family in ("carbon", "water"):
        return _power(bound / _per_joule(one.metric), spread=False)
    if family not in ("quality", "fairness"):
        return _trust(one, certain=True)
    if one.metric.endswith("_difference"):
        return _unequal(min(1.0, bound + 0.3), GROUP)
    return _answers(bound - 0.2, GROUP)


def wavering(one: Rule) -> Record | tuple[Record, Record]:
    """A record too poor to tell."""
    family, bound = one.metric.partition(".")[0], bound_of(one)
    if one.metric == "latency.cold_start":
        return _starts(bound / 2, bound, bound * 2)
    if one.metric == "quality.auc":
        return _ranked(bound, FEW)
    if family == "latency":
        return _slow(one, spread=True)
    if family == "energy":
        return _power(bound, spread=True)
    if family in ("carbon", "water"):
        return _power(bound / _per_joule(one.metric), spread=True)
    if family not in ("quality", "fairness"):
        return _trust(one, certain=False)
    if one.metric.endswith("_difference"):
        return _unequal(bound, FEW)
    return _answers(bound, FEW)


def shipped_rules(*leaving_out: str) -> list[Any]:
    return [
        pytest.param(load_policy(name), one, id=f"{name}-{one.id}")
        for name in options("policy")
        for one in load_policy(name).rules
        if not one.metric.startswith(leaving_out)
    ]


SHIPPED = shipped_rules()
# A tally is never in doubt, and every record has the size of its model.
DOUBTFUL = shipped_rules("memory.", "transparency.")
OBSERVED = shipped_rules("memory.model_size", "memory.param")


def _judged(seen: Record | tuple[Record, Record], shipped: Policy, one: Rule) -> Verdict:
    """The verdict by the policy with this rule alone, made a required one."""
    record, reference = seen if isinstance(seen, tuple) else (seen, None)
    alone = change(shipped, rules=(change(one, required=True),))
    return judge(record, alone, reference)


def _outcomes(verdict: Verdict) -> set[Outcome]:
    return {found.outcome for found in verdict.findings}


@pytest.mark.parametrize(("shipped", "one"), SHIPPED)
def test_every_rule_of_a_shipped_policy_can_fail(shipped: Policy, one: Rule) -> None:
    verdict = _judged(broken(one), shipped, one)
    assert _outcomes(verdict) == {"FAIL"}
    assert (verdict.overall, verdict.exit_code) == ("FAIL", 1)


@pytest.mark.parametrize(("shipped", "one"), DOUBTFUL)
def test_every_rule_of_a_shipped_policy_can_be_inconclusive(shipped: Policy, one: Rule) -> None:
    assert _outcomes(_judged(wavering(one), shipped, one)) == {"INCONCLUSIVE"}


@pytest.mark.parametrize(("shipped", "one"), OBSERVED)
def test_every_rule_of_a_shipped_policy_can_lack_its_evidence(shipped: Policy, one: Rule) -> None:
    assert _outcomes(_judged(FAILED, shipped, one)) == {"NOT_EVALUATED"}


def _good() -> Record:
    """A record with all the evidence there is, and nothing wrong in it."""
    right = from_table(*[(GROUP, 0, 0, GROUP)] * 2)
    frugal, started = metered([window(1e-3)] * 5), _starts(0.3, 0.31, 0.32)
    assert frugal.run is not None
    assert started.run is not None
    answered = {key: one for key, one in right.arrays.items() if key != "latency_ns"}
    held = {"numpy": 2**20}
    record = change(
        right,
        run=change(frugal.run, processes=started.run.processes, installed=held),
        spec=frugal.spec,
        arrays=started.arrays | answered,
    )
    y = record.arrays["y_true"]
    record = _probed(_beside(_scored(record, np.where(y == 1, 0.98, 0.02)), 0 * y), y)
    record = _budgeted(record, 2**40)
    members = {"member:y_true": y, "member:score": record.arrays["score"]}
    card = Card(sha256="0" * 64, present=("all",) * 12, absent=())
    return change(
        record,
        arrays={**record.arrays, **members},
        model_card=card,
        data_card=card,
    )


@pytest.mark.parametrize("name", options("policy"))
def test_every_shipped_policy_can_be_passed(name: str) -> None:
    record = _good()
    policy = load_policy(name)
    verdict = judge(record, policy, record)
    assert {found.address: found.outcome for found in verdict.findings} == {
        found.address: "PASS" for found in verdict.findings
    }
    # A policy that requires nothing certifies nothing, however good the model.
    nothing = not any(one.required for one in policy.rules)
    assert nothing == (name == "exploratory")
    assert (verdict.overall, verdict.exit_code) == (
        ("NOT_EVALUATED", 3) if nothing else ("PASS", 0)
    )


# What is said of them


def test_those_that_ship_are_the_ones_that_are_documented() -> None:
    names = set(options("policy"))
    assert names >= {
        *("frugal", "trustworthy", "frugal-and-trustworthy", "embedded", "health", "exploratory"),
        "drift",
    }
    assert set(re.findall(r"^\| \[`([\w-]+)`\]", PAGE, re.MULTILINE)) == names


@pytest.mark.parametrize("name", options("policy"))
def test_every_rule_says_why_in_two_languages_and_what_it_speaks_to(name: str) -> None:
    policy = load_policy(name)
    assert policy.summary
    assert policy.resume
    assert len({one.metric for one in policy.rules}) == len(policy.rules)
    for one in policy.rules:
        assert one.why
        assert one.pourquoi
        assert one.speaks_to, one.id
        for text in one.speaks_to:
            known = f"`{text}`" in PAGE or re.fullmatch(r"ALTAI [1-7]|AI Act Annex IV\(.+\)", text)
            assert known, (one.id, text)


@pytest.mark.parametrize("name", options("policy"))
def test_every_bound_is_documented_with_where_it_comes_from(name: str) -> None:
    policy = load_policy(name)
    assert f"`{name}`, version {policy.version} ([YAML](../configs/policy/{name}.yaml))" in PAGE
    if name == "exploratory":
        return
    section = PAGE.partition(f"`{name}`, version ")[2].partition("\n#")[0]
    rows = {
        found[1]: found
        for found in re.finditer(
            r"^\| `([\w.]+)` \| ([≤≥]) ([\d.]+) ?([^|]*?) \| (yes|no)[^|]*\| (.+) \|$",
            section,
            re.MULTILINE,
        )
    }
    assert set(rows) == {one.metric for one in policy.rules}
    for one in policy.rules:
        _, sign, number, unit, required, source = rows[one.metric].groups()
        size = {"GiB": 2**30, "MiB": 2**20}.get(unit, 1)
        assert float(number) * size == bound_of(one), one.metric
        assert (sign == "≤") == (one.at_most is not None)
        assert (required == "yes") == one.required
        assert len(source) > 10


def test_the_exploratory_policy_has_the_rules_of_the_default_one_and_requires_none() -> None:
    look, default = load_policy("exploratory"), load_policy("frugal-and-trustworthy")
    bounds = [[(one.metric, one.bound) for one in policy.rules] for policy in (look, default)]
    assert bounds[0] == bounds[1]
    assert not any(one.required for one in look.rules)
    assert "modelled" in look.methods


# What is refused

RULE = {"id": "a", "metric": "latency.p90", "at_most": 1.0, "unit": "s"}


def _written(**rule: Any) -> str:
    kept = {key: one for key, one in (RULE | rule).items() if one is not None}
    return yaml.safe_dump({"name": "mine", "version": "1", "rules": [kept]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_written(unit="ms"), "latency.p90 is in 's', not in 'ms'"),
        (_written(metric="latency.p91"), "there is no metric 'latency.p91'; did you mean"),
        (_written(at_most=None, at_least=0), "can never fail"),
        (_written(metric="quality.auc", unit="1"), "can never fail"),
        (_written(at_most=None), "give one of at_most and at_least"),
        (_written(at_most=float("nan")), "must be a finite number"),
        (_written(at_most=float("inf")), "must be a finite number"),
        (_written(at_most=10**400), ""),
        (_written().replace("1.0", "1e999"), "must be a finite number"),
        (_written().replace("1.0", "9" * 5000), ""),
        (_written(wy="because"), "wy"),
        (_written(speaks_to="GDPR"), "speaks_to"),
        (_written(methods=["guessed"]), "'guessed' is not one of"),
        (_written(_target_="os.system"), "_target_"),
        (_written() + "_target_: os.system\n", "_target_"),
        (_written() + "validity_days: 0\n", "validity_days"),
        (_written() + "validity_days: 1e300\n", "validity_days"),
        (_written() + "min_cell: -1\n", "min_cell"),
        (_written() + "version: '2'\n", "the key 'version' is given twice"),
        (_written().replace("id: a", "id: a\n  id: b"), "the key 'id' is given twice"),
        ("a: &a [x]\nb: [*a, *a]\n" + _written(), "aliases"),
        (_written(metric="fairness.tpr", unit="1", at_most=0.5), "a rate of one group"),
    ],
    ids=range(22),
)
def test_a_policy_that_makes_no_sense_is_refused_in_one_line(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_policy(str(tmp_path / "mine.yaml"))
    line = str(caught.value)
    assert said in line
    assert line.isprintable()
    assert len(line) < 600


def test_the_policy_that_is_refused_when_spoilt_is_read_when_not(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(_written())
    policy = load_policy(str(tmp_path / "mine.yaml"))
    assert msgspec.to_builtins(policy.rules[0])["at_most"] == 1.0
    assert (policy.validity_days, policy.min_cell) == (365, 10)
