"""Torch modules that tests name as factories."""

import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import torch
from torch import nn

CALLED: list[str] = []


def dense() -> nn.Module:
    """Three numbers to two logits: 3×4 + 4×2 multiply-adds."""
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def images() -> nn.Module:
    """Images of 3×8×8, with what behaves otherwise in training."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(),
        nn.Linear(4 * 6 * 6, 2),
    )  # fmt: skip


def tied() -> nn.Module:
    first = nn.Linear(3, 3, bias=False)
    return nn.Sequential(first, first)


class Two(nn.Module):
    """Integers and floats, with an input between them that is not needed."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(2, 3)

    def forward(self, ids: Any, mask: Any = None, x: Any = None) -> Any:
        found = self.table(ids).sum(1) + x
        return found if mask is None else found * mask


def two() -> nn.Module:
    return Two()


class Several(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.last = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        y = self.last(x)
        pair = namedtuple("pair", "scores label")
        return {
            "tuple": (y, y.argmax(1)),
            "dict": {"scores": y, "label": y.argmax(1), "loss": None},
            "named": pair(y, y.argmax(1)),
            "text": "no tensor",
            "none": None,
        }[self.how]


def as_tuple() -> nn.Module:
    return Several("tuple")


def as_dict() -> nn.Module:
    return Several("dict")


def as_named() -> nn.Module:
    return Several("named")


def as_text() -> nn.Module:
    return Several("text")


def as_none() -> nn.Module:
    return Several("none")


class Grows(nn.Module):
    """Its answer to a row depends on how many there are, as no export with a free batch has it."""

    def forward(self, x: Any) -> Any:
        return x * float(int(x.shape[0]) if not torch.compiler.is_exporting() else 1.0)


def grows() -> nn.Module:
    return Grows()


class Fixed(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.reshape(3, 3) * 2


def fixed() -> nn.Module:
    return Fixed()


class Branches(nn.Module):
    """It does one thing or another by what it is given, which no graph here holds."""

    def forward(self, x: Any) -> Any:
        return x if bool(x.sum() > 0) else x * 2


def branches() -> nn.Module:
    return Branches()


class Fails(nn.Module):
    def forward(self, x: Any) -> Any:
        raise ValueError("no such rows\nand a second line")


def fails() -> nn.Module:
    return Fails()


def raises() -> nn.Module:
    raise RuntimeError("no weights here\nsecond line")


def leaves() -> nn.Module:
    sys.exit(3)


def number() -> int:
    return 3


def mark(path: str) -> None:
    """What a hostile file would have called."""
    Path(path).write_text("it was run", encoding="utf-8")


not_callable = 3
