"""Where the nodes of a graph ran, and what a GPU did meanwhile."""

from typing import Annotated

from msgspec import Meta

from frugalbench.record._facts import Facts

__all__ = ["Gpu", "Placed"]

Count = Annotated[int, Meta(ge=0)]


class Placed(Facts, frozen=True, kw_only=True):
    """The nodes that one execution provider runs: how many of each operator.

    They are those of the graph after its basic optimisations, as the runtime shared them out. The
    name of an operator outside the standard set begins with its domain.
    """

    provider: str
    ops: dict[str, Count]

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return sum(self.ops.values())


class Gpu(Facts, frozen=True, kw_only=True):
    """A GPU while calls were timed, as its driver shows it; None where it does not.

    `place` counts from 0 on the PCI bus. Clocks are of its multiprocessors, in Hz: the lowest and
    the highest at the ends of the energy windows, and the highest it claims (`clock_nominal`).
    `temperature` is the highest, in degrees Celsius; `power_limit` is the lowest that was in
    force, in watts. `throttled` are the reasons for a lower clock that were raised at any of these
    moments. `ecc` says whether memory errors are corrected, and `uncorrected` how many could not
    be meanwhile. `split` says that it is divided into instances (MIG), and `others` how many other
    processes computed on it.
    """

    place: Count
    name: str
    driver: str
    split: bool | None = None
    clock_low: float | None = None
    clock_high: float | None = None
    clock_nominal: float | None = None
    temperature: float | None = None
    power_limit: float | None = None
    throttled: tuple[str, ...] | None = None
    ecc: bool | None = None
    uncorrected: Count | None = None
    others: Count | None = None
