"""Which checks of a run were made, and why others were not: absence alone excuses nothing.

A record says of each check that is not in it why it was not made, and what it says must fit its
plan and what was timed.
"""

from frugalbench.record import Process, Record

__all__ = ["ROUNDS", "rounds", "unmade"]

ROUNDS = ("check:varied_ns", "check:repeated_ns", "check:reseeded_ns")
FEWEST = 2
"""Rounds without which there is no interval."""
CHECK_SHARE, MOST_CHECK_SECONDS = 0.15, 5.0
LEAST_WARM = 0.1
"""Seconds below which a call is always warmed up."""
BIND_SHARE = 0.1
"""What checks and binding may take of the time of a process, which timing is a part of."""
CALLS_OF_ROUNDS = 4 * 780
"""Four times the calls of as many rounds as must fit: a machine may stall meanwhile."""


def rounds(record: Record) -> int:
    """How many rounds of blocks are in the record, 0 where they are not whole."""
    sizes = {record.arrays[name].size if name in record.arrays else 0 for name in ROUNDS}
    size = min(sizes)
    return size if len(sizes) == 1 and size >= FEWEST else 0


def unmade(record: Record) -> tuple[str, ...]:
    """The checks that were not made and are not excused, in words that follow `nothing shows`."""
    if record.run is None:
        return ()
    processes = record.run.processes
    found = []
    if not rounds(record) and not _rounds_excused(record, processes[0]):
        found.append("that answers are not remembered")
    if any(_unread(one) and not _answers_excused(record, one) for one in processes):
        found.append("that answers while timing are those of the model")
    return tuple(found)


def _unread(process: Process) -> bool:
    return process.answered is None or process.answered.compared < 1


def _rounds_excused(record: Record, first: Process) -> bool:
    why, run = first.unchecked.get("rounds"), record.run
    assert run is not None
    if why == "older_format":
        return True
    if any(record.arrays[name].size for name in ROUNDS if name in record.arrays):
        # They were made, and some are gone.
        return False
    if why == "offline":
        return record.spec.plan.scenario == "offline"
    if why == "one_sample":
        return run.inputs_used <= max(1, run.samples)
    if why == "no_time":
        # Only a call that is slower than a warm-up leaves it out; then it told how long calls take.
        slow = not first.warmup.calls and first.first_call_seconds >= LEAST_WARM
        return slow or not _time_for_rounds(first)
    return False


def _time_for_rounds(process: Process) -> bool:
    """Whether the rounds fit by far in the time they are given, as long as queries took."""
    allowed = min(MOST_CHECK_SECONDS, CHECK_SHARE * process.seconds)
    return CALLS_OF_ROUNDS * process.seconds < allowed * process.queries


def _answers_excused(record: Record, process: Process) -> bool:
    why, run, plan = process.unchecked.get("answers"), record.run, record.spec.plan
    assert run is not None
    if why == "few_rows":
        return record.data is not None and run.samples > record.data.rows
    if why == "no_output":
        return record.model.answer is None
    if why == "no_time":
        # Only what is slow at its first call is not asked beforehand what it answers.
        soon = min(plan.warmup_seconds, BIND_SHARE * process.seconds)
        return plan.scenario != "offline" and process.first_call_seconds >= soon / 2
    return why == "older_format"
