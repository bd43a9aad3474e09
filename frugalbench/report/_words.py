"""The words a report needs, whatever the language."""

from dataclasses import dataclass

from frugalbench.certify import Outcome
from frugalbench.spec import Scenario
from frugalbench.values import Grade, Method

__all__ = ["Words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language's words; a missing one is a type error, not a hole in a page."""

    colon: str
    outcomes: dict[Outcome, str]
    overall: dict[Outcome, str]
    nothing_required: str
    not_judged: str
    not_judged_long: str
    judged_by: str
    methods: dict[Method, str]
    grades: dict[Grade, str]
    equivalents: dict[str, str]
    year: str
    year_help: str
    alike: str
    scenarios: dict[Scenario, str]
    reasons: dict[str, str]
    title: str
    verdict: str
    what: str
    numbers: str
    rules: str
    groups: str
    groups_help: str
    latency: str
    latency_help: str
    necessity: str
    necessity_help: str
    quality: str
    energy: str
    size: str
    standing: str
    standings: dict[str, str]
    not_measured: str
    not_measured_help: str
    everything: str
    provenance: str
    claims: str
    claims_long: str
    model: str
    data: str
    target: str
    site: str
    date: str
    host: str
    inputs: str
    notes: str
    no_data: str
    no_site: str
    generated: str
    no_name: str
    failed: str
    failures: dict[str, str]
    modelled: str
    pretend: str
    invalid: str
    disturbed: str
    traffic: str
    process: str
    processes: str
    query: str
    queries: str
    warm: str
    cold: str
    most: str
    remarks: str
    stopping: str
    rule: str
    outcome: str
    metric: str
    estimate: str
    interval: str
    bound: str
    n: str
    method: str
    weight: str
    required: str
    advisory: str
    group: str
    why: str
    change: str
    row: str
    rows: str
    parameter: str
    parameters: str
    thread: str
    threads: str
    missing: str
    tile_latency: str
    tile_energy: str
    tile_carbon: str
    tile_accuracy: str
    bound_word: str
    virtual: str
    lamp: str
    beyond: str
    measure: str
    record: str
    policy: str
    digest: str
    version: str
    seed: str
    no_group: str
    more: str
    chart: str
    source: str
    median: str
    rules_word: str
    rules_help: str
    families: dict[str, str]
    short: dict[str, str]
    probes: dict[str, str]
    units: dict[str, str]
    repeats: dict[str, str]
    fields: dict[str, str]
    one_sided: str
    by_group: str
    by_view: str
    disparities: str
    disparities_help: str
    rates: str
    more_rates: str
    largest: str
    if_alike: str
    flagged: str
    flagged_pair: str
    worst_group: str
    probe: str
    severity: str
    robustness_help: str
    reliability: str
    reliability_help: str
    reliable: str
    frequency: str
    feature: str
    importance_help: str
    setting: str
    baseline: str
    card: str
    filled: str
    absent: str
    nothing_absent: str
    reference: str
    rehearsal: str
    rehearsed: str
    held: dict[str, str]
    parent: str
    variants: dict[str, str]
    calibrated: str
    plot: str
    folded: str
    every_metric: str
    every_other: str
    times: str
    more_tables: str
