"""The outcome of one measure against one bound, and the sentence that says what would change it."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from frugalbench import metrics
from frugalbench.certify._policy import Policy, Rule
from frugalbench.metrics import Settled
from frugalbench.metrics.validity import Flaw
from frugalbench.values import Measure, Missing, Value

__all__ = ["Decision", "Outcome", "decide", "overall", "void"]

Outcome = Literal["PASS", "INCONCLUSIVE", "NOT_EVALUATED", "FAIL"]
"""From the best to the worst: the overall verdict is the worst of the required rules."""
SEVERITY: tuple[Outcome, ...] = get_args(Outcome)

RUN_FAMILIES = ("latency", "energy", "carbon", "water", "projection")
RUN_TOO = (
    "necessity.extra_energy",
    "necessity.energy_per_extra_correct",
    "necessity.latency_ratio",
)
ANSWER_FAMILIES = (
    *("quality", "calibration", "fairness", "drift", "robustness", "explanation", "privacy"),
    "necessity",
)
"""What an INVALID run leaves without evidence: what was timed, and, where a model does not answer
alike from call to call, what it answered."""

MOST_OBSERVATIONS = 1e9
# A sample sized so that the expected interval just touches the bound settles the rule one time in
# two; (1.96 + 0.84)² / 1.96² raises that to four times in five.
POWER_FACTOR = ((1.959964 + 0.841621) / 1.959964) ** 2
MOST_NAMED = 4
"""Groups or pairs named in a sentence."""


class Decision(NamedTuple):
    """An outcome, why, and about how many observations would settle it."""

    outcome: Outcome
    explanation: str
    needed: int | None = None


Settle = Callable[[float], Settled]


def overall(outcomes: Iterable[tuple[Rule, Outcome]]) -> Outcome:
    """The worst outcome of the required rules; without a required one nothing was evaluated."""
    required = [outcome for rule, outcome in outcomes if rule.required]
    return max(required, key=SEVERITY.index) if required else "NOT_EVALUATED"


def decide(
    rule: Rule,
    policy: Policy,
    measure: Measure,
    flaws: Iterable[Flaw] = (),
    *,
    settle: Settle | None = None,
) -> Decision:
    """The outcome of one measure, and the sentence that says what would change it.

    The outcome depends on what a certificate discloses, and on nothing else: `settle` only adds
    to the sentence.

    Args:
        rule: what is asked.
        policy: its stand on evidence.
        measure: what was found.
        flaws: what makes the run INVALID.
        settle: what is known of a bound group by group, for a measure that can say.
    """
    if isinstance(measure, Missing):
        return Decision("NOT_EVALUATED", measure.detail or measure.reason)
    if why := void(rule.metric, flaws):
        return Decision("NOT_EVALUATED", why)
    by_group = "attribute" in metrics.find(rule.metric).parameters
    accepted = rule.methods or policy.methods
    if measure.method == "pretend":
        why = "the number comes from a pretend meter, which can never certify"
        return Decision("NOT_EVALUATED", why)
    if measure.method not in accepted:
        why = f"the number is {measure.method}; this policy accepts {', '.join(accepted)}"
        return Decision("NOT_EVALUATED", why)
    decision = _compare(rule, measure, by_group=by_group, settle=settle)
    # A small group cannot give a pass; what larger groups already fail stays failed.
    if by_group and measure.n < policy.min_group and decision.outcome != "FAIL":
        what = "clusters of rows" if measure.interval.startswith("cluster") else "rows"
        note = f"; {measure.note}" if measure.note else ""
        why = (
            f"the smallest group has {measure.n} {what} to count and the policy asks for "
            f"{policy.min_group}{note}"
        )
        return Decision("INCONCLUSIVE", why, max(policy.min_group, decision.needed or 0))
    return decision


def _compare(rule: Rule, value: Value, *, by_group: bool, settle: Settle | None) -> Decision:
    if rule.at_most is not None:
        bound, inside, outside = rule.at_most, value.high <= rule.at_most, value.low > rule.at_most
    else:
        bound = rule.at_least if rule.at_least is not None else math.nan
        inside, outside = value.low >= bound, value.high < bound
    note = f"; {value.note}" if value.note else ""
    clustered = value.interval.startswith("cluster")
    if value.interval == "single_observation":
        why = "it was seen once, so its interval is unknown: measure it again"
        return Decision("INCONCLUSIVE", why)
    if inside:
        return Decision("PASS", f"the whole interval is inside the bound{note}")
    known = settle(bound) if settle is not None else Settled()
    if outside:
        why = "the whole interval is outside the bound"
        if known.flagged:
            why += f"; outside after Holm's correction: {_first(known.flagged)}"
        return Decision("FAIL", f"{why}{note}")
    if known.needed:
        most = max(one.wanted for one in known.needed)
        wanted = sorted(known.needed, key=lambda one: one.now - one.wanted)
        groups = _first([f"{one.group} {one.wanted:,} instead of {one.now:,}" for one in wanted])
        units = ", in clusters of rows" if clustered else ""
        return Decision("INCONCLUSIVE", f"to settle it, count about: {groups}{units}{note}", most)
    needed = _needed(value, bound)
    what = "observations"
    if by_group:
        what = f"{'clusters' if clustered else 'rows'} in the smallest group"
    why = "the estimate is too close to the bound for any number of observations to settle it"
    if needed is not None:
        why = f"about {needed:,} {what} instead of {value.n:,} would settle it"
    return Decision("INCONCLUSIVE", f"{why}{note}", needed)


def _first(words: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(words) - MOST_NAMED
    return ", ".join(words[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _needed(value: Value, bound: float) -> int | None:
    """About how many observations would settle it, if the estimate stays (width goes as 1/√n)."""
    distance = abs(bound - value.estimate)
    half = value.high - value.estimate if bound > value.estimate else value.estimate - value.low
    # More calls do not make a model of power any truer.
    if distance == 0 or value.n == 0 or value.method == "modelled":
        return None
    ratio = half / distance
    needed = max(value.n * POWER_FACTOR * ratio * ratio, value.n + 1)
    return math.ceil(needed) if needed <= MOST_OBSERVATIONS else None


def void(name: str, flaws: Iterable[Flaw]) -> str:
    """Why a run is no evidence for a metric, or nothing."""
    family = name.partition(".")[0]
    timed = family in RUN_FAMILIES or name in RUN_TOO
    for flaw in flaws:
        if timed or (flaw.code == "answers_differ" and family in ANSWER_FAMILIES):
            return f"the run is INVALID: {flaw.detail}"
    return ""
