"""Train the reference models: three small ONNX files for every reference data set, with cards.

`{set}-logreg` is a logistic regression, `{set}-mlp` a small neural network, and `{set}-mlp-int8`
the same network with 8-bit weights and activations. All three read raw feature columns (the
standardisation is inside the graph) and end in a softmax, using standard ONNX operators only, so
that one file runs on a server and on a board.

    python scripts/train_reference.py                           # everything, into the package
    python scripts/train_reference.py --only german --out DIR   # one set, elsewhere

Only the train split is used to fit and to choose. The test split is used once, to write the cards.
Seeds are fixed and one thread is used, so a machine repeats itself byte for byte; another type of
processor may round differently in the last digits.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import itertools
import json
import logging
import math
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import log_loss, roc_auc_score  # type: ignore[import-untyped]
from sklearn.model_selection import (  # type: ignore[import-untyped]
    StratifiedKFold,
    train_test_split,
)

REFERENCE = Path(__file__).resolve().parent.parent / "frugalbench" / "reference"
DATA = REFERENCE / "data"
DEFAULT_OUT = REFERENCE / "models"
SEED = 20180101
OPSET, IR_VERSION = 17, 8
CLIP = 5.0  # deviations
FEW = 30  # rows under which a rate gets a star
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)
PACKAGES = ("torch", "scikit-learn", "onnx", "onnxruntime", "numpy", "pyarrow")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """How the neural network of one data set is trained; chosen by cross-validation on train."""

    hidden: tuple[int, ...]
    rate: float
    decay: float
    dropout: float
    batch: int
    epochs: int = 200
    patience: int = 15


RECIPES = {
    "adult": Recipe(hidden=(64, 32), rate=3e-3, decay=0.01, dropout=0.1, batch=256),
    "german": Recipe(hidden=(64, 32), rate=1e-3, decay=0.1, dropout=0.5, batch=32),
    "nhanes": Recipe(hidden=(64, 32), rate=1e-3, decay=0.01, dropout=0.2, batch=64),
}


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


ABOUTS = {
    "nhanes": About(
        task="tell adults with diagnosed diabetes from the others",
        tache="repérer les adultes dont le diabète est diagnostiqué",
        sensitive_not_used=("ethnicity", "income_to_poverty", "education"),
        sensitive_used=("male", "age_years"),
        not_for="diagnosis, triage, insurance or any other decision about a person",
        pas_pour="aucune décision médicale ni d'assurance",
        remark="The probability follows the base rate, so a threshold of 0.5 flags few people and "
        "misses most cases: accuracy is close to that of always answering no. Judge this model by "
        "AUC, calibration and true positive rate, not by accuracy alone.",
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
    ),
}


@dataclass(frozen=True)
class Part:
    """Rows of one split."""

    x: Floats
    y: Ints
    groups: dict[str, list[str | None]]


@dataclass(frozen=True)
class Dataset:
    """A reference data set, as its card describes it."""

    name: str
    digest: str
    names: list[str]
    train: Part
    test: Part


@dataclass(frozen=True)
class Network:
    """Dense layers after a standardisation; the last layer has one output for each class."""

    mean: Floats
    scale: Floats
    layers: list[tuple[Floats, Floats]]
    clip: bool

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(weight.size + bias.size for weight, bias in self.layers)


# --- data ---------------------------------------------------------------------------------------


def load(name: str) -> Dataset:
    """Read a Parquet file and its card; refuse a file that is not the one of the card."""
    path = DATA / f"{name}.parquet"
    card = yaml.safe_load((DATA / f"{name}.md").read_text(encoding="utf-8").split("---\n")[1])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != card["sha256"]:
        raise SystemExit(f"{path.name}: SHA-256 is {digest}, its card says {card['sha256']}")
    table = pq.read_table(path)
    column = str(card["split"]["column"])
    others = {*card["groups"], card["label"], column}
    names = [name for name in table.column_names if name not in others]
    x = np.column_stack([table[name].to_numpy() for name in names]).astype(np.float32)
    y = table[card["label"]].to_numpy().astype(np.int64)
    split = np.array(table[column].to_pylist())
    groups = {group: table[group].to_pylist() for group in card["groups"]}

    def part(which: str) -> Part:
        rows = np.flatnonzero(split == which)
        chosen = {group: [values[row] for row in rows] for group, values in groups.items()}
        return Part(x[rows], y[rows], chosen)

    return Dataset(name, digest, names, part("train"), part("test"))


def standardisation(x: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of every column; 0/1 columns stay as they are."""
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    binary = ((x == 0) | (x == 1)).all(axis=0)
    mean[binary], scale[binary] = 0.0, 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


# --- training -----------------------------------------------------------------------------------


def train_logreg(part: Part) -> tuple[Network, str]:
    """Logistic regression; its penalty is chosen by 5-fold cross-validation on log loss."""
    mean, scale = standardisation(part.x)
    z = (part.x - mean) / scale

    def loss(penalty: float) -> float:
        folds = StratifiedKFold(5, shuffle=True, random_state=SEED).split(z, part.y)
        losses = []
        for fit, check in folds:
            model = LogisticRegression(C=penalty, max_iter=5000).fit(z[fit], part.y[fit])
            losses.append(log_loss(part.y[check], model.predict_proba(z[check])))
        return float(np.mean(losses))

    best = min(PENALTIES, key=loss)
    model = LogisticRegression(C=best, max_iter=5000).fit(z, part.y)
    # Softmax over the two scores (0, w.z + b) is the logistic function of w.z + b.
    weights = np.stack([np.zeros(z.shape[1]), model.coef_[0]], axis=1).astype(np.float32)
    bias = np.array([0.0, model.intercept_[0]], dtype=np.float32)
    note = f"scikit-learn LogisticRegression, C = {best:g} by 5-fold cross-validation on train"
    return Network(mean, scale, [(weights, bias)], clip=False), note


def dense(sizes: list[int], dropout: float) -> torch.nn.Sequential:
    """A plain multi-layer perceptron."""
    layers: list[torch.nn.Module] = []
    for before, after in itertools.pairwise(sizes[:-1]):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
    return torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-2], sizes[-1]))


def fit_until_worse(
    net: torch.nn.Sequential, recipe: Recipe, part: Part, rows: tuple[Ints, Ints], z: Floats
) -> int:
    """Train on the first rows, stop when the loss on the second stops falling; best epoch."""
    inputs, labels = torch.from_numpy(z), torch.from_numpy(part.y)
    fit, check = (torch.from_numpy(which) for which in rows)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    order = torch.Generator().manual_seed(SEED)
    lowest, best_epoch, best_state = math.inf, 0, net.state_dict()
    for epoch in range(1, recipe.epochs + 1):
        net.train()
        shuffled = fit[torch.randperm(len(fit), generator=order)]
        for start in range(0, len(shuffled), recipe.batch):
            batch = shuffled[start : start + recipe.batch]
            optimizer.zero_grad()
            error = torch.nn.functional.cross_entropy(net(inputs[batch]), labels[batch])
            torch.autograd.backward([error])
            optimizer.step()
        net.eval()
        with torch.no_grad():
            loss = float(torch.nn.functional.cross_entropy(net(inputs[check]), labels[check]))
        if loss < lowest:
            lowest, best_epoch = loss, epoch
            best_state = {key: value.clone() for key, value in net.state_dict().items()}
        elif epoch - best_epoch >= recipe.patience:
            break
    net.load_state_dict(best_state)
    return best_epoch


def train_mlp(part: Part, recipe: Recipe) -> tuple[Network, str]:
    """A small network, stopped early on a fifth of the train split."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    mean, scale = standardisation(part.x)
    # Clipping keeps a few extreme values from using up the range of the 8-bit twin.
    z = np.clip((part.x - mean) / scale, -CLIP, CLIP)
    everyone = np.arange(len(part.y))
    fit, check = train_test_split(everyone, test_size=0.2, stratify=part.y, random_state=SEED)
    net = dense([z.shape[1], *recipe.hidden, 2], recipe.dropout)
    epoch = fit_until_worse(net, recipe, part, (fit, check), z)
    layers = [
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in net
        if isinstance(layer, torch.nn.Linear)
    ]
    shape = "-".join(str(size) for size in recipe.hidden)
    note = (
        f"torch, hidden layers {shape} with ReLU, dropout {recipe.dropout:g}, AdamW (rate "
        f"{recipe.rate:g}, decay {recipe.decay:g}), batch {recipe.batch}, stopped early on 20 % "
        f"of train (best epoch {epoch})"
    )
    return Network(mean, scale, layers, clip=True), note


# --- ONNX ---------------------------------------------------------------------------------------


def to_onnx(network: Network, data: Dataset) -> onnx.ModelProto:
    """Write the network with standard operators only: features in, probability out."""
    constants: dict[str, npt.NDArray[Any]] = {"mean": network.mean, "scale": network.scale}
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"], "centre"),
        helper.make_node("Div", ["centred", "scale"], ["standard"], "scale_down"),
    ]
    last = "standard"
    if network.clip:
        constants["low"] = np.array(-CLIP, dtype=np.float32)
        constants["high"] = np.array(CLIP, dtype=np.float32)
        nodes.append(helper.make_node("Clip", [last, "low", "high"], ["clipped"], "clip"))
        last = "clipped"
    for index, (weight, bias) in enumerate(network.layers):
        constants |= {f"weight{index}": weight, f"bias{index}": bias}
        inputs, output = [last, f"weight{index}", f"bias{index}"], f"dense{index}_out"
        nodes.append(helper.make_node("Gemm", inputs, [output], f"dense{index}"))
        last = output
        if index + 1 < len(network.layers):
            nodes.append(helper.make_node("Relu", [last], [f"relu{index}_out"], f"relu{index}"))
            last = f"relu{index}_out"
    nodes.append(helper.make_node("Softmax", [last], ["probability"], "softmax", axis=1))
    shape: list[str | int | None] = ["batch", len(data.names)]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), data)


def finish(model: onnx.ModelProto, data: Dataset) -> onnx.ModelProto:
    """Fix the versions, write the metadata, check the model."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "frugalbench", ""
    metadata = {
        "feature_names": json.dumps(data.names),
        "classes": json.dumps([0, 1]),
        "task": "classification",
    }
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


class Rows(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Training rows, for the calibration of the activations."""

    def __init__(self, x: Floats) -> None:
        self.batches: Iterator[dict[str, Floats]] = iter(
            [{"features": x[start : start + 256]} for start in range(0, len(x), 256)]
        )

    def get_next(self) -> dict[str, Floats] | None:
        """The next batch, or None at the end."""
        return next(self.batches, None)


def to_int8(model: onnx.ModelProto, data: Dataset) -> onnx.ModelProto:
    """Static 8-bit quantisation of the dense layers, calibrated on the train split."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), source)
        quantization.quantize_static(
            source,
            target,
            Rows(data.train.x),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Gemm"],
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            # 7-bit weights: on processors without VNNI, pairs of full 8-bit products saturate,
            # and the same file would then answer differently from one machine to another.
            reduce_range=True,
            # Scores stay float: 8-bit scores would coarsen the probabilities for no gain.
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        quantised = onnx.load(target)
    # shape inference by the quantiser leaves hints that no runtime needs
    del quantised.graph.value_info[:]
    return finish(quantised, data)


# --- measuring ----------------------------------------------------------------------------------


def probabilities(model: bytes, x: Floats) -> Floats:
    """Run a model on the CPU, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (result,) = session.run(["probability"], {"features": x})
    return np.asarray(result, dtype=np.float32)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson score interval, 95 %."""
    z = 1.959963984540054
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def quality(probability: Floats, part: Part) -> dict[str, Any]:
    """Accuracy with its interval, AUC, and the rates to compare them with."""
    decision = probability.argmax(axis=1)
    hits, n = int((decision == part.y).sum()), len(part.y)
    low, high = wilson(hits, n)
    base = float(part.y.mean())
    return {
        "split": "test",
        "n": n,
        "threshold": 0.5,
        "accuracy": round(hits / n, 4),
        "accuracy_low": round(low, 4),
        "accuracy_high": round(high, 4),
        "interval": "Wilson, 95 %",
        "auc": round(float(roc_auc_score(part.y, probability[:, 1])), 4),
        "base_rate": round(base, 4),
        "majority_accuracy": round(max(base, 1 - base), 4),
        "selection_rate": round(float(decision.mean()), 4),
        "true_positive_rate": round(float(decision[part.y == 1].mean()), 4),
        "false_positive_rate": round(float(decision[part.y == 0].mean()), 4),
    }


def rate(values: npt.NDArray[Any]) -> str:
    """A share for a table: nothing where there is nothing, a star where there is little."""
    if len(values) == 0:
        return "-"
    return f"{values.mean():.3f}" + ("\\*" if len(values) < FEW else "")


def group_table(decision: Ints, part: Part) -> str:
    """n, accuracy, selection rate, TPR and FPR in every group."""
    lines = [
        "| attribute | group | n | positives | accuracy | selection rate | TPR | FPR |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for attribute, values in part.groups.items():
        array = np.array([value or "(missing)" for value in values])
        for group in sorted(set(array.tolist()), key=lambda name: (name == "(missing)", name)):
            y, d = part.y[array == group], decision[array == group]
            cells = [str(len(y)), str(int(y.sum())), rate(d == y), rate(d)]
            cells += [rate(d[y == 1]), rate(d[y == 0])]
            lines.append(f"| {attribute} | {group} | {' | '.join(cells)} |")
    return "\n".join(lines)


# --- cards --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A finished model and how it came to be."""

    name: str
    kind: str
    genre: str
    model: onnx.ModelProto
    parameters: int
    training: str
    twin: onnx.ModelProto | None = None


def front_matter(made: Made, data: Dataset, measured: dict[str, Any]) -> str:
    """The part of a card that machines read."""
    content = made.model.SerializeToString()
    about = ABOUTS[data.name]
    fields: dict[str, Any] = {
        "name": made.name,
        "task": "classification",
        "file": f"{made.name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "parameters": made.parameters,
        "features": len(data.names),
        "opset": OPSET,
        "ir_version": IR_VERSION,
        "dataset": data.name,
        "dataset_sha256": data.digest,
        "train_rows": len(data.train.y),
        "seed": SEED,
        "sensitive_not_used": list(about.sensitive_not_used),
        "sensitive_used": list(about.sensitive_used),
        "quality": measured,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
        "licence": "Apache-2.0",
        "intended_use": "reference workload for measuring tools, demonstrations and tests",
        "not_for": about.not_for,
        "limits": about.remark,
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=96)


def en_bref(made: Made, data: Dataset, measured: dict[str, Any]) -> str:
    """Three lines of French for readers in a hurry."""
    about = ABOUTS[data.name]
    shown = [
        f"{measured[key]:.3f}".replace(".", ",")
        for key in ("accuracy", "accuracy_low", "accuracy_high", "auc")
    ]
    return (
        f"Modèle de référence ({made.genre}) pour {about.tache}.  \n"
        f"Exactitude {shown[0]} (de {shown[1]} à {shown[2]} à 95 %, n = {measured['n']}), "
        f"AUC {shown[3]}, mesurées avec ONNX Runtime.  \n"
        f"Pour essayer des outils de mesure ; {about.pas_pour}."
    )


def twin_lines(made: Made, data: Dataset, probability: Floats) -> str:
    """How far an 8-bit model is from its 32-bit twin."""
    if made.twin is None:
        return ""
    twin = probabilities(made.twin.SerializeToString(), data.test.x)
    same = float((twin.argmax(axis=1) == probability.argmax(axis=1)).mean())
    apart = float(np.abs(twin - probability).max())
    hits = [(p.argmax(axis=1) == data.test.y).mean() for p in (probability, twin)]
    sizes = [len(m.SerializeToString()) for m in (made.model, made.twin)]
    return (
        f"\nBeside its 32-bit twin: {100 * same:.2f} % equal decisions, accuracy "
        f"{100 * (hits[0] - hits[1]):+.2f} points, largest change of a probability {apart:.3f}, "
        f"file {sizes[0]} instead of {sizes[1]} bytes.\n"
    )


def card(made: Made, data: Dataset) -> str:
    """The whole model card."""
    about = ABOUTS[data.name]
    probability = probabilities(made.model.SerializeToString(), data.test.x)
    measured = quality(probability, data.test)
    table = group_table(probability.argmax(axis=1), data.test)
    unused = ", ".join(about.sensitive_not_used)
    return f"""---
{front_matter(made, data, measured)}---

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
attributes that are: {", ".join(about.sensitive_used)}.

## Quality

Measured on the test split through ONNX Runtime, by `scripts/train_reference.py`.

| n | accuracy (95 %) | always the larger class | AUC | selection rate | TPR | FPR |
|--:|--:|--:|--:|--:|--:|--:|
| {measured["n"]} | {measured["accuracy"]:.3f} ({measured["accuracy_low"]:.3f} to \
{measured["accuracy_high"]:.3f}) | {measured["majority_accuracy"]:.3f} | {measured["auc"]:.3f} | \
{measured["selection_rate"]:.3f} | {measured["true_positive_rate"]:.3f} | \
{measured["false_positive_rate"]:.3f} |
{twin_lines(made, data, probability)}
{about.remark}

## Known gaps by group

Test split, decision at 0.5. No intervals here: they are what the toolkit is for. A star marks a
rate over fewer than {FEW} rows, a dash one over none.

{table}
"""


# --- main ---------------------------------------------------------------------------------------


def make(data: Dataset) -> list[Made]:
    """Train the three models of one data set."""
    logreg, how_logreg = train_logreg(data.train)
    mlp, how_mlp = train_mlp(data.train, RECIPES[data.name])
    float_mlp = to_onnx(mlp, data)
    how_int8 = (
        f"`{data.name}-mlp` (see its card), dense layers quantised after training with "
        "onnxruntime.quantization: static, QDQ, signed 8-bit weights (7 bits used) and "
        "activations, calibrated on the whole train split"
    )
    return [
        Made(
            name=f"{data.name}-logreg",
            kind="logistic regression",
            genre="régression logistique",
            model=to_onnx(logreg, data),
            parameters=logreg.parameters // 2,  # the other half is the zero score of class 0
            training=how_logreg,
        ),
        Made(
            name=f"{data.name}-mlp",
            kind="small neural network",
            genre="petit réseau de neurones",
            model=float_mlp,
            parameters=mlp.parameters,
            training=how_mlp,
        ),
        Made(
            name=f"{data.name}-mlp-int8",
            kind="small neural network in 8-bit integers",
            genre="petit réseau de neurones en entiers de 8 bits",
            model=to_int8(float_mlp, data),
            parameters=mlp.parameters,
            training=how_int8,
            twin=float_mlp,
        ),
    ]


def main() -> None:
    """Train everything, or the data sets asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder to write to")
    parser.add_argument("--only", choices=sorted(RECIPES), action="append", help="one data set")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # The quantiser advises a graph optimisation that these few nodes do not need.
    logging.disable(logging.WARNING)
    for name in options.only or sorted(RECIPES):
        data = load(name)
        for made in make(data):
            text = card(made, data)
            content = made.model.SerializeToString()
            (options.out / f"{made.name}.onnx").write_bytes(content)
            (options.out / f"{made.name}.md").write_text(text, encoding="utf-8")
            measured = yaml.safe_load(text.split("---\n")[1])["quality"]
            print(
                f"{made.name}: {len(content)} bytes, accuracy {measured['accuracy']:.4f} "
                f"[{measured['accuracy_low']:.4f}, {measured['accuracy_high']:.4f}], "
                f"AUC {measured['auc']:.4f}"
            )


if __name__ == "__main__":
    main()
