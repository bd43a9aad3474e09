"""What disturbed a GPU while calls were timed, in words."""

from frugalbench.record import Gpu

__all__ = ["on_gpu", "troubles"]

SLOWED = {
    "hw_slowdown": "by the hardware",
    "hw_thermal_slowdown": "by heat",
    "sw_thermal_slowdown": "by heat",
    "hw_power_brake": "by a power brake",
}
"""Reasons for a lower clock that its owner did not set, as a cap on its power is."""


def on_gpu(others: int) -> str:
    """How many other processes were there."""
    if others == 1:
        return "1 other process was on the GPU"
    return f"{others} other processes were on the GPU"


def troubles(gpu: Gpu) -> tuple[str, ...]:
    """What others took of a GPU, and what its clock and its memory suffered."""
    told = [on_gpu(gpu.others)] if gpu.others else []
    slowed = sorted({SLOWED[one] for one in gpu.throttled or () if one in SLOWED})
    if slowed:
        told.append(f"the GPU was throttled {' and '.join(slowed)}")
    if gpu.uncorrected:
        told.append(f"the GPU could not correct {gpu.uncorrected} memory errors")
    return tuple(told)
