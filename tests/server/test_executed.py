"""Programs by number: the same one has one number, whatever its name may be, and guests cannot have too many."""

import os

import pytest

from emu.server import executed
from emu.server.executed import Executed


@pytest.fixture
def programs(tmp_path):
    return Executed(str(tmp_path), profiling=True)


def test_a_path_and_its_bytes_are_one_number(programs, tmp_path):
    assert programs.spawned("/bin/a", b"/host/a") == programs.spawned("/bin/a", b"/host/a") == 1
    assert [programs.executed("/tmp/a", b"one"), programs.executed("/tmp/a", b"two")] == [2, 3]
    assert [programs.executed("/tmp/a", b"one"), programs.executed("/tmp/b", b"one")] == [2, 4]
    paths, files = zip(*programs.programs(), strict=True)
    assert paths == (b"/bin/a", b"/tmp/a", b"/tmp/a", b"/tmp/b") and files[0] == b"/host/a"
    assert [open_bytes(file) for file in files[1:]] == [b"one", b"two", b"one"]


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def test_names_may_be_any_bytes(programs):
    name = b"/tmp/\xff\x1b[2J\n"
    programs.executed(os.fsdecode(name), b"")
    programs.spawned("/bin/x", name)
    assert [programs.programs()[0][0], programs.programs()[1][1]] == [name, name]


def test_without_profile_nothing_is_kept(tmp_path):
    programs = Executed(str(tmp_path), profiling=False)
    assert programs.executed("/tmp/a", b"one") == programs.spawned("/bin/a", b"/host/a") == 0
    assert programs.programs() == [] and not list(tmp_path.iterdir())


def test_guests_have_a_limited_number_and_files_of_limited_size(programs, monkeypatch, tmp_path):
    monkeypatch.setattr(executed, "MAX_PROGRAMS", 4)
    monkeypatch.setattr(executed, "MAX_KEPT_BYTES", 10)
    assert [programs.executed(f"/{k}", bytes(4)) for k in range(6)] == [1, 2, 3, 4, 0, 0]
    assert [file != b"" for _, file in programs.programs()] == [True, True, False, False]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 8


def test_a_directory_that_takes_no_more_costs_the_file_only(tmp_path):
    programs = Executed(str(tmp_path / "gone"), profiling=True)
    assert programs.executed("/tmp/a", b"one") == 1 and programs.programs() == [[b"/tmp/a", b""]]
