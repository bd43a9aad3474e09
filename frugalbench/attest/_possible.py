"""Whether what a certificate says can be so at all, before it is decided again.

A signer who measured nothing can still sign. What no measurement could have given is refused: a
number outside its metric's range, a group nobody declared, a declared attribute that is left out.
"""

import re
from collections.abc import Collection, Sequence

from frugalbench import metrics
from frugalbench.attest._claims import counts_people, plain
from frugalbench.attest._issue import NON_CLAIMS, VERIFIER
from frugalbench.attest._predicate import Claim, Data, Evaluation, measure
from frugalbench.attest._times import moment
from frugalbench.certify import Policy, Rule
from frugalbench.certify._cells import level_of
from frugalbench.metrics import AND, WITHIN
from frugalbench.values import MEASURED, Method, Value

__all__ = ["impossible", "impossible_claim"]

MOST_N = 10**15
WHO = re.compile(re.escape(VERIFIER).replace(re.escape("{version}"), r"[\w.+-]{1,40}"))
NAMED = re.compile(r"[a-z0-9_+-]{1,80}")
OF_POWER: tuple[Method, ...] = (*MEASURED, "modelled", "pretend")
OF_TIME: tuple[Method, ...] = ("timer", "pretend")
OF_ROWS: tuple[Method, ...] = ("counted",)
POSSIBLE: dict[str, tuple[Method, ...]] = {
    **dict.fromkeys(("energy", "carbon", "water", "projection"), OF_POWER),
    **dict.fromkeys(("necessity.extra_energy", "necessity.energy_per_extra_correct"), OF_POWER),
    **dict.fromkeys(("latency", "necessity.latency_ratio"), OF_TIME),
    **dict.fromkeys(("quality", "calibration", "fairness", "privacy", "robustness"), OF_ROWS),
    **dict.fromkeys(("drift", "explanation", "memory", "transparency"), OF_ROWS),
}
"""How a number of a family, or of one metric, can have been got; any way where it is not here."""
NEED_DATA = ("quality", "calibration", "fairness")


def impossible(said: Evaluation, policy: Policy) -> str:
    """What cannot be so in a certificate, apart from the numbers of its claims; or nothing."""
    data = said.data
    if data is not None:
        counted = [one for one in (data.n, data.clusters) if one is not None]
        if any(one < policy.min_cell for one in counted):
            return f"it counts rows or people, and there are fewer than {policy.min_cell}"
    if not set(NON_CLAIMS) <= set(said.non_claims):
        return "it leaves out some of what a certificate does not claim"
    if len(said.non_claims) != len(NON_CLAIMS):
        return "among what it does not claim is something else"
    if not WHO.fullmatch(said.verifier.id):
        return "it was not evaluated by frugalbench"
    if why := _fixed(said) or _given_away(said):
        return why
    return next((why for rule in policy.rules if (why := _incomplete(rule, said.claims, data))), "")


def _given_away(said: Evaluation) -> str:
    """Which number is hidden alone among those within the levels of a control; or nothing."""
    columns = () if said.data is None else said.data.attributes
    tables: dict[tuple[str, ...], dict[str, bool]] = {}
    for one in said.claims:
        parameters = metrics.find(one.metric).parameters
        if "attribute" not in parameters or one.absent is not None:
            continue
        name = _attribute(_scope(one), parameters)
        if (level := level_of(plain(name), columns)) is not None:
            rest = _scope(one)[1:-1].removeprefix(name)
            tables.setdefault((one.metric, rest, *level), {})[one.address] = one.suppressed
    for (metric, *_), hidden in tables.items():
        if sum(hidden.values()) == 1 and len(hidden) > 1:
            return f"of {metric} it hides one number alone, which the others give away"
    return ""


def _fixed(said: Evaluation) -> str:
    """Why policy and data cannot have been fixed before the run, though it says so."""
    before = said.pre_registration
    if not before.counts:
        return ""
    if before.committed_at is None or before.digest is None:
        return "it says what was fixed before the run, and neither when nor by which file"
    try:
        early = moment(before.committed_at) < moment(said.evaluated_at)
    except ValueError:
        return "it does not say when policy and data were fixed"
    return "" if early else "it says fixed before the run, and dates that after it"


def _incomplete(rule: Rule, made: Sequence[Claim], data: Data | None) -> str:
    """Which declared attribute a rule over groups says nothing of; or nothing."""
    parameters = metrics.find(rule.metric).parameters
    own = [one for one in made if one.rule == rule.id]
    scopes = {_scope(one) for one in own}
    if "" in scopes and len(scopes) > 1:
        return f"the rule '{rule.id}' is claimed both as a whole and in parts"
    if "attribute" not in parameters:
        return ""
    if "" in scopes and "probe" in parameters:
        return ""  # No probe was tried.
    seen = {plain(_attribute(one, parameters)) for one in scopes}
    for column in () if data is None else data.attributes:
        if column not in seen:
            return f"it says nothing of the rule '{rule.id}' for the attribute '{column}'"
    return ""


def impossible_claim(claim: Claim, said: Evaluation) -> str:
    """What cannot be so in a claim, whose metric is its rule's; or nothing."""
    columns = said.data.attributes if said.data is not None else ()
    return _misplaced(claim, columns) or _impossible_number(claim, said)


def _misplaced(claim: Claim, columns: Collection[str]) -> str:
    parameters = metrics.find(claim.metric).parameters
    narrowed = [one for one in parameters if one in ("attribute", "probe", "feature", "baseline")]
    scope = _scope(claim)
    if not narrowed:
        return f"{claim.metric} is of the whole, and has no part {scope}" if scope else ""
    if not scope:
        return "" if claim.absent is not None else f"{claim.metric} needs a {narrowed[0]}"
    if not scope.endswith("]") or len(scope) < len("[x]"):
        return f"its address is not one of {claim.metric}"
    # What was asked for and is not in the record is said to be absent.
    if "attribute" in narrowed and claim.absent is None:
        name = plain(_attribute(scope, parameters))
        if not _declared(name, columns):
            return f"it is about '{name[:80]}', which is not among the attributes declared"
    return ""


def _impossible_number(claim: Claim, said: Evaluation) -> str:
    found = measure(claim)
    if not isinstance(found, Value):
        return ""
    metric, family = metrics.find(claim.metric), claim.metric.partition(".")[0]
    if metric.paired and said.reference is None:
        return "it compares with an earlier record, and names none"
    if family in NEED_DATA and said.data is None:
        return "it has a number about rows, and the certificate names no data"
    possible = POSSIBLE.get(claim.metric, POSSIBLE.get(family, (found.method,)))
    if found.method not in possible:
        return f"{claim.metric} cannot be got by '{found.method}'"
    if not metric.minimum <= found.low <= found.high <= metric.maximum:
        return f"its numbers leave the range of {claim.metric}"
    if not 0.5 < found.level < 1:
        return "the level of its interval is not between one half and one"
    if found.bound is not None and family not in ("latency", "energy"):
        return f"{claim.metric} has no bound of its own"
    if found.bound is not None and found.bound < found.estimate:
        return f"its one-sided bound is on the wrong side of {claim.metric}"
    if not NAMED.fullmatch(found.interval):
        return "the name of how its interval was made is none"
    most = _most(claim, said.data)
    return "" if 1 <= found.n <= most else f"it cannot rest on {found.n} observations"


def _most(claim: Claim, data: Data | None) -> int:
    """The most that a number can rest on: no more rows, or clusters of them, than there are."""
    if data is None or data.n is None or not counts_people(claim.metric):
        return MOST_N
    clustered = claim.interval is not None and claim.interval.method.startswith("cluster")
    if clustered and "attribute" in metrics.find(claim.metric).parameters:
        return data.n if data.clusters is None else data.clusters
    return data.n


def _scope(claim: Claim) -> str:
    return claim.address.removeprefix(claim.metric)


def _attribute(scope: str, parameters: Collection[str]) -> str:
    """The attribute in a scope such as `[sex]`, or `[sex, noise:0.1]` where there are probes."""
    inner = scope[1:-1]
    return inner.rpartition(", ")[0] if "probe" in parameters else inner


def _declared(name: str, columns: Collection[str]) -> bool:
    """Whether a name is of declared columns: one, some together, or these within a level."""
    if _together(name, columns):
        return True
    place = name.find(WITHIN)
    while place >= 0:
        control = name[place + len(WITHIN) :]
        if any(control.startswith(f"{one}=") for one in columns) and _together(
            name[:place], columns
        ):
            return True
        place = name.find(WITHIN, place + 1)
    return False


def _together(name: str, columns: Collection[str]) -> bool:
    """Whether a name is columns joined by `AND`; a column's own name may hold that too."""
    begins, seen = [0], {0}
    while begins:
        begin = begins.pop()
        for column in columns:
            end = begin + len(column)
            if not name.startswith(column, begin):
                continue
            if end == len(name):
                return True
            further = end + len(AND)
            if name.startswith(AND, end) and further not in seen:
                seen.add(further)
                begins.append(further)
    return False
