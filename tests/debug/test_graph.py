"""Who waits for whom, and the circles, for each kind of lock that tells its holder."""

import numpy as np
import pytest

from emu.abi.registers import TP
from emu.debug.graph import JOIN_BYTES, MUTEXES_OFFSET, TASKS_OFFSET, Wait, Waits, circles, edges, mutex_of
from emu.kernel.thread.states import BLOCKED, SLEEP_FUTEX, SLEEP_SEND, WHERE
from emu.shm.layout import TASK, THREAD


def test_circles_are_found_once_and_chains_into_them_are_not_part():
    waits = {i: Wait(i, "", holder, False) for i, holder in {1: 2, 2: 3, 3: 2, 4: 1, 5: -1, 6: 6, 7: 8}.items()}
    assert [sorted(circle) for circle in circles(waits)] == [[2, 3], [6]]
    assert circles({1: Wait(1, "", 2, False), 2: Wait(2, "", -1, False)}) == []


@pytest.mark.parametrize(
    "way, likely, whats",
    [
        ("kernel", False, {"left": "kernel mutex 1", "right": "kernel mutex 0"}),
        ("mixed", False, {"left": "kernel mutex 0", "right": "PI futex 0x"}),
        ("recursive", True, {"left": "futex 0x", "right": "futex 0x"}),
        ("join", True, {"left": "(pthread_join)", "right": "(pthread_join)"}),
    ],
)
def test_a_deadlock_is_named_with_what_each_waits_for(stuck, way, likely, whats):
    _, inspector = stuck(way)
    graph = edges(inspector)
    found = circles(graph)
    assert [{inspector.name(i) for i in circle} for circle in found] == [{"left", "right"}]
    for i in found[0]:
        assert whats[inspector.name(i)] in graph[i].what and graph[i].likely == likely
    leader = next(i for i in graph if inspector.name(i) == "deadlocks")
    assert inspector.name(graph[leader].holder) == "left" and leader not in found[0], "it waits, and nobody for it"


class Told:
    """An inspector of threads and words that a test makes up. Thread i has tid 100 + i; task 0 has all but thread 9."""

    now_ns, header = staticmethod(lambda: 0), {"address": 0}

    def __init__(self, threads, words=()):
        self.threads, self.alive = np.zeros(16, dtype=THREAD.dtype), list(threads)
        for i, fields in threads.items():
            for name, value in {"where": WHERE.pack(state=BLOCKED, queue=0), **fields}.items():
                self.threads[i][name] = value
        self.words, self.memory = dict(words), self
        self.machine = {"tasks": [None] * 2, "threads": self.threads}

    def word(self, k, address, size):
        return self.words.get(address) if (k, size) == (0, 4) else None

    def thread(self, i):
        return self.threads[i]

    def living(self):
        return self.alive

    def exists(self, i):
        return i in self.alive

    def thread_of_tid(self, tid):
        return tid - 100 if tid - 100 in self.alive else -1

    def task_of(self, i):
        return int(i == 9)

    def title(self, i):
        return f"thread {i}"


LOCK = 0x5000
ON_LOCK = {"sleep": SLEEP_FUTEX, "futex_address": LOCK}
MUSL, GLIBC_WAITED = 0x80000000, 2  # a word's flag, a whole word


@pytest.mark.parametrize(
    "words, holder",
    [
        ({LOCK: MUSL | 102}, 2),
        ({LOCK: 102}, -1),  # without the flag it may be any number
        ({LOCK: MUSL | 101}, -1),  # the waiter itself
        ({LOCK: MUSL | 109}, -1),  # of another task
        ({LOCK: MUSL | 150}, -1),  # of nobody
        ({LOCK: GLIBC_WAITED, LOCK + 8: 102}, 2),
        ({LOCK: GLIBC_WAITED}, -1),
        ({}, -1),  # not in memory
    ],
)
def test_a_futexs_words_name_its_holder_where_they_are_those_of_a_mutex(words, holder):
    found = Waits(Told({1: ON_LOCK, 2: {}, 9: {}}, words)).of(1)
    assert found == Wait(1, f"futex {LOCK:#x}", holder, True)


@pytest.mark.parametrize(
    "word, distance, joined", [(2, 100, True), (2, JOIN_BYTES, True), (2, JOIN_BYTES + 8, False), (7, 100, False)]
)
def test_a_futex_in_a_threads_own_record_is_waited_for_to_join_it(word, distance, joined):
    pointer = np.zeros(33, dtype=np.int64)
    pointer[TP] = LOCK + distance
    found = Waits(Told({1: ON_LOCK, 2: {"x": pointer}}, {LOCK: word})).of(1)
    assert (found.holder, "pthread_join" in found.what) == ((2, True) if joined else (-1, False))


@pytest.mark.parametrize(
    "partner, what", [(2, "send to"), (7, "send to"), (1 << 40, "does not exist"), (-5, "does not")]
)
def test_a_partner_that_is_nobody_holds_nothing(partner, what):
    found = Waits(Told({1: {"sleep": SLEEP_SEND, "partner": partner + 1}, 2: {}})).of(1)
    assert found.holder == (2 if partner == 2 else -1) and what in found.what


def test_a_queue_in_no_task_is_no_mutexs():
    inspector = Told({1: {"wait_queue": TASKS_OFFSET + 2 * TASK.size + MUTEXES_OFFSET}, 2: {}})
    assert mutex_of(inspector, 1) is None
    inspector.threads[1]["wait_queue"] -= TASK.size
    assert mutex_of(inspector, 1) == (1, 0)
    inspector.threads[1]["wait_queue"] -= 2 * TASK.size
    assert mutex_of(inspector, 1) is None, "nor one before the first"
