"""A policy with a rule of each outcome, and records full of one name, for tests of reports."""

from typing import Any

from _records import make_record

from frugalbench.certify import Policy, Rule
from frugalbench.record import Record

__all__ = ["hostile_record", "lab_policy"]


def lab_policy(name: str = "lab", *, right: float = 0.87, parity: float = 0.1) -> Policy:
    """Rules on a record of `make_record`, with the name wherever a policy holds text."""
    name = name.encode("utf-8", "replace").decode()  # a policy is read from UTF-8
    return Policy(
        name=name,
        version="3",
        missing_groups="include",
        rules=(
            Rule(id=name, metric="quality.accuracy", unit="1", at_least=right, why=name),
            Rule(id="fast", metric="latency.p99", unit="s", at_most=0.001, pourquoi=name),
            Rule(id="energy", metric="energy.per_inference", unit="J", at_most=0.01),
            Rule(id="small", metric="memory.peak", unit="B", at_most=2.0**20),
            Rule(
                id="parity",
                metric="fairness.demographic_parity_difference",
                unit="1",
                at_most=parity,
                required=False,
            ),
        ),
    )


def hostile_record(name: str, **given: Any) -> Record:
    """A record with the name wherever a record holds one."""
    groups = {f"c{name}": (f"a{name}", f"b{name}")}
    return make_record(name=name, groups=groups, notes=(name,), **given)
