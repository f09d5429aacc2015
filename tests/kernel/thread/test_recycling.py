"""Records that are used again say nothing of who had them before."""

import numpy as np
import pytest

from emu.hot import entry
from emu.kernel.task.kill_reasons import KILL_ASKED, KILL_SIGNAL
from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task, kill_task
from emu.kernel.thread import handles, save_area, spares
from emu.kernel.thread.states import DEAD, set_where
from emu.shm.layout import machine_at
from tests.kernel import wrappers as hot

# What outlives a thread: truth word and generation, names of sleeps and times that only grow, and what is written
# before anybody reads it.
THREAD_KEEPS = {
    "where", "generation", "sleep_sequence", "marked_ns", "pc",
    "sleep_reason", "sleep_remainder", "futex_space", "futex_address", "futex_bits", "wait_next", "wait_previous",
    "sibling_next", "sibling_previous", "queued_ns", "cause", "trap_value", "restart_a0",
    "references", "futex_va", "futex_to_space", "futex_to_address", "next_heir", "previous_heir", "vector_woken",
    "senders", "callers",  # empty since its last thread left; others lock them to find out that it has
}  # fmt: skip
# The same of a task. `cpus`, `tlb_generation` and `changes` belong to the index (kernel/task/records.py, vm/tlb.py).
TASK_KEEPS = {
    "lock", "mm_lock", "map_lock", "signal_lock", "generation", "next_free", "cpus", "pid", "trampoline",
    "next_sibling", "previous_sibling", "next_pid", "group", "session", "vfork_thread",
    "tlb_generation", "nr_changes", "changes",
    "select_lock", "select_news", "select_queue",  # somebody may still tell the former task of a message
}  # fmt: skip
GARBAGE = 0x5A5A5A5A


@entry(3)
def take_spare(address, me, i):
    return spares.take_spare(machine_at(address), me, i)


@entry(3)
def recycle(address, me, i):
    m = machine_at(address)
    set_where(m, m.threads[i], DEAD, 0)
    spares.recycle_thread(m, me, i)
    return 0


@entry(3)
def make_save_area(address, i, size_bytes):
    return save_area.make_save_area(machine_at(address), 0, i, size_bytes)


def soil(record, keeps):
    """Fill a record's fields with what no fresh one has."""
    for name in record.dtype.names:
        if name not in keeps:
            record[name] = GARBAGE & 0x7F if record.dtype[name].base == np.uint8 else GARBAGE


def differing(before, after, keeps):
    return {n for n in before.dtype.names if n not in keeps and not np.array_equal(before[n], after[n])}


def test_a_thread_record_from_the_free_list_is_as_one_never_used(window):
    base, threads = window.address, window.machine["threads"]
    i = hot.allocate_thread(base, 0, 0)
    fresh = threads[i].copy()
    soil(threads[i], THREAD_KEEPS)
    hot.free_thread(base, 0, i)
    assert hot.allocate_thread(base, 0, 0) == i
    assert differing(fresh, threads[i], THREAD_KEEPS) == set()


def test_a_spare_is_as_a_record_never_used_but_for_its_creator(window):
    base, threads = window.address, window.machine["threads"]
    owner = hot.allocate_thread(base, 0, 0)
    child = take_spare(base, 0, owner)
    fresh = threads[child].copy()
    soil(threads[child], THREAD_KEEPS | {"creator", "spare", "save_area", "save_bytes"})
    assert make_save_area(base, child, 24) == 0
    recycle(base, 0, child)
    assert threads[owner]["spare"] == child, "it is its creator's spare"
    assert take_spare(base, 0, owner) == child
    assert differing(fresh, threads[child], THREAD_KEEPS) == set()
    assert threads[child]["generation"] != fresh["generation"]


@pytest.mark.system("kse-8")
@pytest.mark.system("rust-7")
def test_handle_and_id_of_an_exited_thread_name_nobody_while_its_record_is_its_creators_spare(window):
    base, threads = window.address, window.machine["threads"]
    owner = hot.allocate_thread(base, 0, 0)
    child = take_spare(base, 0, owner)
    handle, tid = hot.thread_handle(base, child), handles.tid(base, child)
    assert hot.thread_index(base, handle) == handles.thread_by_tid(base, tid) == child
    recycle(base, 0, child)
    assert threads[owner]["spare"] == child
    assert hot.thread_index(base, handle) == handles.thread_by_tid(base, tid) == -1


def test_a_task_record_is_as_one_never_used(window):
    base, tasks = window.address, window.machine["tasks"]
    k = create_task(base, 0)
    fresh = tasks[k].copy()
    looked_at = {
        "job", "state", "root", "table", "resident", "signal_first", "signal_last", "nr_siginfos",
        "parent", "living_children", "zombie_children", "forked_from", "vfork_sleep", "lender", "has_told", "keepers",
        "areas", "nr_areas", "area_hint", "first_port", "first_channel",
        "container", "space_pool", "mutex_pools",
    }  # fmt: skip
    kept = TASK_KEEPS | looked_at
    soil(tasks[k], kept)
    reap_task(base, 0, k)
    assert create_task(base, 0) == k
    assert differing(fresh, tasks[k], kept) == set()
    assert tasks[k]["job"] == fresh["job"] + 1


def test_the_first_reason_to_end_counts(window):
    base, tasks = window.address, window.machine["tasks"]
    k = create_task(base, 0)
    assert kill_task(base, 0, hot.task_handle(base, k), 9, KILL_ASKED) == 1
    kill_task(base, 0, hot.task_handle(base, k), 11, KILL_SIGNAL)
    assert (tasks[k]["exiting"], tasks[k]["kill_reason"]) == (10, KILL_ASKED)
