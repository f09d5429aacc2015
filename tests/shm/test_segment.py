"""The window: the same address in every process, no trace when it is gone, clear errors."""

import errno
import gc
import os
from pathlib import Path

import pytest

from emu.limits import DECODED_OFFSET, MIB, RAM_OFFSET, WINDOW_BYTES, WINDOW_COUNT, WINDOW_FIRST
from emu.machine.children import Descriptor, start_function
from emu.shm import segment
from emu.shm.segment import Window, WindowError


def mappings():
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:emu-" in line]


def descriptors():
    return set(os.listdir("/proc/self/fd"))


def answer(address, memory_bytes, passed):
    """In a child: map the window where its creator has it, and write where only shared memory reaches."""
    window = Window(address, memory_bytes, [d.detach() for d in passed])
    window.machine["seed"] = int(window.machine["seed"]) + 1
    window.memory(3)[7] = 42
    window.destroy()


def test_two_processes_share_one_window_at_one_address(warm):
    window = Window.create(4 * MIB)
    try:
        window.machine["seed"] = 41
        child = start_function("mapper", answer, window.address, 4 * MIB, [Descriptor(d) for d in window.descriptors])
        child.join(30)
        assert child.exitcode == 0
        assert window.machine["seed"] == 42 and window.memory(3)[7] == 42
    finally:
        window.destroy()


def test_destroy_leaves_no_mapping_and_no_descriptor():
    mapped, opened = mappings(), descriptors()
    window = Window.create(4 * MIB)
    assert len(mappings()) >= len(mapped) + 3
    window.destroy()
    assert mappings() == mapped and descriptors() == opened
    window.destroy()  # twice is no error


def test_segments_have_no_name_in_the_file_system():
    window = Window.create(4 * MIB)
    try:
        assert all("(deleted)" in line for line in mappings())
    finally:
        window.destroy()


def test_fresh_memory_is_zero_and_costs_nothing():
    window = Window.create(1024 * MIB)
    try:
        assert window.memory(200_000)[:8].sum() == 0
        blocks = sum(os.fstat(d).st_blocks for d in window.descriptors)
        assert blocks * 512 < 1 * MIB
    finally:
        window.destroy()


def test_the_parts_of_a_window_lie_at_their_offsets():
    window = Window.create(4 * MIB)
    try:
        assert (window.address - WINDOW_FIRST) % WINDOW_BYTES == 0
        starts = {int(line.split("-")[0], 16) for line in mappings()}
        assert {window.address, window.address + RAM_OFFSET, window.address + DECODED_OFFSET} <= starts
    finally:
        window.destroy()


def test_machines_of_one_process_get_different_windows_and_the_last_one_too_many_is_told():
    windows, opened = [], descriptors()
    try:
        while True:
            try:
                windows.append(Window.create(4 * MIB))
            except WindowError as error:
                assert error.errno == errno.ENOMEM and "close a machine" in str(error)
                assert str(WINDOW_COUNT) in str(error)
                break
        assert len({w.address for w in windows}) == len(windows) <= WINDOW_COUNT
    finally:
        for window in windows:
            window.destroy()
    assert descriptors() == opened, "the failed attempt kept its descriptors"


def test_an_address_that_is_taken_is_an_error_and_maps_nothing():
    window = Window.create(4 * MIB)
    mapped = mappings()
    try:
        with pytest.raises(WindowError, match="cannot map shared memory"):
            Window(window.address, 4 * MIB, window.descriptors)
        assert mappings() == mapped
    finally:
        window.destroy()


def test_a_window_that_cannot_be_mapped_leaves_no_descriptor(monkeypatch):
    opened = descriptors()
    monkeypatch.setattr(segment, "_map", lambda *arguments: errno.EPERM)
    with pytest.raises(WindowError) as caught:
        Window.create(4 * MIB)
    assert caught.value.errno == errno.EPERM
    assert descriptors() == opened


def test_views_of_a_destroyed_window_read_zeros_and_its_place_is_free_when_they_are_gone():
    window = Window.create(4 * MIB)
    address, record, memory = window.address, window.machine, window.memory(0)
    record["seed"], memory[7] = 5, 6
    window.destroy()
    window.close()  # once is enough
    assert (int(record["seed"]), int(memory[7])) == (0, 0)
    other = Window.create(4 * MIB)
    assert other.address != address
    other.destroy()
    del record, memory
    again = Window.create(4 * MIB)
    assert again.address == address
    again.destroy()


def refuse(name, flags=0):
    raise OSError(errno.ENOSYS, "Function not implemented")


def test_views_in_garbage_take_no_windows():
    gc.disable()
    try:
        for _ in range(2 * WINDOW_COUNT):
            window = Window.create(4 * MIB)
            cycle = [window.memory(0)]
            cycle.append(cycle)
            window.destroy()
    finally:
        gc.enable()


def test_without_memfd_segments_are_nameless_files_in_shared_memory(monkeypatch):
    monkeypatch.setattr(os, "memfd_create", refuse)
    before, opened = set(os.listdir(segment.SHARED)), descriptors()
    window = Window.create(4 * MIB)
    try:
        window.memory(3)[7] = 42
        assert bytes(os.pread(window.descriptors[1], 1, 3 * 4096 + 7)) == b"\x2a"
        assert set(os.listdir(segment.SHARED)) == before, "killed now, it leaves nothing behind"
    finally:
        window.destroy()
    assert descriptors() == opened


def test_without_memfd_and_shared_memory_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "memfd_create", refuse)
    monkeypatch.setattr(segment, "SHARED", str(tmp_path / "nowhere"))
    opened = descriptors()
    with pytest.raises(WindowError, match="memfd is refused .Function not implemented., and .*nowhere too"):
        Window.create(4 * MIB)
    assert descriptors() == opened


def test_a_full_shared_memory_is_told_before_it_is_touched(monkeypatch):
    monkeypatch.setattr(os, "memfd_create", refuse)
    monkeypatch.setattr(segment, "LEAST_ROOM", 1 << 60)
    monkeypatch.setattr(segment, "_sizes", lambda memory_bytes: ((0, 1 << 61),) * 3)
    opened = descriptors()
    with pytest.raises(WindowError, match="MiB free"):
        Window.create(4 * MIB)
    assert descriptors() == opened


def test_a_limit_on_the_size_of_files_is_named():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(WindowError, match="ulimit -f"):
            Window.create(4 * MIB)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
