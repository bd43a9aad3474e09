"""Pairs of groups that are known to be further apart than a rule of the verdict accepts."""

from dataclasses import dataclass

from frugalbench import metrics
from frugalbench.certify import Finding, Verdict
from frugalbench.metrics import MissingGroups
from frugalbench.metrics._pairs import Pair
from frugalbench.metrics._pairs import pairs as every_pair
from frugalbench.metrics._views import views
from frugalbench.metrics.fairness.gaps import OF_DIFFERENCE, measured
from frugalbench.record import Record
from frugalbench.values import Missing, Value

__all__ = ["Flagged", "flagged"]

STANDS: tuple[MissingGroups, ...] = ("include", "exclude", "fail")


@dataclass(frozen=True, slots=True)
class Flagged:
    """The pairs of one disparity in one view that are outside the bound, after Holm's correction.

    `metric` is the address of the disparity without its scope; the smallest p is first.
    """

    metric: str
    attribute: str
    bound: float
    pairs: tuple[Pair, ...]


def flagged(record: Record, verdict: Verdict | None) -> tuple[Flagged, ...]:
    """Every disparity that a rule found outside its bound, with the pairs that are.

    Nothing without a verdict: which difference is too large is for a policy to say.
    """
    if verdict is None:
        return ()
    found = []
    for finding in verdict.findings:
        family, _, name = finding.rule.metric.partition(".")
        bound = finding.rule.at_most
        if family != "fairness" or name not in OF_DIFFERENCE or bound is None:
            continue
        view = _view(record, finding)
        known = () if view is None else _pairs(record, finding, name, view, bound)
        if view is not None and known:
            found.append(Flagged(finding.rule.metric, view, bound, known))
    return tuple(found)


def _view(record: Record, finding: Finding) -> str | None:
    """Which view a finding is about."""
    name = finding.rule.metric
    return next(
        (
            view
            for view in views(record)
            if metrics.address(name, {"attribute": view}) == finding.address
        ),
        None,
    )


def _pairs(
    record: Record, finding: Finding, name: str, view: str, bound: float
) -> tuple[Pair, ...]:
    """The pairs, if the measure can be had again as the policy took it."""
    if not isinstance(finding.measure, Value) or finding.measure.high <= bound:
        return ()
    metric = metrics.find(finding.rule.metric)
    for stand in STANDS:
        if metric(record, attribute=view, missing=stand) == finding.measure:
            of = measured(record, view, stand, OF_DIFFERENCE[name])
            return () if isinstance(of, Missing) else every_pair(of, bound, flagged=True)
    return ()
