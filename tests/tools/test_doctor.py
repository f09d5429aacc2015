"""`emu doctor` tells of each thing that a host may refuse, and what comes of it."""

import os
import resource

import pytest
from click.testing import CliRunner

from emu.commands.doctor import NOTE, OK, PROBLEM, _cache, _cores, _limits, _memory, _sockets, doctor
from emu.hot import cache
from emu.machine import directory
from emu.shm import segment


def states(rows):
    return {(state, what) for state, what, *_ in rows}


def denied(*arguments):
    raise PermissionError(1, "Operation not permitted")


def test_this_host_can_run_emu():
    done = CliRunner().invoke(doctor)
    assert done.exit_code == 0, done.output
    assert "consequence" in done.output and PROBLEM not in done.output
    for what in ("host", "cores", "memory", "window", "limits", "sockets", "compile cache", "guests", "C compiler"):
        assert what in done.output


def test_cores_that_cannot_be_chosen(monkeypatch):
    monkeypatch.setattr(os, "sched_setaffinity", denied)
    assert (NOTE, "pinning") in states(_cores())


def test_memfd_that_is_refused_and_no_shared_memory_beside_it(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "memfd_create", denied)
    assert {(NOTE, "shared memory"), (OK, "window")} <= states(_memory())
    monkeypatch.setattr(segment, "SHARED", str(tmp_path / "nowhere"))
    assert (PROBLEM, "window") in states(_memory())


def test_limits_that_are_low(monkeypatch):
    assert states(_limits()) == {(OK, "limits")}
    monkeypatch.setattr(resource, "getrlimit", lambda number: (50, 50))
    assert states(_limits()) == {
        (NOTE, "open files (ulimit -n)"), (NOTE, "file size (ulimit -f)"), (NOTE, "address space (ulimit -v)")
    }  # fmt: skip


def test_no_place_for_sockets(monkeypatch, tmp_path):
    monkeypatch.setattr(directory, "_places", lambda: [tmp_path / "nowhere"])
    assert states(_sockets()) == {(PROBLEM, "sockets")}


@pytest.mark.parametrize("complete", [False, True])
def test_a_cache_that_cannot_be_written(monkeypatch, complete):
    monkeypatch.setattr(cache, "store", denied)
    monkeypatch.setattr(cache, "objects", lambda: [["folder", "symbol"]] if complete else [])
    monkeypatch.setattr(cache, "damaged", lambda: [])
    assert (NOTE if complete else PROBLEM, "compile cache") in states(_cache())
