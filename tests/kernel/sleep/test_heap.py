"""The heap of time-outs against a naive oracle: order, stale entries, compaction (inko-3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.kernel.sleep.heap import NEVER
from emu.kernel.thread.states import SLEEP_TIME, SLEEP_TIMED
from emu.limits import COMPACT_PERCENT
from emu.testing.bare import bare_window
from tests.kernel import wrappers as hot

pytestmark = pytest.mark.system("inko-3")
THREADS = 40
SLEEP = SLEEP_TIME | SLEEP_TIMED


class Heap:
    """The heap in shared memory, and what it should hold: a list of (deadline, thread, word)."""

    def __init__(self, window):
        self.base, self.machine = window.address, window.machine
        self.threads = self.machine["threads"]
        self.machine["nr_timeouts"] = self.machine["stale_timeouts"] = 0
        self.threads["sleep"] = 0
        self.expected = []
        self.sequence = 0

    def address(self, i):
        return int(self.threads[i : i + 1]["sleep"].ctypes.data)

    def sleep(self, i, deadline_ns):
        """Thread i falls asleep, from whatever it did, with a time-out."""
        self.wake(i)
        self.sequence += 1
        word = self.sequence << 8 | SLEEP
        self.threads[i]["sleep"] = word
        hot.add_entry(self.base, deadline_ns, self.address(i), word, i)
        self.expected.append((deadline_ns, i, word))

    def wake(self, i):
        word = int(self.threads[i]["sleep"])
        if word:
            self.threads[i]["sleep"] = 0
            hot.count_stale(self.base, word)

    def valid(self):
        return [e for e in self.expected if int(self.threads[e[1]]["sleep"]) == e[2]]

    def entries(self):
        """What the heap holds; checked: no entry is earlier than its parent, and the count of stale ones."""
        e = self.machine["timeouts"][: int(self.machine["nr_timeouts"])]
        found = list(zip(e["deadline_ns"].tolist(), e["thread"].tolist(), e["word"].tolist(), strict=True))
        for k in range(1, len(found)):
            assert found[(k - 1) // 2][0] <= found[k][0], f"entry {k} is earlier than its parent"
        assert set(self.valid()) <= set(found) <= set(self.expected), "an entry was lost or made up"
        assert self.machine["stale_timeouts"] == len(found) - len(self.valid())
        return found

    def take_first(self):
        """The earliest valid deadline leaves the heap; None when there is none."""
        deadline_ns = hot.next_deadline(self.base)
        valid = self.valid()
        assert deadline_ns == (min(valid)[0] if valid else NEVER)
        if not valid:
            return None
        first = self.entries()[0]
        assert first in valid and first[0] == deadline_ns
        hot.remove_first(self.base)
        self.expected.remove(first)
        self.threads[first[1]]["sleep"] = 0  # by its time-out, which is no stale one
        return first


@pytest.fixture
def heap(window):
    return Heap(window)


thread = st.integers(0, THREADS - 1)
step = st.one_of(
    st.tuples(st.just("sleep"), thread, st.integers(1, 60)),
    st.tuples(st.just("wake"), thread),
    st.tuples(st.just("take_first")),
    st.tuples(st.just("compact")),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(step, max_size=120))
def test_any_use_is_as_that_of_a_list(steps, any_heap):
    heap = Heap(any_heap)
    for name, *arguments in steps:
        if name == "compact":
            stale = len(heap.entries()) - len(heap.valid())
            assert hot.compact(heap.base) == stale
            assert sorted(heap.entries()) == sorted(heap.valid()), "a compacted heap holds what is valid"
        else:
            getattr(heap, name)(*arguments)
            heap.entries()
    taken = []
    while first := heap.take_first():
        taken.append(first[0])
    assert taken == sorted(taken) and heap.machine["nr_timeouts"] == 0 == heap.machine["stale_timeouts"]


@pytest.fixture(scope="module")
def any_heap():
    with bare_window() as window:
        yield window


def test_a_wake_up_changes_the_sleep_word_and_one_count(heap):
    """ "its entry in the heap is marked as invalid instead of being removed … a constant time operation" """
    for i in range(30):
        heap.sleep(i, 50 + i)
    before = heap.machine["timeouts"][:30].copy()
    word = int(heap.threads[0]["sleep"])
    assert hot.claim_sleep(heap.base, 0, word) == 1
    hot.count_stale(heap.base, word)
    assert (heap.machine["timeouts"][:30] == before).all() and heap.machine["nr_timeouts"] == 30
    assert heap.machine["stale_timeouts"] == 1
    assert hot.next_deadline(heap.base) == 51 and heap.machine["stale_timeouts"] == 0


def test_a_later_sleep_of_the_same_thread_is_not_ended_by_the_earlier_ones_entry(heap):
    heap.sleep(3, 10)
    heap.sleep(3, 20)
    assert heap.take_first() == (20, 3, heap.sequence << 8 | SLEEP)


def test_a_sleep_without_time_out_counts_nothing_stale(heap):
    hot.count_stale(heap.base, 1 << 8 | SLEEP_TIME)
    assert heap.machine["stale_timeouts"] == 0


@pytest.mark.parametrize("percent", [COMPACT_PERCENT, 50])
def test_the_heap_is_fragmented_when_more_than_the_set_fraction_is_invalid(heap, percent):
    """ "To combat fragmentation, the timeout thread will periodically remove invalid entries from the heap." """
    heap.machine["compact_percent"] = percent
    for i in range(100):
        heap.sleep(i, 1000 - i)
    for i in range(percent):
        heap.wake(i)
        assert hot.is_fragmented(heap.base) == 0, f"{i + 1} of 100"
    heap.wake(percent)
    assert hot.is_fragmented(heap.base) == 1
    assert hot.compact(heap.base) == percent + 1
    assert len(heap.entries()) == 99 - percent and hot.is_fragmented(heap.base) == 0


def test_equal_deadlines_all_come_out(heap):
    for i in range(20):
        heap.sleep(i, 7)
    assert {heap.take_first()[1] for _ in range(20)} == set(range(20))
    assert heap.take_first() is None
