"""Figures of a workload: histograms, fairness, and reading what the guest wrote."""

import pytest

from emu import MachineError
from emu.workload.result import Group, Histogram, ThreadResult, bucket_bounds, jain, parse_result
from emu.workload.run import medians


def test_buckets_follow_one_another_and_are_an_eighth_wide():
    end = 0
    for index in range(488):
        first, next_end = bucket_bounds(index)
        assert first == end and next_end > first
        assert first < 8 or (next_end - first) / first <= 1 / 8
        end = next_end
    assert end > 1 << 62


def test_percentiles_lie_in_the_bucket_of_the_value():
    h = Histogram({0: 50, 100: 49, 200: 1}, 0, bucket_bounds(200)[0])
    assert h.percentile(0.5) == 0
    low, high = bucket_bounds(100)
    assert low <= h.percentile(0.51) < high and low <= h.percentile(0.99) < high
    assert h.percentile(1) == bucket_bounds(200)[0]  # never above the greatest
    assert Histogram().percentile(0.5) is None


def test_jain_index():
    assert jain([3, 3, 3]) == pytest.approx(1)
    assert jain([1, 0, 0, 0]) == pytest.approx(1 / 4)
    assert jain([0, 0]) is None


def thread(cpu_ns, alive_ns):
    return ThreadResult(1, 0, cpu_ns, alive_ns, 0, 1, False)


def test_fairness_is_of_cpu_time_per_time_alive():
    assert Group("a", [thread(50, 100), thread(100, 200)]).fairness == pytest.approx(1)
    assert Group("a", [thread(100, 100), thread(1, 100)]).fairness < 0.55
    assert Group("a", [thread(100, 100)]).fairness is None


def test_result_is_read_into_groups():
    text = (
        "makespan 2000000000\nrefused 1 22\n"
        "thread 1 10 500000 1000000 4000000 3 1 0\nlatency 0 30 20 8 2\nlatency 4 7 7 7 1\n"
        "thread 1 12 1000000 2000000 4000000 0 2 1\nthread 0 1 0 0 10 0 1 0\nend\n"
    )
    result = parse_result(text, ["boss", "worker", "never"])
    boss, worker, never = result.groups
    assert result.makespan_ns == 2_000_000_000 and result.work_ms == 3 and result.throughput == 1.5
    assert len(worker.threads) == 2 and worker.total("iterations") == 22 and worker.total("lives") == 3
    assert not worker.threads[0].running and worker.threads[1].running
    assert worker.latency().buckets == {8: 2}  # a lock is no wake-up
    assert worker.latency(("lock",)).buckets == {7: 1}
    assert result.warnings == ["the machine refuses real-time priorities (error 22): run without"]
    assert never.threads == [] and boss.fairness is None
    assert result.to_dict()["groups"][1]["threads"][1]["lives"] == 2


@pytest.mark.parametrize("text", ["", "makespan 5\n", "makespan 5\nthread 0 1 1 1 1 1 1 0"])
def test_an_incomplete_result_is_an_error(text):
    with pytest.raises(MachineError, match="incomplete"):
        parse_result(text, ["a"])


def test_medians_leave_out_what_a_round_has_none_of():
    assert medians([{"a": 1, "b": None}, {"a": 5, "b": 3}, {"a": 3, "b": None}]) == {"a": 3, "b": 3}
    assert medians([{"b": None}]) == {"b": None}
