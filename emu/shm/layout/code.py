"""Translated code: where guests spend their instructions, and the regions that were translated (shm/regions.py)."""

from ...limits import REGION_PAGES, REGION_TARGETS
from .declare import i64, i64s, record

HEAT = record(
    "HEAT",  # CPUs share these without locks: a lost count only makes a request late
    i64("ip", guard="none", doc="host address of a decoded word, 0 none"),
    i64("pc", guard="none", doc="its guest address"),
    i64("task", guard="none", doc="index of the task that was sampled"),
    i64("count", guard="none", doc="samples; from HOT on the translator looks at it; below 0: it has answered"),
    align=32,
)

REGION = record(
    "REGION",
    i64("code", guard="atomic", doc="truth: host address of its code; 0: dead, below 0: not yet checked"),
    i64("entry", guard="translator", doc="guest address"),
    i64("task", guard="translator", doc="for which it was translated first"),
    i64("nr_pages", guard="translator"),
    i64s("decoded", REGION_PAGES, guard="translator", doc="host addresses of the decoded words of its pages"),
    i64("place", guard="translator", doc="where its code is, also when it is dead: CPUs may be in it"),
    i64(
        "fixups",
        guard="translator",
        doc="host address of its table of accesses and ways out (cpu_worker/host_faults.py)",
    ),
    i64("nr_fixups", guard="translator"),
    i64("strayed", guard="CPUs, without lock", doc="indirect jumps that left it: roughly how many"),
    i64s("targets", REGION_TARGETS, guard="CPUs, without lock", doc="where they went, by hash"),
)
