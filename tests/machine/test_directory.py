"""The directory of a machine's sockets: in the first place that will do, and swept wherever it was."""

import os
from pathlib import Path

import psutil
import pytest

from emu.limits import MAX_ACTORS
from emu.machine import directory

LONG = "m" * 70


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A short place that will do, as TMPDIR; sockets have room."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setattr("tempfile.tempdir", short)
        yield Path(short)


def test_a_machine_of_a_user_has_its_sockets_where_the_session_wants_them(place, monkeypatch):
    (place / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "run"))
    assert directory._root().parent == place / "run"


def missing(place):
    return place / "nowhere"


def relative(place):
    os.chdir(place)
    (place / "here").mkdir()
    return "here"


def long(place):
    (place / LONG).mkdir()
    return place / LONG


def a_file(place):
    (place / "file").touch()
    return place / "file"


def not_utf_8(place):
    name = os.fsencode(place) + b"/x\xff"
    os.mkdir(name)
    return os.fsdecode(name)


@pytest.mark.parametrize("kind", [missing, relative, long, a_file, not_utf_8])
def test_a_runtime_directory_that_will_not_do_is_passed_over(kind, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(kind(place)))
    made = directory.make_directory()
    assert made.parent.parent == place and made.stat().st_mode & 0o777 == 0o700
    directory.remove_directory(made)


def test_a_temporary_directory_that_is_too_long_is_passed_over(place, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(long(place)))
    assert directory._root().parent == Path("/tmp")


def test_the_longest_place_that_will_do_has_room_for_every_socket(place):
    longest = directory.PATH_BYTES - directory.NAME_BYTES - len(f"/{directory.PREFIX}{os.getuid()}")
    name = place / ("x" * (longest - len(str(place)) - 1))
    name.mkdir()
    assert directory._will_do(name) and not directory._will_do(Path(f"{name}x"))
    socket = directory._root_in(name) / f"{1 << 22}-1700000000-abcdefgh" / f"wake-{MAX_ACTORS - 1}-{1 << 22}"
    assert len(os.fsencode(socket)) == directory.PATH_BYTES


def test_what_is_left_is_swept_wherever_it_was(place, monkeypatch):
    left = [place / f"emu-{os.getuid()}" / "1-2-dead", place / "run" / f"emu-{os.getuid()}" / "1-2-dead"]
    for each in left:
        each.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "run"))
    assert set(left) <= set(directory.stale_directories())
    directory.sweep()
    assert not any(each.exists() for each in left)


def test_a_root_of_somebody_else_is_refused(place, monkeypatch):
    (place / "mine").mkdir()
    (place / f"emu-{os.getuid()}").symlink_to(place / "mine")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (place / "emu-12345").mkdir()
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        directory.make_directory()


def test_without_proc_there_is_no_machine_in_one_line(place, monkeypatch):
    known = psutil.Process

    def nobody(pid=None):
        if pid is None:
            raise psutil.NoSuchProcess(1)
        return known(pid)  # of a machine that another test has just now

    monkeypatch.setattr(directory.psutil, "Process", nobody)
    with pytest.raises(FileNotFoundError, match="emu needs it: '/proc'"):
        directory.make_directory()
