"""A certificate hides what would give a small group away, and verifying sees where one does not."""

from pathlib import Path
from typing import Any

import numpy as np
from _build import change, labels
from _certified import POLICY, certified, refused, resign

from frugalbench.record import Record

RULES = [
    {"id": "right", "metric": "quality.accuracy", "at_least": 0.55, "unit": "1"},
    {"id": "worst", "metric": "fairness.accuracy_group_min", "at_least": 0.1, "unit": "1"},
    {"id": "balanced", "metric": "quality.balanced_accuracy", "at_least": 0.1, "unit": "1"},
]


def _within(*counts: tuple[int, int]) -> Record:
    """Women and men in regions, so many of each."""
    rows = [(s, r) for r, pair in enumerate(counts) for s, n in enumerate(pair) for _ in range(n)]
    sex, region = np.array(rows).T
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, sex.size)
    answer = np.where(rng.random(sex.size) < 0.9, truth, 1 - truth)
    names = {"sex": ["W", "M"], "region": [f"r{place}" for place in range(len(counts))]}
    made = labels(truth, answer, {"sex": sex, "region": region}, names=names)
    assert made.data is not None
    return change(made, data=change(made.data, controls=("region",)))


def _hidden(said: dict[str, Any], rule: str = "worst") -> list[str]:
    return [
        one["address"].partition("[")[2][:-1]
        for one in said["claims"]
        if one["rule"] == rule and one.get("suppressed")
    ]


def test_a_level_is_not_given_away_by_the_others(tmp_path: Path) -> None:
    record = _within((60, 60), (40, 50), (3, 60))
    made = certified(tmp_path, record, POLICY | {"rules": RULES})
    assert _hidden(made.certificate()) == ["sex | region=r1", "sex | region=r2"]
    assert made.verify().exit_code == 3, "what is hidden cannot pass"

    def tell(said: dict[str, Any]) -> None:
        other = next(x for x in said["predicate"]["claims"] if x["address"].endswith("=r0]"))
        for one in said["predicate"]["claims"]:
            if one["address"].endswith("=r1]"):
                for key in ("estimate", "interval", "n", "method", "explanation", "verdict"):
                    one[key] = other[key]
                one.pop("suppressed")

    line = refused(made.verify(bundle=resign(made, tell)), "re-judgement")
    assert "hides one number alone" in line


def test_large_levels_are_all_shown(tmp_path: Path) -> None:
    made = certified(tmp_path, _within((60, 60), (40, 50)), POLICY | {"rules": RULES})
    assert not _hidden(made.certificate())
    assert made.verify().exit_code == 0


def test_a_rate_of_two_positives_is_hidden(tmp_path: Path) -> None:
    truth = np.r_[np.ones(2, int), np.zeros(398, int)]
    answer = np.r_[1, 0, np.zeros(398, int)].astype(int)
    made = certified(tmp_path, labels(truth, answer), POLICY | {"rules": [RULES[0], RULES[2]]})
    said = made.certificate()
    assert _hidden(said, "balanced")
    assert not _hidden(said, "right")
    assert made.verify().exit_code == 3
