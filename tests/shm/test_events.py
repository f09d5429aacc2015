"""The event ring by itself: room, order, losses, and what a record says."""

import numpy as np
import pytest

from emu.limits import EVENT_RING
from emu.shm.events import EVENTS, LOST, NO_THREAD, POLICY, copy_events
from emu.trace.file import RECORD
from tests.shm.wrappers import emit_many, emit_one


@pytest.fixture
def ring(window):
    """Actor 0's ring: `emit(first number, count)`, `take()` the records, `.cpu`."""

    class Ring:
        cpu = window.machine["cpus"][0]
        buffer = np.empty(EVENT_RING, dtype=RECORD)

        def emit(self, first, count):
            emit_many(window.address, 0, first, count)

        def take(self):
            return self.buffer[: copy_events(window.address, 0, self.buffer.ctypes.data)].copy()

    window.machine["tracing"] = 1
    return Ring()


def test_nothing_is_recorded_while_nobody_traces(window, ring):
    window.machine["tracing"] = 0
    ring.emit(0, 10)
    assert len(ring.take()) == 0 and ring.cpu["events_head"] == 0


def test_events_come_in_order_across_the_end_of_the_ring(ring):
    emitted = 0
    for count in (100, EVENT_RING - 50, 7, EVENT_RING, 0, 1):
        ring.emit(emitted, count)
        taken = ring.take()
        assert taken["a"].tolist() == list(range(emitted, emitted + count))
        assert taken["time_ns"].tolist() == [2 * n for n in taken["a"].tolist()]
        emitted += count
    assert ring.cpu["events_lost"] == 0


def test_a_full_ring_drops_the_newest_and_then_says_how_many_and_when(ring):
    ring.emit(0, EVENT_RING + 30)
    assert (ring.cpu["events_lost"], ring.cpu["losing"]) == (30, 30)
    assert ring.take()["a"].tolist() == list(range(EVENT_RING))
    ring.emit(5000, 2)
    lost, *others = ring.take()
    assert lost["word"] == LOST | (NO_THREAD << 8) and lost["a"] == 30
    assert lost["time_ns"] == 2 * (EVENT_RING + 29) and lost["b"] == 2 * 29
    assert [int(event["a"]) for event in others] == [5000, 5001]
    assert (ring.cpu["events_lost"], ring.cpu["losing"]) == (30, 0)


def test_a_loss_and_an_event_need_two_slots(window, ring):
    ring.emit(0, EVENT_RING + 1)
    ring.cpu["events_tail"] = 1  # a reader that took one
    ring.emit(9, 1)
    assert ring.cpu["events_lost"] == 2, "one slot alone would take the loss and not the event"
    ring.cpu["events_tail"] = 2
    ring.emit(10, 1)
    assert ring.cpu["events_lost"] == 2 and ring.cpu["events_head"] == EVENT_RING + 2


def test_an_event_names_kind_thread_and_generation(window, ring):
    window.machine["threads"][7]["generation"] = 3
    emit_one(window.address, 0, 7)
    emit_one(window.address, 0, -1)
    about, alone = ring.take()
    assert about["word"] == POLICY | (7 << 8) | (3 << 32)
    assert alone["word"] == POLICY | (NO_THREAD << 8)
    assert alone["time_ns"] >= about["time_ns"] > 0, "the clock's time"


def test_kinds_are_numbered_in_order_and_fit_their_byte():
    assert [kind.number for kind in EVENTS] == list(range(len(EVENTS)))
    assert len({kind.name for kind in EVENTS}) == len(EVENTS) < 256
    assert all(kind.doc for kind in EVENTS)
