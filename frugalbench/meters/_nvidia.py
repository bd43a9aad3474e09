"""Which NVIDIA GPUs a target computes on, as CUDA chooses them.

CUDA numbers the GPUs it may use by `CUDA_VISIBLE_DEVICES` (its programming guide, "CUDA
Environment Variables"): integers, beginnings of GPU UUIDs, or MIG UUIDs; the first entry that
means no GPU ends the list. Integers count in the order of `CUDA_DEVICE_ORDER`: on the PCI bus, or
by default fastest first, which only CUDA knows. The providers of ONNX Runtime compute on the first
GPU of the list, or on the one that their option `device_id` counts to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from frugalbench.meters._meter import Unavailable
from frugalbench.meters._sysfs import word

__all__ = ["Chosen", "Gpu", "choose", "every"]

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One physical GPU: its place on the PCI bus counts from 0."""

    handle: Any = field(compare=False)
    place: int
    uuid: str
    split: bool

    @property
    def rail(self) -> str:
        """The domain it is shown in by itself."""
        return f"rail:gpu{self.place}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The GPUs a target computes on, and all those it could see.

    `part` says how the target has but a part of its GPU, which MIG divides; empty for a whole one.
    """

    used: tuple[Gpu, ...]
    visible: tuple[Gpu, ...]
    note: str
    part: str = ""

    @property
    def shown(self) -> tuple[Gpu, ...]:
        """GPUs that are shown one by one: several, or none."""
        return self.visible if len(self.visible) > 1 else ()

    @property
    def read(self) -> tuple[Gpu, ...]:
        """Every GPU to read, each once."""
        return tuple(dict.fromkeys((*self.used, *self.shown)))


def choose(library: Any, environ: Mapping[str, str], device: str = "0") -> Chosen | Unavailable:
    """The GPUs that the CUDA provider uses in an environment, told to use device number `device`.

    Raises:
        NVMLError: NVML does not show its GPUs.
    """
    gpus = every(library)
    if not gpus:
        return Unavailable("NVML shows no GPU")
    value = environ.get(VISIBLE)
    entries = None if value is None else [one.strip() for one in value.split(",")]
    visible, instance = gpus, ""
    if entries is not None:
        visible, instance = _listed(library, gpus, entries)
        if not visible:
            first = gpus[0].uuid
            return Unavailable(
                f"{VISIBLE}='{word(value or '')}' leaves no GPU to CUDA",
                f"unset {VISIBLE}, or name a GPU that nvidia-smi -L lists: {VISIBLE}={first}",
            )
        if len({gpu.place for gpu in visible}) < len(visible) and not instance:
            return Unavailable(f"{VISIBLE} names a GPU twice", "name each GPU once")
    number = int(device) if re.fullmatch(r"[0-9]{1,4}", device) else len(visible)
    if number >= len(visible):
        return Unavailable(
            f"target.provider_options.device_id={word(device)} is none of the {len(visible)} GPUs "
            "that CUDA sees",
            "count them from 0 on",
        )
    by_number = entries is None or re.fullmatch(r"\+?[0-9]+", entries[number]) is not None
    if by_number and len(gpus) > 1 and (unclear := _unclear(gpus, environ)):
        return unclear
    used = visible[number]
    return Chosen((used,), visible, _note(visible, number), _part(used, instance))


def _unclear(gpus: Sequence[Gpu], environ: Mapping[str, str]) -> Unavailable | None:
    """Why a GPU that is named by a number, or by none, is not known among several."""
    if any(gpu.split for gpu in gpus):
        return Unavailable(
            "one of several GPUs is in MIG mode: which instance CUDA uses is not known",
            f"name it by a UUID that nvidia-smi -L lists: {VISIBLE}=MIG-…",
        )
    if environ.get(ORDER) != "PCI_BUS_ID":
        return Unavailable(
            f"which of {len(gpus)} GPUs CUDA calls the first is not known: it sorts them by speed",
            f"set {ORDER}=PCI_BUS_ID, or name the GPU by its UUID: {VISIBLE}={gpus[0].uuid}",
        )
    return None


def _part(used: Gpu, instance: str) -> str:
    if instance:
        return f"of which {instance} is a part"
    return "which is divided by MIG" if used.split else ""


def _note(visible: Sequence[Gpu], number: int) -> str:
    if len(visible) == 1:
        return ""
    which = "the first" if number == 0 else f"number {number}"
    return (
        f"of {len(visible)} visible GPUs {which}, {visible[number].uuid}, computes; the others are "
        "shown"
    )


def every(library: Any) -> tuple[Gpu, ...]:
    """Every GPU in the order of the PCI bus, which NVML's own order need not be."""
    found = []
    for index in range(library.nvmlDeviceGetCount()):
        try:
            handle = library.nvmlDeviceGetHandleByIndex(index)
        except library.NVMLError as error:
            # What a job scheduler keeps from this process, CUDA does not see either.
            if getattr(error, "value", None) == library.NVML_ERROR_NO_PERMISSION:
                continue
            raise
        pci = library.nvmlDeviceGetPciInfo(handle)
        found.append(((pci.domain, pci.bus, pci.device), index, handle))
    return tuple(
        Gpu(handle, place, _text(library.nvmlDeviceGetUUID(handle)), _split(library, handle))
        for place, (_, _, handle) in enumerate(sorted(found, key=lambda one: one[:2]))
    )


def _split(library: Any, handle: Any) -> bool:
    """Whether a GPU is divided into instances now."""
    try:
        return bool(library.nvmlDeviceGetMigMode(handle)[0])
    except library.NVMLError:
        return False


def _listed(
    library: Any, gpus: Sequence[Gpu], entries: Sequence[str]
) -> tuple[tuple[Gpu, ...], str]:
    """The physical GPUs of a list, up to the first entry that means none; its MIG instance."""
    found: list[Gpu] = []
    for entry in entries:
        gpu = _meant(library, gpus, entry)
        if gpu is None:
            break
        if entry.upper().startswith("MIG-"):
            # CUDA gives a process one instance, whatever follows.
            return ((gpu,), word(entry)) if not found else (tuple(found), "")
        found.append(gpu)
    return tuple(found), ""


def _meant(library: Any, gpus: Sequence[Gpu], entry: str) -> Gpu | None:
    """The physical GPU an entry means, or None."""
    if re.fullmatch(r"\+?[0-9]{1,4}", entry):
        return gpus[int(entry)] if int(entry) < len(gpus) else None
    if entry.upper().startswith("MIG-GPU-"):
        return _beginning(gpus, entry[4:].partition("/")[0])
    if entry.upper().startswith("MIG-"):
        return _parent(library, gpus, entry)
    return _beginning(gpus, entry) if entry.upper().startswith("GPU-") else None


def _beginning(gpus: Sequence[Gpu], start: str) -> Gpu | None:
    """The only GPU whose UUID begins so."""
    fitting = [gpu for gpu in gpus if gpu.uuid.lower().startswith(start.lower())]
    return fitting[0] if len(fitting) == 1 else None


def _parent(library: Any, gpus: Sequence[Gpu], uuid: str) -> Gpu | None:
    """The GPU that a MIG instance is a part of."""
    try:
        instance = library.nvmlDeviceGetHandleByUUID(uuid)
        handle = library.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance)
        return _beginning(gpus, _text(library.nvmlDeviceGetUUID(handle)))
    except library.NVMLError:
        return None


def _text(value: str | bytes) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
