"""Rings of events between processes: each event arrives whole, once, in order, or is counted as lost."""

from emu.limits import EVENT_RING
from emu.testing.crew import CONTROL_S, LINE, LONGEST_S
from tests.litmus.eventrings import DROPPED, NEXT

MODULE, COUNT = "tests.litmus.eventrings", 3_000_000


def jobs(workers, writer, count):
    return [("read_events", (count,))] + [(writer, (count,))] * (workers - 1)


def test_every_event_is_read_whole_and_in_order_or_counted_as_lost(crew, workers):
    run = crew(workers)
    run.run(MODULE, jobs(workers, "write_events", COUNT), bound_s=LONGEST_S)
    assert run.violations == 0
    assert run.results()[0] > 100_000, "too few events to mean anything"
    for writer in range(1, workers):
        c = run.machine["cpus"][writer]
        told = int(run.words[DROPPED + writer * LINE])
        assert c["events_head"] == c["events_tail"]
        assert told == c["events_lost"] - c["losing"], "but for those at the very end"
        assert run.words[NEXT + writer * LINE] + c["losing"] > 0


def test_no_event_is_lost_where_writers_wait_for_their_reader(crew, workers):
    run = crew(workers)
    run.run(MODULE, jobs(workers, "write_events_and_wait", 50 * EVENT_RING), bound_s=LONGEST_S)
    assert run.violations == 0 and not run.machine["cpus"]["events_lost"].any()
    assert run.results()[0] == 50 * EVENT_RING * (workers - 1)


def test_control_a_slot_published_before_it_is_written_is_read_too_early(crew):
    run = crew(2)
    run.run(MODULE, jobs(2, "write_events_badly", 1 << 40), bound_s=CONTROL_S)
    assert run.violations > 0
