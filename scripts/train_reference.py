"""Train the reference models: three small ONNX files for every reference data set, with cards.

`{set}-logreg` is a logistic regression, `{set}-mlp` a small neural network, and `{set}-mlp-int8`
the same network with 8-bit weights and activations. All three read raw feature columns (the
standardisation is inside the graph) and end in a softmax, using standard ONNX operators only, so
that one file runs on a server and on a board.

    python scripts/train_reference.py                           # everything, into the package
    python scripts/train_reference.py --only german --out DIR   # one set, elsewhere
    python scripts/train_reference.py --cards                   # the cards only

Only the train split is used to fit and to choose, the decision threshold included. The test split
is used once, to write the cards. Seeds and numbers of threads are fixed, so a machine repeats
itself byte for byte, but for the time in the cards; another type of processor may round differently
in the last digits. So that a new card needs no new model, `--cards` keeps the model files that are
in the folder, and writes their cards from them and from what training says of itself.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import replace
from pathlib import Path

from reference import REFERENCE
from reference.datasets import Dataset, load
from reference.logreg import train_logreg
from reference.measures import measure
from reference.mlp import RECIPES, train_mlp
from reference.model_cards import Made, card, decision_threshold
from reference.network import to_onnx
from reference.quantise import HOW, to_int8


def make(data: Dataset) -> list[Made]:
    """Train the three models of one data set."""
    began = time.process_time()
    logreg, how_logreg = train_logreg(data.train)
    fitted = time.process_time()
    mlp, how_mlp = train_mlp(data.train, RECIPES[data.name])
    float_mlp = to_onnx(mlp, data)
    trained = time.process_time()
    small_mlp = to_int8(float_mlp, data)
    quantised = time.process_time()
    return [
        Made(
            name=f"{data.name}-logreg",
            kind="logistic regression",
            genre="régression logistique",
            content=to_onnx(logreg, data).SerializeToString(),
            parameters=logreg.parameters // 2,  # the other half is the zero score of class 0
            training=how_logreg,
            cpu_seconds=fitted - began,
        ),
        Made(
            name=f"{data.name}-mlp",
            kind="small neural network",
            genre="petit réseau de neurones",
            content=float_mlp.SerializeToString(),
            parameters=mlp.parameters,
            training=how_mlp,
            cpu_seconds=trained - fitted,
        ),
        Made(
            name=f"{data.name}-mlp-int8",
            kind="small neural network in 8-bit integers",
            genre="petit réseau de neurones en entiers de 8 bits",
            content=small_mlp.SerializeToString(),
            parameters=mlp.parameters,
            training=f"`{data.name}-mlp` (see its card), {HOW}",
            cpu_seconds=quantised - fitted,
            twin=float_mlp.SerializeToString(),
        ),
    ]


def kept(made: Made, out: Path) -> Made:
    """A model with the content of its file, and of its twin's, in place of what was trained."""
    twin = made.twin and (out / f"{made.name.removesuffix('-int8')}.onnx").read_bytes()
    return replace(made, content=(out / f"{made.name}.onnx").read_bytes(), twin=twin)


def write(made: Made, data: Dataset, out: Path) -> None:
    """Measure a model, write it and its card."""
    measured = measure(made.content, data, decision_threshold(data))
    (out / f"{made.name}.onnx").write_bytes(made.content)
    (out / f"{made.name}.md").write_text(card(made, data, measured), encoding="utf-8")
    words = "accuracy {accuracy:.4f}, balanced {balanced_accuracy:.4f}, AUC {auc:.4f}"
    print(
        f"{made.name}: {len(made.content)} bytes, threshold {measured.threshold:g}, "
        + words.format(**measured.quality)
    )


def main() -> None:
    """Train everything, or the data sets asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=REFERENCE / "models", help="folder to write to")
    parser.add_argument("--only", choices=sorted(RECIPES), action="append", help="one data set")
    parser.add_argument("--cards", action="store_true", help="keep the model files that are there")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # The quantiser advises a graph optimisation that these few nodes do not need.
    logging.disable(logging.WARNING)
    for name in options.only or sorted(RECIPES):
        data = load(name)
        for made in make(data):
            write(kept(made, options.out) if options.cards else made, data, options.out)


if __name__ == "__main__":
    main()
