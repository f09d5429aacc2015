"""Handles and thread ids: one kept too long is an error and never another thread (rust-7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.kernel.task.reaping import reap_task
from emu.kernel.task.records import create_task, kill_task
from emu.kernel.thread import handles
from emu.limits import KERNEL_TASK, KERNEL_THREADS, MAX_THREADS
from emu.testing.bare import bare_window
from tests.kernel import wrappers as hot

pytestmark = pytest.mark.system("rust-7")


def test_a_thread_is_found_by_its_handle_and_tid(window):
    base = window.address
    i = hot.allocate_thread(base, 0, 0)
    assert hot.thread_index(base, hot.thread_handle(base, i)) == i
    assert handles.thread_by_tid(base, handles.tid(base, i)) == i


def test_a_freed_threads_handle_and_tid_are_stale_also_when_its_record_is_used_again(window):
    base = window.address
    i = hot.allocate_thread(base, 0, 0)
    handle, tid = hot.thread_handle(base, i), handles.tid(base, i)
    hot.free_thread(base, 0, i)
    assert hot.thread_index(base, handle) == -1 and handles.thread_by_tid(base, tid) == -1
    assert hot.allocate_thread(base, 0, 0) == i, "the record is used again"
    assert hot.thread_index(base, handle) == -1 and handles.thread_by_tid(base, tid) == -1
    assert hot.thread_handle(base, i) != handle and handles.tid(base, i) != tid


@pytest.mark.parametrize("handle", [-1, 0, MAX_THREADS, 1 << 32, 0xFFFFFFFF, -(1 << 63)])
def test_what_is_no_handle_names_nothing(window, handle):
    assert hot.thread_index(window.address, handle) == -1
    assert hot.task_index(window.address, handle) == -1


@pytest.mark.parametrize("tid", [0, -1, 1, MAX_THREADS, 1 << 29, 1 << 30, (1 << 63) - 1])
def test_what_is_no_tid_names_nothing(window, tid):
    assert handles.thread_by_tid(window.address, tid) == -1


def test_a_dead_tasks_handle_kills_nobody(window):
    base = window.address
    k = create_task(base, 0)
    handle = hot.task_handle(base, k)
    reap_task(base, 0, k)
    assert hot.task_index(base, handle) == -1
    assert create_task(base, 0) == k, "the record is used again"
    assert kill_task(base, 0, handle, 9, 0) == 0
    assert window.machine["tasks"][k]["exiting"] == 0
    assert kill_task(base, 0, hot.task_handle(base, k), 9, 0) == 1
    assert window.machine["tasks"][k]["exiting"] == 10
    reap_task(base, 0, k)


def test_tids_fit_where_guests_keep_two_flags_beside_them(window):
    i = hot.allocate_thread(window.address, 0, 0)
    for generation in (0, 1, (1 << 17) - 1, 1 << 17, (1 << 40) + 5):
        window.machine["threads"][i]["generation"] = generation
        tid = handles.tid(window.address, i)
        assert 0 < tid < 1 << 30 and handles.thread_by_tid(window.address, tid) == i


def test_all_records_and_no_more_can_be_used(window):
    base = window.address
    count = MAX_THREADS - KERNEL_THREADS
    assert {hot.allocate_thread(base, 0, 0) for _ in range(count)} == set(range(count))
    assert hot.allocate_thread(base, 0, 0) == -1
    hot.free_thread(base, 0, 77)
    assert hot.allocate_thread(base, 0, 0) == 77
    assert window.machine["threads_lock"] == 0


def test_a_machine_has_room_for_so_many_jobs_and_says_so(window):
    base, made = window.address, []
    while (k := create_task(base, 0)) >= 0:
        made.append(k)
    assert k == -11 and len(made) == KERNEL_TASK
    assert window.machine["nr_tasks"] == KERNEL_TASK


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=60))
def test_handles_against_a_model(steps):
    with bare_window(memory_bytes=4 << 20) as window:
        base, alive, dead = window.address, {}, set()
        for make, which in steps:
            if make:
                i = hot.allocate_thread(base, 0, 0)
                alive[hot.thread_handle(base, i)] = i
            elif alive:
                handle = sorted(alive)[which % len(alive)]
                hot.free_thread(base, 0, alive.pop(handle))
                dead.add(handle)
        assert len(set(alive.values())) == len(alive), "two living threads share a record"
        assert all(hot.thread_index(base, handle) == i for handle, i in alive.items())
        assert all(hot.thread_index(base, handle) == -1 for handle in dead)


def test_a_new_thread_begins_with_clear_policy_words(window):
    base = window.address
    i = hot.allocate_thread(base, 0, 0)
    window.machine["threads"][i]["policy"][:] = 99
    hot.free_thread(base, 0, i)
    assert hot.allocate_thread(base, 0, 0) == i
    assert not window.machine["threads"][i]["policy"].any()
