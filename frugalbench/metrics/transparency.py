"""Whether the model card and the data statement are filled in; not whether they are true."""

from frugalbench.metrics._metric import metric
from frugalbench.record import Card, Record
from frugalbench.values import Measure, Missing, Value

__all__ = ["data_statement", "model_card"]


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Model card, fields filled in",
    titre="Fiche du modèle, rubriques remplies",
)
def model_card(record: Record) -> Measure:
    """The share of the fields of Mitchell et al. (2019) that the model card fills in; exact."""
    return _filled(record.model_card, "model card", "model.card")


@metric(
    unit="1",
    lower_is_better=False,
    maximum=1,
    title="Data statement, fields filled in",
    titre="Fiche des données, rubriques remplies",
)
def data_statement(record: Record) -> Measure:
    """The share of the fields of Gebru et al. (2021) that the data statement fills in; exact."""
    return _filled(record.data_card, "data statement", "data.card")


def _filled(card: Card | None, what: str, key: str) -> Measure:
    total = 0 if card is None else len(card.present) + len(card.absent)
    if card is None or not total:
        return Missing(
            reason="no_card",
            detail=f"no {what} was given: name its Markdown or YAML file with {key}=…",
        )
    share = len(card.present) / total
    absent = f"; absent: {', '.join(card.absent)}" if card.absent else ""
    return Value(
        estimate=share,
        unit="1",
        low=share,
        high=share,
        n=total,
        method="counted",
        interval="exact",
        note=f"{len(card.present)} of {total}{absent}",
    )
