"""Whether the model remembers the rows it was trained on.

Who can tell from an answer that somebody was in the training data has learnt something about that
person. The attacks here need the model's answer and the label only, and are as strong as that: a
stronger attacker trains models of its own. A value of no advantage is no proof of privacy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frugalbench.metrics._intervals import auc_delong
from frugalbench.metrics._membership import LEAST_OTHERS, caught, log_losses
from frugalbench.metrics._metric import metric, no_run
from frugalbench.record import Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["calibrated_auc", "calibrated_tpr", "membership_auc", "membership_tpr"]

Floats = npt.NDArray[np.float64]
MOST_SEEN = 0.1
"""The share of tested rows that may be training rows; more of them hide what is remembered."""
MOST_ALIKE = 0.5
"""The share of tested rows that may be fed as training rows are, whatever the cause."""
CLUSTERED = "; rows of one cluster count as if they were independent"


@dataclass(frozen=True, slots=True)
class _Scores:
    """How much each row looks like a member: its negative loss. And whether rows are clustered."""

    members: Floats
    others: Floats
    note: str


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Membership inference, area under the ROC curve",
    titre="Inférence d'appartenance, aire sous la courbe ROC",
)
def membership_auc(record: Record) -> Measure:
    """How often a training row has a smaller loss than a row the model has not seen.

    One half is no advantage at all. The attack of Yeom et al. (2018): logarithmic loss, or squared
    error in a regression. At each end the wider of DeLong's and Newcombe's intervals.
    """
    return _auc(_scores(record, calibrated=False))


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Members caught at 1 % false positives",
    titre="Membres repérés à 1 % de faux positifs",
)
def membership_tpr(record: Record) -> Measure:
    """The share of training rows that a threshold on the loss catches at 1 % false positives.

    0.01 is no advantage. An average hides the few people who are caught for certain; this is about
    them (Carlini et al., 2022). Rows that tie at the threshold count in part. The interval is exact
    on the members, and widened by that of the threshold and by the ties.
    """
    return _tpr(_scores(record, calibrated=False))


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Calibrated membership inference, area under the ROC curve",
    titre="Inférence d'appartenance étalonnée, aire sous la courbe ROC",
)
def calibrated_auc(record: Record) -> Measure:
    """As `membership_auc`, with each loss relative to that of a model that never saw the row.

    A row that every model finds easy is no member for that (Watson et al., 2022).
    """
    return _auc(_scores(record, calibrated=True))


@metric(
    unit="1",
    lower_is_better=True,
    maximum=1,
    title="Members caught at 1 % false positives, calibrated",
    titre="Membres repérés à 1 % de faux positifs, étalonné",
)
def calibrated_tpr(record: Record) -> Measure:
    """As `membership_tpr`, with each loss relative to that of a model that never saw the row."""
    return _tpr(_scores(record, calibrated=True))


def _auc(scores: _Scores | Missing) -> Measure:
    if isinstance(scores, Missing):
        return scores
    m, n = scores.members.size, scores.others.size
    area, low, high = auc_delong(scores.members, scores.others)
    return Value(
        estimate=area,
        unit="1",
        low=low,
        high=high,
        n=min(m, n),
        method="counted",
        interval="delong_newcombe",
        note=f"{m:,} members, {n:,} non-members; 0.5 is no advantage{scores.note}",
    )


def _tpr(scores: _Scores | Missing) -> Measure:
    if isinstance(scores, Missing):
        return scores
    n = scores.others.size
    if n < LEAST_OTHERS:
        return Missing(
            reason="too_few_rows",
            detail=f"{n:,} rows that the model has not seen do not show a false positive rate of "
            f"1 %: give {LEAST_OTHERS} at least",
        )
    found = caught(scores.members, scores.others)
    ties = ""
    if found.tied:
        ties = (
            f"; {found.tied:,} members and {found.tied_others:,} non-members tie at the threshold "
            "and count in part"
        )
    return Value(
        estimate=found.estimate,
        unit="1",
        low=found.low,
        high=found.high,
        n=min(found.members, n),
        method="counted",
        interval="clopper_pearson_order_statistic",
        note=f"{round(found.estimate * found.members):,} of {found.members:,} members, "
        f"{found.wrongly:,} of {n:,} non-members; 0.01 is no advantage{ties}{scores.note}",
    )


def _scores(record: Record, *, calibrated: bool) -> _Scores | Missing:
    """The negative losses of members and of others, or why there are none."""
    members, others = _losses(record, "member:"), _losses(record, "")
    if isinstance(others, Missing):
        return others
    if isinstance(members, Missing):
        return members
    if (seen := _overlap(record)) is not None:
        return seen
    if calibrated:
        arrays = record.arrays
        if not {"difficulty", "member:difficulty"} <= arrays.keys():
            return Missing(
                reason="no_difficulty",
                detail="how difficult each row is was not found: it takes columns of numbers and "
                "scikit-learn, pip install scikit-learn",
            )
        with np.errstate(invalid="ignore", over="ignore"):
            members = members - arrays["member:difficulty"]
            others = others - arrays["difficulty"]
    if not (np.isfinite(members).all() and np.isfinite(others).all()):
        return Missing(reason="not_finite", detail="a row's answer or label is not finite")
    if min(members.size, others.size) < 2:
        return Missing(reason="too_few_rows", detail="needs two training rows and two others")
    return _Scores(-members, -others, CLUSTERED if "cluster" in record.arrays else "")


def _overlap(record: Record) -> Missing | None:
    """Why members cannot be told from others where too many of these are members too."""
    data = record.data
    if data is None or not data.rows:
        return None
    alike = data.overlap / data.rows
    # Rows of few columns are alike by chance: as often as training rows are among themselves.
    chance = data.twins / data.train_rows if data.train_rows else 0.0
    if alike <= MOST_ALIKE and alike - chance <= MOST_SEEN * (1 - chance):
        return None
    return Missing(
        reason="overlap",
        detail=f"{data.overlap:,} of {data.rows:,} tested rows are also training rows: declare "
        "rows the model has not seen with data.split=… or data.path=…",
    )


def _losses(record: Record, prefix: str) -> Floats | Missing:
    """The loss of each row: logarithmic, or the squared error of a regression."""
    if (gone := no_run(record)) is not None:
        return gone
    arrays = record.arrays
    value, target = arrays.get(f"{prefix}value"), arrays.get(f"{prefix}target")
    if value is not None and target is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((value - target) ** 2, np.float64)
    y, score = arrays.get(f"{prefix}y_true"), arrays.get(f"{prefix}score")
    if y is not None and score is not None:
        return log_losses(y, score)
    if y is not None:
        return Missing(reason="no_scores", detail="the model gives labels only, no scores")
    if not prefix:
        return Missing(reason="no_labels", detail="needs labelled data: add data.label=…")
    return Missing(
        reason="no_members",
        detail="no training row was asked: say which they are with data.train_split=… or "
        "data.train_path=…",
    )
