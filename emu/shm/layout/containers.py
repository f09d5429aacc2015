"""Containers of tasks, their capabilities, and the pools that capabilities give a right to (kernel/containers/)."""

from ...limits import CAPABILITIES
from .declare import i64, many, mask, record

POOL = record(
    "POOL",
    i64("word", guard="atomic", doc="truth: POOL_WORD of kernel/containers/pools.py: its size, whether it is closed"),
    i64("kind", guard="containers_lock", doc="POOL_*, fixed while it lives; 0 the record is free"),
    i64("value", guard="containers_lock", doc="of CPUs: a mask; of IPC: the container's handle; read without"),
    i64("parent", doc="index + 1 of the pool that is charged too, 0 none; fixed while it lives"),
    i64("holders", guard="containers_lock", doc="capabilities that name it"),
    i64("children", guard="containers_lock", doc="pools whose parent it is"),
    i64("next_free", guard="containers_lock", doc="index + 1, 0 none"),
)

CAPABILITY = record(
    "CAPABILITY",
    i64("word", guard="containers_lock", doc="truth: PLACE of kernel/containers/pools.py, 0 none; read without"),
    i64("generation", guard="containers_lock", doc="a handle of another generation is stale"),
)

CONTAINER = record(
    "CONTAINER",
    i64("generation", guard="containers_lock", doc="a handle of another generation is stale"),
    i64("nr_tasks", guard="containers_lock", doc="tasks that are in it; 0 the record is free"),
    i64("next_free", guard="containers_lock", doc="index + 1, 0 none"),
    mask("cpus", guard="containers_lock", doc="where its threads may run, empty: where they do; read without"),
    many("capabilities", CAPABILITY, CAPABILITIES),
)
