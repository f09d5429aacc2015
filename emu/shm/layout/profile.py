"""Where a CPU's instructions were retired, while a profile is made (cpu_worker/profiling.py)."""

from ...limits import PROFILE_PLACES
from .declare import i64, many, record

PROFILE_PLACE = record(
    "PROFILE_PLACE",
    i64("samples", guard="this CPU", doc="0: the place is free; released after the other words"),
    i64("instructions", guard="this CPU", doc="for which the samples stand"),
    i64("block", guard="this CPU", doc="pc of the block's first instruction"),
    i64("where", guard="this CPU", doc="PLACE of cpu_worker/profiling.py: instructions into the block, program"),
    i64("x1", guard="this CPU", doc="the return address register where the block began"),
    align=8,
)

PROFILE = record(
    "PROFILE",
    i64("step", guard="this CPU", doc="STEP_* of cpu_worker/profiling.py"),
    i64("wanted", guard="this CPU", unit="instructions", doc="the count at which the search for a sample begins"),
    i64("target", guard="this CPU", unit="instructions", doc="the sample is the instruction retired after so many"),
    i64("counted", guard="this CPU", unit="instructions", doc="the target of the last sample"),
    # The block that is about to run.
    i64("block", guard="this CPU", doc="its pc"),
    i64("block_at", guard="this CPU", unit="instructions", doc="retired before it, on this CPU"),
    i64("x1", guard="this CPU"),
    i64("program", guard="this CPU", doc="TASK.program"),
    i64("thread", guard="this CPU", doc="index of the thread that is to run it"),
    i64("generation", guard="this CPU"),
    i64("retired", guard="this CPU", unit="instructions", doc="by that thread, before it"),
    i64("lost_samples", guard="this CPU", doc="for which there was no place"),
    i64("lost_instructions", guard="this CPU", doc="for which they stood"),
    many("places", PROFILE_PLACE, PROFILE_PLACES, doc="found by hashing"),
)
