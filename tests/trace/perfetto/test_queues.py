"""How many threads wait on each queue: what an exported trace says, and what a plain reader counts."""

import random

import pytest

from emu.limits import SERVER
from emu.shm.events import CAME_FROM, PLACED, WOKEN
from emu.trace.perfetto import export
from tests.trace.perfetto.parsed import Parsed
from tests.traces import Story

CPUS = 3


def made_up(path, seed):
    """(a story, {queue: [(ns, how many wait)]}) of threads that do what threads may do."""
    chance, story = random.Random(seed), Story(path, cpus=CPUS)
    waits, sleeps, runs, lengths, found = {}, {}, {}, [0] * CPUS, {}
    time_us = 10

    def step(queue, by):
        lengths[queue] += by
        found.setdefault(f"CPU {queue} queue", []).append((time_us * 1000, lengths[queue]))

    for thread in range(6):
        queue = chance.randrange(CPUS)
        time_us += 1
        story.add(time_us, SERVER, "spawn", thread, PLACED.pack(queue=queue), 5)
        waits[thread] = queue
        step(queue, 1)
    for _ in range(300):
        time_us += 1
        cpu = chance.randrange(CPUS)
        what = chance.choice(("switch", "preempt", "block", "wake", "migrate", "migrate"))
        mine = sorted(t for t, queue in waits.items() if queue == cpu)
        if what == "switch" and cpu not in runs and mine:
            runs[cpu] = chance.choice(mine)
            del waits[runs[cpu]]
            story.add(time_us, cpu, "switch", runs[cpu], b=cpu)
            step(cpu, -1)
        elif what in ("preempt", "block") and cpu in runs:
            thread = runs.pop(cpu)
            story.add(time_us, cpu, what, thread)
            (waits if what == "preempt" else sleeps)[thread] = cpu
            if what == "preempt":
                step(cpu, 1)
        elif what == "wake" and sleeps:
            thread = chance.choice(sorted(sleeps))
            story.add(time_us, cpu, "wake", thread, PLACED.pack(queue=cpu), WOKEN.pack(old_queue=sleeps.pop(thread)))
            waits[thread] = cpu
            step(cpu, 1)
        elif what == "migrate" and (waits or sleeps):
            thread = chance.choice(sorted(waits | sleeps))
            where = waits if thread in waits else sleeps
            story.add(time_us, SERVER, "migrate", thread, cpu, CAME_FROM.pack(old_queue=where[thread]))
            if thread in waits:
                step(where[thread], -1)
                step(cpu, 1)
            where[thread] = cpu
    return story, found


@pytest.mark.parametrize("length", [1, 7, 1000])
def test_the_counters_are_what_a_plain_reader_counts(tmp_path, seed, monkeypatch, length):
    monkeypatch.setattr(export, "CHUNK_EVENTS", length)
    story, found = made_up(tmp_path / "story.trace", seed)
    assert dict(Parsed(story.trace()).counters) == found


def test_a_queue_whose_threads_came_before_the_trace_is_never_below_zero(tmp_path):
    story = Story(tmp_path / "story.trace").add(10, 0, "switch", 1, b=0).add(20, 0, "switch", 2, b=0)
    assert Parsed(story.trace()).counters["CPU 0 queue"] == [(10_000, 0), (20_000, 0)]
