"""No rule that ships can only say yes, and no gate opens on evidence that is not there.

Every rule of every shipped policy is driven to each outcome it can have. Two kinds of metric are
tallies, known exactly where they are known at all, so they are never inconclusive: bytes and counts
of memory, and how much of a card is filled in. The size of a model is a fact of every record, so it
is never missing either.
"""

import re
from functools import cache
from typing import Any, get_args

import pytest
from _build import FAILED, change
from test_shipped_policies import _good as make_good
from test_shipped_policies import broken, shipped_rules, wavering

from frugalbench.anchors import Anchors
from frugalbench.certify import Policy, Rule
from frugalbench.gate import Gated, judged
from frugalbench.record import Record
from frugalbench.report import junit
from frugalbench.settings import load_policy, options
from frugalbench.values import Method

SHIPPED = shipped_rules()
NEVER_IN_DOUBT = ("memory.", "transparency.")
NEVER_MISSING = ("memory.model_size", "memory.param")
POLICIES = {name: load_policy(name) for name in options("policy")}


@cache
def _good() -> Record:
    return make_good()


def alone(policy: Policy, one: Rule) -> Policy:
    """The policy with this rule only, and required: what it says decides."""
    return change(policy, rules=(change(one, required=True),))


def gated(seen: Any, policy: Policy) -> Gated:
    record, reference = seen if isinstance(seen, tuple) else (seen, None)
    return judged(record, policy, anchors=Anchors(), reference=reference)


def types_of(found: Gated) -> set[str]:
    return set(re.findall(r'<failure [^>]*type="(\w+)"', junit.whole(found)))


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_rule_that_is_broken_closes_the_gate(policy: Policy, one: Rule) -> None:
    found = gated(broken(one), alone(policy, one))
    assert (found.exit_code, found.word) == (1, "FAIL")
    assert "fail" in types_of(found)


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_rule_in_doubt_closes_the_gate(policy: Policy, one: Rule) -> None:
    if one.metric.startswith(NEVER_IN_DOUBT):
        assert gated(broken(one), alone(policy, one)).exit_code == 1
        return
    found = gated(wavering(one), alone(policy, one))
    assert (found.exit_code, found.word) == (3, "INCONCLUSIVE")
    assert types_of(found) == {"inconclusive"}


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_rule_without_evidence_closes_the_gate(policy: Policy, one: Rule) -> None:
    if one.metric.startswith(NEVER_MISSING):
        assert gated(broken(one), alone(policy, one)).exit_code == 1
        return
    found = gated(FAILED, alone(policy, one))
    assert (found.exit_code, found.word) == (3, "NOT EVALUATED")
    assert types_of(found) == {"not_evaluated"}


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_rule_that_is_kept_opens_the_gate(policy: Policy, one: Rule) -> None:
    good = _good()
    found = gated((good, good), alone(policy, one))
    assert (found.exit_code, found.word) == (0, "PASS")
    assert not types_of(found)


def without(record: Record, *prefixes: str) -> Record:
    kept = {name: one for name, one in record.arrays.items() if not name.startswith(prefixes)}
    return change(record, arrays=kept)


def unread(record: Record) -> Record:
    assert record.run is not None
    processes = tuple(change(one, memory=None) for one in record.run.processes)
    return change(record, run=change(record.run, processes=processes, windows=()))


def unstarted(record: Record) -> Record:
    """The record of processes whose start nobody timed."""
    assert record.run is not None
    processes = tuple(change(one, cold_start_seconds=None) for one in record.run.processes)
    return change(record, run=change(record.run, processes=processes))


def uninstalled(record: Record) -> Record:
    """The record of a run that did not say how large its packages are."""
    assert record.run is not None
    return change(record, run=change(record.run, installed={}))


DELETED: dict[str, Any] = {
    "latency.cold_start": unstarted,
    "latency": lambda one: without(one, "latency_ns"),
    "memory": unread,
    "energy": unread,
    "carbon": unread,
    "water": unread,
    "quality": lambda one: without(one, "y_pred", "y_true"),
    "fairness": lambda one: without(one, "y_pred", "group:"),
    "calibration": lambda one: without(one, "score"),
    "robustness": lambda one: change(one, probed=None),
    "reproducibility": lambda one: change(one, probed=None),
    "explanation": lambda one: change(one, probed=None),
    "privacy": lambda one: without(one, "member:"),
    "necessity": lambda one: change(one, baselines=()),
    "transparency": lambda one: change(one, model_card=None, data_card=None),
    "drift": lambda one: without(one, "y_pred"),
    "drift.outputs_beyond": lambda one: without(one, "score"),
    "memory.flash": uninstalled,
    "memory.flash_of_budget": uninstalled,
}
"""What makes the evidence of a family go away, as if it had never been gathered."""


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_rule_never_passes_on_what_was_deleted(policy: Policy, one: Rule) -> None:
    if one.metric.startswith(NEVER_MISSING):
        return
    family = DELETED.get(one.metric.partition(".")[0], lambda record: FAILED)
    lose = DELETED.get(one.metric, family)
    good = _good()
    found = gated((lose(good), good), alone(policy, one))
    assert (found.exit_code, found.word) == (3, "NOT EVALUATED")


def pretended(record: Record) -> Record:
    """The record as a fake runner and a fake meter would have made it."""
    assert record.run is not None
    windows = tuple(change(one, method="pretend", meter="fake") for one in record.run.windows)
    return change(record, run=change(record.run, windows=windows, provider="fake"))


@pytest.mark.parametrize(("policy", "one"), SHIPPED)
def test_a_pretend_meter_never_passes_whatever_the_policy_accepts(
    policy: Policy, one: Rule
) -> None:
    family = one.metric.partition(".")[0]
    if family not in ("latency", "energy", "carbon", "water", "projection"):
        return
    good = pretended(_good())
    anything: tuple[Method, ...] = get_args(Method)
    lenient = change(
        policy, methods=anything, rules=(change(one, required=True, methods=anything),)
    )
    found = gated((good, good), lenient)
    assert (found.exit_code, found.word) == (3, "NOT EVALUATED")


@pytest.mark.parametrize("name", POLICIES)
def test_a_gate_over_a_failed_measurement_or_an_empty_record_is_never_green(name: str) -> None:
    good = _good()
    for seen in (FAILED, change(good, arrays={}, probed=None, baselines=())):
        found = gated((seen, good), POLICIES[name])
        assert found.exit_code != 0
        assert found.word != "PASS"


def test_every_policy_that_ships_was_tried() -> None:
    assert {param.values[0].name for param in SHIPPED} == {
        policy.name for policy in POLICIES.values()
    }
