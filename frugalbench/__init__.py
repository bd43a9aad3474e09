"""frugalbench: evidence that an AI model is frugal and trustworthy, judged against a policy.

    Spec ──run──▶ Record ──metrics──▶ Value | Missing ──judge──▶ Verdict ──render──▶ report
          a fresh   what was            what it means              by a policy
          process   observed

Nothing flows back: a metric cannot reach a meter, a policy cannot reach a measurement, a report
cannot change a verdict.

    import frugalbench as fb

    spec = fb.load_spec("model=nhanes-mlp", "site=fr")
    record = fb.run(spec)
    verdict = fb.judge(record, fb.load_policy("frugal-and-trustworthy"))

Against an earlier record of the same rows it is `fb.judge(record, fb.load_policy("drift"),
earlier)`. Every metric is a function of a record (`frugalbench.metrics`), and `frugalbench.audit`
counts answers that were given elsewhere.

Names are imported when first used, so that importing the package stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from frugalbench.certify import Finding, Policy, Rule, Verdict, judge
    from frugalbench.compare import compare
    from frugalbench.config import load_spec
    from frugalbench.errors import FrugalbenchError, MeasurementError, StoreError, UsageError
    from frugalbench.metrics import measure_all
    from frugalbench.record import Record
    from frugalbench.report import render
    from frugalbench.settings import load_policy, load_site
    from frugalbench.spec import (
        Baseline,
        Data,
        Model,
        Perturbation,
        Plan,
        Probes,
        Site,
        Spec,
        Target,
    )
    from frugalbench.store import load, save
    from frugalbench.values import Missing, Value
    from frugalbench.worker import run

_HOMES = {
    "certify": ("Finding", "Policy", "Rule", "Verdict", "judge"),
    "compare": ("compare",),
    "config": ("load_spec",),
    "errors": ("FrugalbenchError", "MeasurementError", "StoreError", "UsageError"),
    "metrics": ("measure_all",),
    "record": ("Record",),
    "report": ("render",),
    "settings": ("load_policy", "load_site"),
    "spec": (
        *("Baseline", "Data", "Model", "Perturbation", "Plan", "Probes", "Site", "Spec"),
        "Target",
    ),
    "store": ("load", "save"),
    "values": ("Missing", "Value"),
    "worker": ("run",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Baseline",
    "Data",
    "Finding",
    "FrugalbenchError",
    "MeasurementError",
    "Missing",
    "Model",
    "Perturbation",
    "Plan",
    "Policy",
    "Probes",
    "Record",
    "Rule",
    "Site",
    "Spec",
    "StoreError",
    "Target",
    "UsageError",
    "Value",
    "Verdict",
    "__version__",
    "compare",
    "judge",
    "load",
    "load_policy",
    "load_site",
    "load_spec",
    "measure_all",
    "render",
    "run",
    "save",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'frugalbench' has no attribute '{name}'")
    value = getattr(import_module(f"frugalbench.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
