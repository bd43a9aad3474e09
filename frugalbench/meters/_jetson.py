"""The power rails of Jetson modules: which one is the module's input, or which add up to it.

Sources: NVIDIA Jetson Linux Developer Guide, "Software-Based Power Consumption Modeling", releases
32.7.5 (Nano, TX1, TX2, Xavier NX, AGX Xavier) and 36.4.3 (Orin), https://docs.nvidia.com/jetson;
Linux, arch/arm64/boot/dts/nvidia/tegra234-p3701.dtsi and tegra234-p3767.dtsi (labels); Jetson AGX
Xavier Series Product Design Guide DG-09840-001, section 5.6.2 (its six supplies hang on two inputs
side by side). On AGX Orin `VDDQ_VDD2_1V8AO` is fed by `VIN_SYS_5V0` and is in it already. The
INA238 of a Thor carrier board measures all of its input: NVIDIA forum topic 366461.
"""

import re
from dataclasses import dataclass

__all__ = ["MODULES", "Module", "module_of"]


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its number and name, and the sets of rails that are its whole, best first."""

    number: str
    name: str
    wholes: tuple[tuple[str, ...], ...]
    note: str = "the input of the module, without its carrier board"


MODULES = (
    Module("p2180", "Jetson TX1", (("VDD_IN",),)),
    Module("p3310", "Jetson TX2", (("VDD_IN",),)),
    Module("p3489", "Jetson TX2i or TX2 4GB", (("VDD_IN",),)),
    Module("p3636", "Jetson TX2 NX", (("VDD_IN",),)),
    Module("p3448", "Jetson Nano", (("POM_5V_IN",), ("VDD_IN",))),
    Module("p3668", "Jetson Xavier NX", (("VDD_IN",), ("5V_IN",))),
    Module(
        "p2888",
        "Jetson AGX Xavier",
        (("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),),
        "the sum of the module's supplies, without its carrier board",
    ),
    Module(
        "p3701",
        "Jetson AGX Orin",
        (("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),),
        "the sum of the module's supplies, without its carrier board",
    ),
    Module("p3767", "Jetson Orin NX or Orin Nano", (("VDD_IN",),)),
    Module("p3834", "Jetson Thor", (("VIN",),), "the input of the carrier board"),
)


def module_of(compatible: str, model: str) -> Module | None:
    """The module that a device tree names, by its number or else by its name.

    Args:
        compatible: the root node's `compatible`, its strings separated by NULs.
        model: its `model`, such as `NVIDIA Jetson AGX Orin Developer Kit`.
    """
    for module in MODULES:
        if re.search(rf"\b{module.number}\b", compatible.replace("\0", " ")):
            return module
    # The longest name first: an Orin NX is no NX.
    named = {
        "AGX Orin": "p3701",
        "Orin NX": "p3767",
        "Orin Nano": "p3767",
        "AGX Xavier": "p2888",
        "Xavier NX": "p3668",
        "Thor": "p3834",
    }
    number = next((n for name, n in named.items() if name.lower() in model.lower()), None)
    return next((module for module in MODULES if module.number == number), None)
