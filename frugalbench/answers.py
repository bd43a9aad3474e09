"""How a model's output is read: which classes its columns are, and which class it chose.

Pure functions of arrays and facts. What cannot be known for certain is asked for, not guessed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.errors import UsageError
from frugalbench.record import Answer, DataFacts, ModelFacts
from frugalbench.spec import Data

__all__ = [
    "check_threshold",
    "classes_of",
    "codes",
    "decode",
    "needed",
    "numbers",
    "positive_of",
]

Array = npt.NDArray[Any]
Label = int | float | str | bool
TOLERANCE = 0.05
HALF = 0.5


def needed(facts: ModelFacts) -> Answer:
    """How the model's answer is read.

    Raises:
        UsageError: the graph does not say and nobody declared it.
    """
    if facts.answer is not None:
        return facts.answer
    names = ", ".join(f"{port.name} ({port.dtype})" for port in facts.outputs)
    raise UsageError(
        f"the graph does not say how to read its outputs [{names}]: add model.output=NAME and "
        "model.output_kind=label, probability, logit or value"
    )


def numbers(labels: list[Label], column: str) -> Array:
    """Labels of a regression as float64, shape (rows,).

    Raises:
        UsageError: the labels are text.
    """
    try:
        return np.array(labels, np.float64)
    except (ValueError, TypeError):
        raise UsageError(
            f"the model answers numbers and label column '{column}' is text: convert it to numbers"
        ) from None


def classes_of(
    facts: ModelFacts, named: tuple[Label, ...], labels: list[Label], column: str
) -> tuple[Label, ...]:
    """The classes in the order of the model's score columns.

    Args:
        facts: the model, with its answer known.
        named: the classes declared, or named by the graph; may be empty.
        labels: the labels of the rows.
        column: the label column's name.

    Raises:
        UsageError: nothing says which score column is which class.
    """
    answer = needed(facts)
    seen = sorted(set(labels), key=lambda one: (isinstance(one, str), one))
    width = None if answer.kind == "label" else _columns_of(facts, answer)
    if named:
        return _distinct(named, width)
    if answer.kind == "label" and not answer.positions:
        port = next(port for port in facts.outputs if port.name == answer.output)
        if port.dtype != "string" and any(isinstance(one, str) for one in seen):
            raise UsageError(
                f"the model answers numbers and column '{column}' holds text "
                f"({', '.join(map(str, seen[:6]))}): name the classes of 0, 1, …, model.classes=[…]"
            )
        return tuple(seen)
    if seen == list(range(len(seen))) and (width is None or len(seen) <= width):
        return tuple(range(width or len(seen)))
    raise UsageError(
        f"column '{column}' holds the labels {', '.join(map(repr, seen[:6]))} and the model "
        "does not name its classes: list them in the order of its score columns, model.classes=[…]"
    )


def _distinct(named: tuple[Label, ...], width: int | None) -> tuple[Label, ...]:
    """The named classes, if they are as many as the scores and no two are alike."""
    if len(set(named)) < len(named):
        raise UsageError(f"model.classes names a class twice: {', '.join(map(str, named[:12]))}")
    if width is not None and width != len(named):
        raise UsageError(
            f"the model gives {width} scores a row for {len(named)} named classes: name each score "
            "column's class with model.classes=[…]"
        )
    return named


def _columns_of(facts: ModelFacts, answer: Answer) -> int | None:
    """Score columns of the answer; one column is a two-class task."""
    port = next(port for port in facts.outputs if port.name == answer.output)
    if not port.shape:
        return None
    if len(port.shape) == 1:
        return 2
    last = port.shape[-1]
    return max(last, 2) if isinstance(last, int) else None


def codes(labels: list[Label], classes: tuple[Label, ...], column: str) -> Array:
    """Labels as int64 positions in the classes, shape (rows,).

    Raises:
        UsageError: a label is not one of the classes.
    """
    place = {one: code for code, one in enumerate(classes)}
    unknown = sorted({str(one) for one in labels if one not in place})
    if unknown:
        raise UsageError(
            f"labels do not match: column '{column}' holds {', '.join(unknown[:5])} and the model "
            f"answers {', '.join(map(str, classes[:5]))}; recode them or set model.classes=[…]"
        )
    return np.array([place[one] for one in labels], np.int64)


def positive_of(data: Data, classes: tuple[Label, ...]) -> int | None:
    """The code of the positive class: declared, or 1 of 0 and 1; None when not two classes.

    Raises:
        UsageError: what was declared is no class, or groups are to be compared and it is unclear.
    """
    if len(classes) != 2:
        if data.positive is not None:
            raise UsageError(f"data.positive needs two classes; the model has {len(classes)}")
        return None
    if data.positive is not None:
        if data.positive not in classes:
            raise UsageError(f"data.positive={data.positive} is not one of {list(classes)}")
        return classes.index(data.positive)
    if set(classes) == {0, 1}:
        return classes.index(1)
    if data.groups:
        raise UsageError(f"which label is positive? add data.positive={classes[0]} or {classes[1]}")
    return None


def check_threshold(threshold: float, answer: Answer, positive: int | None) -> None:
    """Refuse a threshold that would have no effect.

    Raises:
        UsageError: the model answers labels, or no class is the positive one.
    """
    if threshold == HALF:
        return
    if answer.kind == "label":
        raise UsageError("model.threshold needs probabilities and the model answers labels")
    if positive is None:
        raise UsageError("model.threshold needs two classes, and data.positive=… to say which")


def decode(
    output: Array,
    answer: Answer,
    data: DataFacts,
    threshold: float,
    labels: Array | None = None,
) -> dict[str, Array]:
    """Class codes (`y_pred`) and probabilities (`score`), or numbers (`value`), from an output.

    Where the model gives its own `labels` beside probabilities they are its choice, unless
    another threshold than one half was asked for.

    Raises:
        UsageError: the output does not have the shape of the declared answer, or none of its
            labels is one of the classes.
    """
    if answer.kind == "value":
        if output.dtype.kind not in "biuf":
            raise UsageError(
                f"output '{answer.output}' holds text, not numbers: check model.output"
            )
        return {"value": _flat(output, answer).astype(np.float64)}
    if answer.kind == "label":
        return {"y_pred": _label_codes(_flat(output, answer), answer, data)}
    if output.dtype.kind not in "biuf":
        raise UsageError(f"output '{answer.output}' holds text: set model.output_kind=label")
    score = output.astype(np.float64)
    if answer.kind == "logit":
        score = _probabilities(score)
    if score.ndim == 1 or score.shape[1:] == (1,):
        score = score.reshape(-1, 1)
        score = np.hstack([1 - score, score])
    if score.ndim != 2 or score.shape[1] != len(data.classes):
        raise UsageError(
            f"output '{answer.output}' gives {'×'.join(map(str, score.shape[1:]))} scores a row "
            f"for {len(data.classes)} classes: check model.output and model.classes"
        )
    _check_probabilities(score, answer)
    codes = score.argmax(axis=1)
    if data.positive is not None:
        # At one half this is the argmax, except for ties, which count as positive.
        hit = score[:, data.positive] >= threshold
        codes = np.where(hit, data.positive, 1 - data.positive)
    codes = np.where(np.isfinite(score).all(axis=1), codes, -1)
    if labels is not None and threshold == HALF:
        codes = _label_codes(_flat(labels, answer), answer, data)
    return {"y_pred": codes.astype(np.int64), "score": score}


def _check_probabilities(score: Array, answer: Answer) -> None:
    """Refuse scores that are not the shares of one whole, within what 8-bit models round."""
    sure = score[np.isfinite(score).all(axis=1)]
    with np.errstate(over="ignore"):
        total = sure.sum(axis=1)
    if (sure < -TOLERANCE).any() or (np.abs(total - 1) > TOLERANCE).any():
        raise UsageError(
            f"output '{answer.output}' was read as {answer.kind} and its rows are not shares of "
            "one: set model.output_kind=logit, or take another model.output"
        )


def _probabilities(logits: Array) -> Array:
    if logits.ndim == 1 or logits.shape[1] == 1:
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -700, 700))))
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _flat(output: Array, answer: Answer) -> Array:
    if output.ndim > 2 or (output.ndim == 2 and output.shape[1] != 1):
        shape = "×".join(map(str, output.shape[1:]))
        raise UsageError(
            f"output '{answer.output}' gives {shape} numbers a row, not one {answer.kind}: check "
            "model.output_kind"
        )
    return output.reshape(-1)


def _label_codes(answers: Array, answer: Answer, data: DataFacts) -> Array:
    """Codes of label answers; an answer outside the classes is -1.

    Integer answers to named classes are read as positions in the list of classes.
    """
    values: list[Label] = answers.tolist()
    named = any(isinstance(one, str) for one in data.classes)
    if answers.dtype.kind in "iuf" and (answer.positions or named):
        inside = (answers >= 0) & (answers < len(data.classes)) & (answers == np.floor(answers))
        beyond = answers[answers >= len(data.classes)]
        if beyond.size:
            # Answers 1 … K would be read one class off; below nought is no answer at all.
            raise UsageError(
                f"the model answers {beyond[0]:g}, which is no place in the {len(data.classes)} "
                "classes, counted from 0: name one for each answer with model.classes=[…]"
            )
        codes = np.where(inside, answers, -1)
    else:
        place = {one: code for code, one in enumerate(data.classes)}
        codes = np.array([place.get(one, -1) for one in values], np.int64)
    if (codes < 0).all():
        raise UsageError(
            f"labels do not match: the model answers {sorted(set(map(str, values)))[:5]} and the "
            f"data say {list(data.classes)[:5]}; set model.classes=[…]"
        )
    return codes.astype(np.int64)
