"""The small neural network of each data set."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from . import SEED
from .datasets import Floats, Ints, Part
from .network import CLIP, Network, standardisation


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
