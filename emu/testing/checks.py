"""Recomputing indexes from the truth words of a machine at rest, and comparing."""

import numpy as np

from ..kernel.sched.runqueue import QUEUES_LOCK_FREE
from ..kernel.thread.sleep_word import SLEEP_SERVED
from ..kernel.thread.states import BLOCKED, FREE, RUNNABLE, RUNNING, STATE_NAMES, WHERE
from ..kernel.vm.objects import OBJECT_FREE
from ..kernel.vm.pagetable import PPN_SHIFT, RWX, V
from ..limits import MAX_QUEUES, MAX_TASKS, PAGE_SIZE
from .area_checks import check_areas, pages_of
from .container_checks import check_containers
from .file_checks import check_files, frames_of_files
from .held import held_by
from .memory_checks import check_slabs, frames_of_kernel_memory
from .message_checks import check_messages, frames_of_messages
from .save_area_checks import check_save_areas
from .upcall_checks import check_upcalls


def threads_by_queue(machine):
    """{queue: {state name: set of threads}} from the truth words."""
    where = machine["threads"]["where"]
    found = {}
    for i in np.flatnonzero((WHERE.get(where, "state")) != FREE):
        state, queue = WHERE.get(int(where[i]), "state"), WHERE.get(int(where[i]), "queue")
        found.setdefault(queue, {}).setdefault(STATE_NAMES[state], set()).add(int(i))
    return found


def check_queues(machine, policy="inko"):
    """The invariants of kernel/sched, and those of the policy's own order (held.py); nobody may be at work."""
    truth, held, queues = threads_by_queue(machine), held_by(policy), machine["queues"]
    locked = np.flatnonzero(queues["lock"])
    assert not locked.size, f"queues {locked} are locked"
    in_use = set(np.flatnonzero(queues["nr_threads"] | queues["nr_runnable"] | queues["policy"].any(axis=1)).tolist())
    in_use |= {queue for queue in truth if queue < MAX_QUEUES}  # the others: of threads that are on none
    for queue in sorted(in_use | set(range(machine["nr_cpus"]))):
        q, states = queues[queue], truth.get(queue, {})
        listed = held(machine, queue) if queue in in_use else []
        assert len(set(listed)) == len(listed) and set(listed) == states.get("runnable", set()), (
            f"queue {queue} lists {listed}, its runnable threads are {states.get('runnable', set())}"
        )
        assert machine["queue_kind"] == QUEUES_LOCK_FREE or q["nr_runnable"] == len(listed), (
            f"queue {queue}: nr_runnable {q['nr_runnable']}"
        )
        mine = sum(len(s) for name, s in states.items() if name in ("runnable", "running", "blocked"))
        assert q["nr_threads"] == mine, f"queue {queue}: nr_threads {q['nr_threads']}, has {mine}"
        running = states.get("running", set())
        current = int(machine["cpus"]["current"][queue]) if queue < machine["nr_cpus"] else -1
        assert running == ({current} if current >= 0 else set()), f"CPU {queue} runs {current}, not {running}"
    state, sleep = WHERE.get(machine["threads"]["where"], "state"), machine["threads"]["sleep"]
    wrong = np.flatnonzero(((state == RUNNABLE) | (state == RUNNING)) & (sleep != 0))
    assert not wrong.size, f"threads {wrong} are awake with sleep words {sleep[wrong]}"
    lost = np.flatnonzero((state == BLOCKED) & ((sleep == 0) | (sleep < SLEEP_SERVED)))
    assert not lost.size, f"threads {lost} sleep though they were woken"


def check_frames(window, held=()):
    """References of page tables, memory objects, files and `held` frames against FRAME.word and the free list."""
    machine = window.machine
    counted = dict.fromkeys(held, 1) | frames_of_files(window) | frames_of_kernel_memory(machine)
    counted |= frames_of_messages(machine)
    tables = {}
    for o in np.flatnonzero(machine["objects"]["kind"][: int(machine["fresh_object"])] != OBJECT_FREE):
        pages, nodes = pages_of(window, int(o))
        for frame in [*pages.values(), *nodes]:
            counted[frame] = counted.get(frame, 0) + 1
        tables |= nodes
    for k in range(MAX_TASKS):
        if machine["tasks"][k]["state"] and machine["tasks"][k]["root"] >= 0:
            _count_table(window, int(machine["tasks"][k]["root"]), 2, counted, tables)
    nr_frames = int(machine["nr_frames"])
    words = machine["frames"]["word"][:nr_frames] >> 8
    actual = {int(f): int(words[f]) for f in np.flatnonzero(words)}
    assert actual == counted, _difference(actual, counted)
    for table, used in tables.items():
        assert machine["frames"][table]["link"] == used, f"table {table} has {used} entries in use"
    free, frame = 0, int(machine["free_frame"])
    while frame >= 0:
        assert frame not in counted, f"frame {frame} is free and in use"
        free += 1
        frame = int(machine["frames"][frame]["link"])
    assert machine["nr_free_frames"] == free + nr_frames - machine["fresh_frame"] == nr_frames - len(counted)


def _count_table(window, table, level, counted, tables):
    entries = window.memory(table).view(np.int64)
    counted[table] = counted.get(table, 0) + 1
    tables[table] = int(np.count_nonzero(entries))
    for entry in entries[entries != 0].tolist():
        frame = entry >> PPN_SHIFT
        if entry & V and not entry & RWX:
            assert level > 0
            _count_table(window, frame, level - 1, counted, tables)
        elif entry & V:
            assert level == 0
            counted[frame] = counted.get(frame, 0) + 1


def _difference(actual, counted):
    wrong = {f for f in actual.keys() | counted.keys() if actual.get(f) != counted.get(f)}
    return f"references (word, counted): { {f: (actual.get(f), counted.get(f)) for f in sorted(wrong)[:8]} }"


def check_inheritance(machine):
    """Who waits for whose PI futex, from the truth words, against the owners' lists and everybody's priority."""
    threads = machine["threads"]
    waits = {int(i): int(threads[i]["waits_for"]) - 1 for i in np.flatnonzero(threads["waits_for"])}
    for owner in set(waits.values()) | set(np.flatnonzero(threads["first_heir"]).tolist()):
        listed, i = set(), int(threads[owner]["first_heir"]) - 1
        while i >= 0:
            listed.add(i)
            i = int(threads[i]["next_heir"]) - 1
        assert listed == {i for i, other in waits.items() if other == owner}, f"thread {owner} lists {listed}"
    used = np.flatnonzero(threads["realtime"] | threads["own_realtime"])
    for i in {*used.tolist(), *waits.values()}:
        heirs = [int(threads[k]["realtime"]) for k, owner in waits.items() if owner == i]
        right = max(heirs + [int(threads[i]["own_realtime"])])
        assert threads[i]["realtime"] == right, f"thread {i} has priority {threads[i]['realtime']}, not {right}"


def check_machine(window, policy="inko", held_frames=()):
    """Everything that can be recomputed from the truth words of a machine at rest, against its indexes.

    `window`: its shared memory (Machine.window, Crew.window); `policy`: the name or file that it runs; `held_frames`:
    frames that somebody holds outside of page tables.  AssertionError names the first index that is wrong.
    """
    check_queues(window.machine, policy)
    check_areas(window)
    check_frames(window, held_frames)
    check_files(window)
    check_messages(window)
    check_slabs(window)
    check_containers(window)
    check_upcalls(window)
    check_save_areas(window.machine)


assert PAGE_SIZE == 512 * 8
