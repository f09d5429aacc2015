"""The system server's ring: every request is read exactly once."""

from emu.testing.crew import CONTROL_S, LONGEST_S

MODULE, COUNT = "tests.litmus.rings", 300_000


def jobs(workers, writer, count):
    return [("read_requests", (count,))] + [(writer, (count,))] * (workers - 1)


def test_every_request_is_read_once_and_in_its_writers_order(crew, workers):
    run = crew(workers)
    run.run(MODULE, jobs(workers, "write_requests", COUNT // (workers - 1)), bound_s=LONGEST_S)
    assert run.violations == 0
    assert run.results()[0] == COUNT // (workers - 1) * (workers - 1)
    machine = run.machine
    assert machine["server_head"] == machine["server_tail"] == run.results()[0]
    assert not machine["server_ring"].any()


def test_control_a_position_reserved_by_load_and_store_loses_requests(crew):
    run = crew(4)
    run.run(MODULE, jobs(4, "write_requests_badly", 5_000_000), bound_s=CONTROL_S)
    assert run.violations > 0
