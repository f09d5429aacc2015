"""Layout of shared records: offsets, alignment, cache lines, and guards declared for all of MACHINE."""

import numpy as np
import pytest

from emu.shm import layout
from emu.shm.layout.declare import CACHE_LINE, i32, i64, i64s, line, many, one, record, u8s

RECORDS = [r for r in vars(layout).values() if hasattr(r, "dtype") and hasattr(r, "fields")]


def test_fields_are_aligned_to_their_size_and_do_not_overlap():
    r = record("R", u8s("bytes", 3), i64("word"), i32("half"), i64s("array", 2))
    assert [r.offset(f) for f in ("bytes", "word", "half", "array")] == [0, 8, 16, 24]
    assert r.size == CACHE_LINE


def test_a_line_break_starts_a_cache_line():
    r = record("R", i64("a"), line("other"), i64("b"))
    assert r.offset("b") == CACHE_LINE and r.size == 2 * CACHE_LINE


def test_a_record_inside_a_record_keeps_its_alignment():
    inner = record("INNER", i64("x"))
    outer = record("OUTER", i64("a"), one("inner", inner), many("row", inner, 3))
    assert outer.offset("inner") == CACHE_LINE and outer.offset("row") == 2 * CACHE_LINE
    assert outer.size == 5 * CACHE_LINE


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two fields have the same name"):
        record("R", i64("a"), i64("a"))


@pytest.mark.parametrize("r", RECORDS, ids=lambda r: r.name)
def test_no_field_overlaps_another(r):
    end = 0
    for name in r.dtype.names:
        kind, offset = r.dtype.fields[name][:2]
        assert offset >= end, name
        end = offset + kind.itemsize
    assert end <= r.size and r.size % r.align == 0


@pytest.mark.parametrize("r", RECORDS, ids=lambda r: r.name)
def test_numba_sees_the_layout_that_numpy_sees(r):
    assert r.numba.size == r.size
    assert all(r.numba.offset(name) == r.offset(name) for name in r.dtype.names)


def line_of(r, field):
    return r.offset(field) // CACHE_LINE


@pytest.mark.parametrize("pair", [("pending", "parked"), ("parked", "tlb_request"), ("tlb_active", "process")])
def test_what_other_cpus_write_is_not_in_the_line_of_what_a_cpu_polls(pair):
    assert line_of(layout.CPU, pair[0]) != line_of(layout.CPU, pair[1])


def test_the_machine_wide_masks_and_locks_have_lines_of_their_own():
    fields = (
        "nr_cpus",
        "active",
        "idle",
        "draining",
        "threads_lock",
        "tasks_lock",
        "frames_lock",
        "server_head",
        "jobs",
    )
    lines = [line_of(layout.MACHINE, f) for f in fields]
    assert len(set(lines)) == len(lines)


def test_threads_queues_and_cpus_begin_on_cache_lines():
    for name in ("threads", "queues", "buckets", "tasks", "cpus"):
        element = layout.MACHINE.dtype[name].base
        assert layout.MACHINE.offset(name) % CACHE_LINE == 0 and element.itemsize % CACHE_LINE == 0


def test_every_lock_guards_something_that_says_so():
    guards = {f.guard for r in RECORDS for f in r.fields.values()}
    assert {"lock", "threads_lock", "tasks_lock", "frames_lock", "mm_lock", "runqueue"} <= guards


def test_registers_come_first_in_a_thread():
    """The interpreter addresses them from the record's start."""
    assert layout.THREAD.offset("x") == 0 and layout.THREAD.offset("pc") == 33 * 8
    assert layout.THREAD.dtype["x"].base == np.int64
