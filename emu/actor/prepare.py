"""What each process of a machine does before its work: choose a host core, fill its own record."""

import contextlib
import os

from ..kernel.sched.randomness import first_state
from .policies import install, load_policy

TLB_PARTS = ("read_tlb", "write_tlb", "fetch_tlb")
NO_PAGE = -1


def pin(cpu, enabled):
    """Bind this process to a host core, round robin over those allowed."""
    if enabled:
        cores = sorted(os.sched_getaffinity(0))
        with contextlib.suppress(OSError):  # a core may have been taken from this host meanwhile
            os.sched_setaffinity(0, [cores[cpu % len(cores)]])


def prepare_actor(window, actor, policy):
    """Fill the parts of an actor's record that belong to this process."""
    record = window.machine["cpus"][actor]
    record["process"] = os.getpid()
    record["current"] = -1
    record["random"] = first_state(int(window.machine["seed"]), actor)
    record["tlb_task"], record["nr_filled"] = -1, 0
    for part in TLB_PARTS:
        record[part] = NO_PAGE  # which 0 would not be: a guest may touch page 0
    install(record, load_policy(policy))
    return record
