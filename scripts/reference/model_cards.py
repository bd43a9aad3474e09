"""The card of a model: what it is for, how it was trained, how good it is and for whom."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from frugalbench.host import describe

from . import SEED, sha256
from .datasets import Dataset
from .markdown import front_matter, grid
from .measures import FEW, Measured, group_table, measure
from .network import IR_VERSION, OPSET

PACKAGES = ("torch", "scikit-learn", "onnx", "onnxruntime", "numpy", "pyarrow")


@dataclass(frozen=True)
class About:
    """What a card says that no measurement can tell."""

    task: str
    tache: str
    sensitive_not_used: tuple[str, ...]
    sensitive_used: tuple[str, ...]
    not_for: str
    pas_pour: str
    remark: str
    ethics: str
    screens: bool = False


ABOUTS = {
    "nhanes": About(
        task="tell adults with diagnosed diabetes from the others",
        tache="repérer les adultes dont le diabète est diagnostiqué",
        sensitive_not_used=("ethnicity", "income_to_poverty", "education"),
        sensitive_used=("male", "age_years"),
        not_for="diagnosis, triage, insurance or any other decision about a person",
        pas_pour="aucune décision médicale ni d'assurance",
        remark="At this threshold the model flags far more people than have the diagnosis, so its "
        "accuracy is below that of always answering no: the price of finding cases. Judge it by "
        "balanced accuracy, AUC, calibration and true positive rate, not by accuracy.",
        ethics="The label is a diagnosis, not the disease: access to a doctor differs between the "
        "groups compared here, and a model that learns the label learns that too. A miss costs "
        "another person than a false alarm does, and ages are not served alike (see the table "
        "above). The terms of the data forbid any attempt to learn who a participant is.",
        screens=True,
    ),
    "adult": About(
        task="tell whether an adult's income exceeded 50 000 USD in 1994",
        tache="dire si le revenu d'un adulte dépassait 50 000 dollars en 1994",
        sensitive_not_used=("sex", "race"),
        sensitive_used=("age",),
        not_for="employment, pay, credit, benefits or any other decision about a person",
        pas_pour="aucune décision d'emploi, de salaire ou de crédit",
        remark="Sex and race are not features, yet the selection rates by group differ widely: "
        "marital status, occupation and hours carry much of the same information, and the incomes "
        "themselves differed.",
        ethics="It learns who earned what in 1994, and would hand those differences on wherever it "
        "decided about a person. Leaving out sex and race does not prevent that, because other "
        "columns stand for them. Nothing is known of the consent of these people to this use.",
    ),
    "german": About(
        task="tell good credits from bad ones (one German bank, 1973-1975)",
        tache="distinguer les bons crédits des mauvais (une banque allemande, 1973-1975)",
        sensitive_not_used=("sex", "foreign_worker"),
        sensitive_used=("age",),
        not_for="credit decisions or any other decision about a person",
        pas_pour="aucune décision de crédit",
        remark="The test split has 500 rows: every interval is wide. The attribute `sex` of this "
        "data set is unreliable (see its data card), so gaps by sex are an exercise only.",
        ethics="Whoever was refused is not in the data, so nothing here says how refused people "
        "would have done. Age is a feature, and a job category stands for residence. A gap by sex "
        "must not be told as a finding, one way or the other.",
    ),
}


@dataclass(frozen=True)
class Made:
    """A finished model and how it came to be."""

    name: str
    kind: str
    genre: str
    content: bytes
    parameters: int
    training: str
    cpu_seconds: float
    twin: bytes | None = None


def decision_threshold(data: Dataset) -> float:
    """The probability from which a row is flagged; the test rows have no say in it."""
    return round(float(data.train.y.mean()), 3) if ABOUTS[data.name].screens else 0.5


def spoken_fields(made: Made, data: Dataset, measured: Measured) -> dict[str, Any]:
    """What the card says to machines."""
    about = ABOUTS[data.name]
    return {
        "name": made.name,
        "task": "classification",
        "file": f"{made.name}.onnx",
        "sha256": sha256(made.content),
        "bytes": len(made.content),
        "parameters": made.parameters,
        "features": len(data.names),
        "opset": OPSET,
        "ir_version": IR_VERSION,
        "dataset": data.name,
        "dataset_sha256": data.digest,
        "train_rows": len(data.train.y),
        "train_cpu_seconds": round(made.cpu_seconds, 1),
        "train_cpu": describe().cpu,
        "seed": SEED,
        "sensitive_not_used": list(about.sensitive_not_used),
        "sensitive_used": list(about.sensitive_used),
        "decision_threshold": measured.threshold,
        "quality": measured.quality,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
        "licence": "Apache-2.0",
        "intended_use": "reference workload for measuring tools, demonstrations and tests",
        "not_for": about.not_for,
        "limits": about.remark,
    }


def en_bref(made: Made, data: Dataset, measured: Measured) -> str:
    """Three lines of French for readers in a hurry."""
    about, q = ABOUTS[data.name], measured.quality
    keys = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "auc")
    shown = [f"{q[key]:.3f}".replace(".", ",") for key in keys]
    threshold = f"{measured.threshold:g}".replace(".", ",")
    return (
        f"Modèle de référence ({made.genre}) pour {about.tache}.  \n"
        f"Au seuil de {threshold} : exactitude {shown[0]} (de {shown[1]} à {shown[2]} à 95 %, "
        f"n = {q['n']}), exactitude équilibrée {shown[3]} ; AUC {shown[4]} ; mesures faites avec "
        "ONNX Runtime.  \n"
        f"Pour essayer des outils de mesure ; {about.pas_pour}."
    )


def threshold_line(data: Dataset, measured: Measured) -> str:
    """From which probability a row is flagged, and why."""
    reason = (
        "the share of positives in the training rows (the test rows have no say in it), since a "
        "screening flags the people whose risk is above the average"
        if ABOUTS[data.name].screens
        else "the more probable class"
    )
    return (
        f"The decision threshold is {measured.threshold:g}: {reason}.\n"
        "All decisions counted on this page are taken at it; the AUC needs none."
    )


def quality_table(q: dict[str, Any]) -> str:
    """The quality on one line."""
    accuracy = "{accuracy:.3f} ({accuracy_low:.3f} to {accuracy_high:.3f})".format(**q)
    others = {
        "always the larger class": "majority_accuracy",
        "balanced accuracy": "balanced_accuracy",
        "AUC": "auc",
        "selection rate": "selection_rate",
        "TPR": "true_positive_rate",
        "FPR": "false_positive_rate",
    }
    cells = [q["n"], accuracy, *(f"{q[key]:.3f}" for key in others.values())]
    return grid(("n", "accuracy (95 %)", *others), 0, [cells])


def twin_lines(made: Made, data: Dataset, measured: Measured) -> str:
    """How far an 8-bit model is from its 32-bit twin."""
    if made.twin is None:
        return ""
    twin = measure(made.twin, data, measured.threshold)
    here, there = (m.probability >= m.threshold for m in (measured, twin))
    gained = ((here == data.test.y).mean() - (there == data.test.y).mean()) * 100
    apart = float(np.abs(measured.probability - twin.probability).max())
    return (
        f"\nBeside its 32-bit twin: {100 * (here == there).mean():.2f} % equal decisions, accuracy "
        f"{gained:+.2f} points, largest change of a probability {apart:.3f}, "
        f"file {len(made.content)} instead of {len(made.twin)} bytes.\n"
    )


def evaluation_line(data: Dataset) -> str:
    """On which rows the quality was measured."""
    rows, positives = len(data.test.y), int(data.test.y.sum())
    return (
        f"The test split of `{data.name}`: {rows} rows, {positives} of them positive, prepared\n"
        "like the training rows. No step of training or choosing saw them."
    )


def footprint_lines(made: Made) -> str:
    """What training took, and what is not known of it."""
    twin = " the network it was made from, and converting that," if made.twin else ""
    return (
        f"Training{twin} takes about {made.cpu_seconds:.1f} s of processor time on\n"
        f"{describe().cpu}. Its energy was not measured; the trials that led to these settings\n"
        "are not counted. What an answer takes depends on the machine:\n"
        f"`frugalbench run model={made.name}` measures it there."
    )


def card(made: Made, data: Dataset, measured: Measured) -> str:
    """The whole model card."""
    about = ABOUTS[data.name]
    unused, used = (", ".join(names) for names in (about.sensitive_not_used, about.sensitive_used))
    return f"""---
{front_matter(spoken_fields(made, data, measured))}---

# {made.name}

A {made.kind} to {about.task}, on the data set `{data.name}`.

## En bref

{en_bref(made, data, measured)}

## Intended use

A small, deterministic workload with real groups, for measuring tools, demonstrations and tests.
Not for {about.not_for}.

## Training

{made.training}.

{len(data.train.y)} training rows, {len(data.names)} features, read raw (standardisation is in the
graph). Sensitive attributes that are not features: {unused}. Sensitive
attributes that are: {used}.

## Evaluation data

{evaluation_line(data)}

## Quality

Measured on the test split through ONNX Runtime, by `scripts/train_reference.py`.
{threshold_line(data, measured)}

{quality_table(measured.quality)}
{twin_lines(made, data, measured)}
{about.remark}

## Known gaps by group

Test split, decision threshold {measured.threshold:g}. No intervals here: they are what the
toolkit is for. A star marks a rate over fewer than {FEW} rows, a dash one over none.

{group_table(measured.probability >= measured.threshold, data.test)}

## Ethical considerations

{about.ethics}

## Environmental impact

{footprint_lines(made)}

## Contact

Whoever finds an error, or has a question, opens an issue in the repository of the project.
"""
