"""What is observed of the machine, the model and the data."""

from typing import Literal

import msgspec

from frugalbench.spec import OutputKind

__all__ = [
    "Answer",
    "Calibration",
    "Card",
    "DataFacts",
    "Facts",
    "Host",
    "ModelFacts",
    "Port",
    "Variant",
]


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything observed: frozen, keyword-only, no unknown field."""


class Host(Facts, frozen=True, kw_only=True):
    """The machine, in its own words. No name, address or user: a record can be shared."""

    system: str
    machine: str
    cpu: str
    logical_cores: int
    physical_cores: int | None
    memory: int | None
    virtualised: str | None
    python: str
    packages: dict[str, str]


class Port(Facts, frozen=True, kw_only=True):
    """An input or output of a graph; a `str` in `shape` names a dynamic axis, None is unnamed."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


class Answer(Facts, frozen=True, kw_only=True):
    """Which output was read as the model's answer, as what, and how that was known.

    Labels with `positions` are places in the list of classes, not classes themselves. `labels`
    is the output with the model's own choice, where it gives one beside its probabilities.
    """

    output: str
    kind: OutputKind
    how: str
    positions: bool = False
    labels: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are read."""
        return (self.output,) if self.labels is None else (self.output, self.labels)


class Calibration(Facts, frozen=True, kw_only=True):
    """The rows from which the scales of a quantised model were found.

    `data` is the digest of the file they are from, `split` the split of it (empty for a table of
    its own), and `fed_sha256` the digest of what the model was fed, in order.
    """

    data: str
    split: str
    rows: int
    fed_sha256: str


class Variant(Facts, frozen=True, kw_only=True):
    """A file made from another one: the digest of its `parent`, what was done, and by what.

    `versions` are those of the packages that did it.
    """

    parent: str
    how: Literal["ort", "int8_dynamic", "int8_static"]
    versions: dict[str, str]
    calibration: Calibration | None = None


class ModelFacts(Facts, frozen=True, kw_only=True):
    """The model file: digest and bytes of all its parts, and its graph's interface.

    `macs` are the multiply-adds of one inference, with `macs_note` saying what they leave out;
    `weights` are how many numbers of each type the graph holds; `converted_from` is the digest of
    the file that was given, where its precision was changed before the measurement. `variant` is
    what a prepared file says of how it was made, and from which one.
    """

    name: str
    sha256: str
    bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    parameters: int | None = None
    opset: int | None = None
    producer: str = ""
    answer: Answer | None = None
    macs: int | None = None
    macs_note: str = ""
    weights: dict[str, int] = {}
    converted_from: str | None = None
    variant: Variant | None = None


class DataFacts(Facts, frozen=True, kw_only=True):
    """The data: file digest, rows used, classes in code order, group names in code order.

    `rows_sha256` is the digest of which rows of the file were used, in order: two records with
    the same file and the same rows answer the same samples. `intersections` and `controls` are as
    asked for, `cluster` is the column whose `clusters` values each mark rows that belong together,
    `train_rows` is how many rows the model was trained on, as declared, and `overlap` how many of
    the rows used are fed to the model exactly as one of those; `twins` of those are fed as another
    one of them, so that as large a share of `overlap` is chance.
    """

    name: str
    sha256: str
    bytes: int
    rows_in_file: int
    rows: int
    label: str | None
    classes: tuple[int | float | str | bool, ...]
    positive: int | None
    groups: dict[str, tuple[str, ...]]
    features: tuple[str, ...] = ()
    rows_sha256: str = ""
    intersections: tuple[tuple[str, ...], ...] = ()
    controls: tuple[str, ...] = ()
    cluster: str | None = None
    clusters: int = 0
    train_rows: int = 0
    overlap: int = 0
    twins: int = 0


class Card(Facts, frozen=True, kw_only=True):
    """A model card or a data statement: its file's digest, and which fields it fills in."""

    sha256: str
    present: tuple[str, ...]
    absent: tuple[str, ...]
