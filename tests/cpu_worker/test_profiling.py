"""Samples for a profile: what a table holds, and that nothing is lost silently."""

import pytest

from emu.cpu_worker import profiling
from emu.cpu_worker.profiling import PLACE
from emu.hot import entry
from emu.limits import PROFILE_PLACES
from emu.shm.layout import machine_at

CPU = 1


@entry(1)
def note(address):
    profiling._note(machine_at(address).profiles[CPU])
    return 0


@entry(3)
def sample(address, me, i):
    return profiling.sample(machine_at(address), me, i)


def take(window, target, block=0x1000, block_at=0, program=1, x1=7):
    record = window.machine["profiles"][CPU]
    for name, value in {"target": target, "block": block, "block_at": block_at, "program": program, "x1": x1}.items():
        record[name] = value
    note(window.address)


def taken(window):
    places = window.machine["profiles"][CPU]["places"]
    return sorted(places[places["samples"] > 0].tolist())


def test_a_sample_stands_for_what_was_retired_since_the_last_one(window):
    take(window, 1000, block_at=998)
    take(window, 1500, block_at=1498)
    take(window, 1600, block_at=1597)
    take(window, 1700, block_at=1698, program=2)
    two, three = PLACE.pack(skipped=2, program=1), PLACE.pack(skipped=3, program=1)
    assert taken(window) == [
        (1, 100, 0x1000, three, 7),
        (1, 100, 0x1000, PLACE.pack(skipped=2, program=2), 7),
        (2, 1500, 0x1000, two, 7),
    ]


def test_what_finds_no_room_is_counted(window):
    record = window.machine["profiles"][CPU]
    record["places"]["samples"], record["places"]["block"] = 1, -1
    take(window, 250)
    take(window, 1000)
    assert (int(record["lost_samples"]), int(record["lost_instructions"])) == (2, 1000)
    assert int(record["places"]["samples"].sum()) == PROFILE_PLACES


def run(window, instructions, pc=0):
    """Thread 0 has retired so many instructions on the CPU, and is at a pc."""
    m = window.machine
    m["cpus"][CPU]["instructions"] = m["threads"][0]["instructions"] = instructions
    m["threads"][0]["pc"] = pc
    return sample(window.address, CPU, 0)


def arrive(window):
    """Up to the first block of a sample: the count at which that begins."""
    assert not run(window, 0)
    at = int(window.machine["cpus"][CPU]["tick_at"])
    assert 0 < at <= profiling.JITTER
    assert not run(window, at, pc=0x2000)
    assert window.machine["cpus"][CPU]["tick_at"] == at + 1
    return at


def test_the_block_that_holds_the_sought_instruction_is_noted(window):
    at = arrive(window)
    assert not run(window, at + profiling.MARGIN, pc=0x3000), "the sought one is the next"
    assert run(window, at + profiling.MARGIN + 5, pc=0x4000), "now the tick's other work is due"
    [(count, instructions, block, where, _)] = taken(window)
    assert (count, instructions, block) == (1, at + profiling.MARGIN, 0x3000)
    assert PLACE.get(where, "skipped") == 0


def test_a_long_block_is_passed_before_the_sought_instruction(window):
    run(window, 0)
    at = int(window.machine["cpus"][CPU]["tick_at"])
    assert not run(window, at + 2 * profiling.MARGIN, pc=0x2000)
    assert not run(window, at + 8 * profiling.MARGIN, pc=0x3000)
    assert run(window, at + 8 * profiling.MARGIN + 1, pc=0x4000)
    assert [row[2] for row in taken(window)] == [0x3000]


@pytest.mark.parametrize("what", ["generation", "instructions"])
def test_a_block_that_another_thread_ran_is_no_sample(window, what):
    at = arrive(window)
    window.machine["cpus"][CPU]["instructions"] = at + 1000
    window.machine["threads"][0]["instructions"] = at + 1000
    window.machine["threads"][0][what] += 1
    assert sample(window.address, CPU, 1) and taken(window) == []
    assert window.machine["profiles"][CPU]["counted"] == 0, "the next sample stands for these too"
