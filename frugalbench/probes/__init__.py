"""Probes: ways to disturb the inputs of a model, to see what becomes of its answers.

One file is one probe, and its name is the file's: `kind: gaussian_noise` is `gaussian_noise.py`.
A module states `UNIT`, `SEVERITIES`, `LEAST` and `MOST`, a function `unfit(whole)` and either
`disturb(array, severity, rng, whole)` or `search(ask, feed, severity, rng, wholes, queries)`; see
`Probe`. Nothing but NumPy is needed. Other packages add a module under the entry point group
`frugalbench.probes`.

No disturbed value leaves the range that the data reach: a model is asked about what it could meet.
"""

from frugalbench.probes._asked import check_asked, severities
from frugalbench.probes._open import check, names, open_probe
from frugalbench.probes._probe import Ask, Disturb, Found, Probe, Search
from frugalbench.probes._whole import Whole

__all__ = [
    "Ask",
    "Disturb",
    "Found",
    "Probe",
    "Search",
    "Whole",
    "check",
    "check_asked",
    "names",
    "open_probe",
    "severities",
]
