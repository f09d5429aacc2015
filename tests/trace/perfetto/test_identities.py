"""Numbers of threads and tasks come back in emu; in an exported trace no two have the same."""

import pytest

from emu.limits import SERVER
from emu.trace.perfetto.identities import Identities
from tests.trace.perfetto.parsed import Parsed
from tests.traces import Story


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path / "story.trace")


def life(story, start, thread, generation, task):
    story.add(start, SERVER, "spawn", thread, generation=generation, **spawn_of(task))
    story.add(start + 1, 0, "switch", thread, generation=generation)
    return story.add(start + 2, 0, "exit", thread, generation=generation)


def spawn_of(task):
    return {"a": 0, "b": task}


def test_a_tid_shows_index_and_generation_and_is_never_0(story):
    life(life(life(story, 10, 0, 0, 1), 20, 0, 1, 1), 30, 17, 2, 1)
    threads = Parsed(story.trace()).threads
    assert {tid: name for tid, (name, _) in threads.items() if tid >= 100_000} == {
        100_000: "0#0", 200_000: "0#1", 300_017: "17#2"
    }  # fmt: skip


@pytest.mark.parametrize("index, generation", [(3, 1 << 20), (150_000, 0), (3, (1 << 31) - 1)])
def test_records_used_too_often_for_such_numbers_are_numbered_in_order(story, index, generation):
    life(life(story, 10, 3, 5, 1), 20, index, generation, 1)
    trace = story.trace()
    found = Identities(trace)
    assert found.tids.tolist() == [100_000, 100_001]
    events = trace.of_kind("switch")
    tids = found.tid_of(events).tolist()
    labels = {tid: label for tid, _, label in found.thread_rows()}
    assert [labels[tid] for tid in tids] == ["3#5", f"{index}#{generation}"]


def test_a_task_is_a_process_whose_pid_is_its_first_threads_tid(story):
    life(life(life(story, 10, 1, 0, 7), 20, 2, 0, 7), 30, 3, 0, 8)
    parsed = Parsed(story.trace())
    assert {tid: pid for tid, (_, pid) in parsed.threads.items() if tid >= 100_000} == {
        100_001: 100_001, 100_002: 100_001, 100_003: 100_003
    }  # fmt: skip
    assert parsed.processes[100_001] == "task-7" and parsed.processes[100_003] == "task-8"


def test_a_tasks_number_that_comes_back_is_another_process(story):
    life(story, 10, 1, 0, 7).add(15, SERVER, "reap", a=7)
    life(life(story, 20, 1, 1, 7), 30, 2, 0, 7)
    parsed = Parsed(story.trace())
    assert [parsed.threads[tid][1] for tid in (100_001, 200_001, 100_002)] == [100_001, 200_001, 200_001]


def test_threads_whose_start_is_not_in_the_trace_are_together(story):
    story.add(10, 0, "switch", 4).add(20, 0, "block", 4)
    parsed = Parsed(story.trace())
    assert parsed.processes[parsed.threads[100_004][1]] == "from-before-the-trace"


def test_a_trace_of_nothing_is_exported(story):
    story.rings.clear()
    story.rings[0] = []
    story.add(0, 0, "park")
    assert Parsed(story.trace()).processes == {10: "emu"}
