"""Attaching: which machines are found, what is refused, and what stays when the machine ends."""

import gc
import os

import msgpack
import pytest

from emu import MachineError
from emu.debug import attach as attaching
from emu.debug.attach import attach, attach_to, find, running
from emu.machine.description import FILE, read_description


def test_a_machine_is_found_by_its_supervisor_while_it_runs(boot):
    with boot(2, seed=5) as machine:
        assert os.getpid() in {found.pid for found in running()}  # others may run beside
        inspector = attach(os.getpid())
        assert (inspector.header["seed"], inspector.nr_cpus(), inspector.header["policy"]) == (5, 2, "inko")
        assert int(inspector.machine["made_ns"]) == int(machine.window.machine["made_ns"])
        assert inspector.machine.base is not machine.window.machine.base, "a mapping of its own"
        with pytest.raises(ValueError, match="read-only"):
            inspector.machine["failed"] = 1
    assert os.getpid() not in {found.pid for found in running()}
    assert int(inspector.machine["nr_cpus"]) == 2, "what was mapped stays until nobody looks any more"
    del inspector
    gc.collect()


def refusal(call, *arguments):
    with pytest.raises(MachineError) as raised:
        call(*arguments)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_who_is_no_machine_is_told_from_whose_it_is(monkeypatch):
    assert "is no supervisor of a machine" in refusal(find, os.getpid())
    assert "there is none" in refusal(find, 1 << 22)
    assert "there is none" in refusal(find, 1 << 80)
    monkeypatch.setattr(attaching, "_owner", lambda pid: os.getuid() + 1)
    assert f"belongs to user {os.getuid() + 1}, and only that one may look" in refusal(find, 1)


def test_without_a_number_it_is_the_only_machine(monkeypatch):
    machines = [attaching.Running(7, None, {"made_ns": 1}), attaching.Running(8, None, {"made_ns": 2})]
    monkeypatch.setattr(attaching, "running", lambda: machines[:1])
    assert find().pid == 7
    monkeypatch.setattr(attaching, "running", lambda: machines)
    assert "2 machines are running: say which one, by its process id (7, 8; emu ps)" in refusal(find)
    assert find(8).pid == 8
    monkeypatch.setattr(attaching, "running", list)
    assert "no machine is running" in refusal(find)


def test_a_machine_of_another_version_or_that_has_just_ended_is_refused(boot):
    with boot(1) as machine:
        found = find(os.getpid())
        assert "another version" in refusal(attach_to, found._replace(facts={**found.facts, "layout": "other"}))
        closed = {**found.facts, "descriptors": [999_999, 999_998]}
        assert "has just ended" in refusal(attach_to, found._replace(facts=closed))
        other = {**found.facts, "made_ns": 1}
        assert "has just ended" in refusal(attach_to, found._replace(facts=other))
        swapped = {**found.facts, "descriptors": found.facts["descriptors"][::-1]}
        assert "has just ended" in refusal(attach_to, found._replace(facts=swapped)), "another file has the number now"
        assert machine.report().failure == ""
    gc.collect()


def test_a_description_that_is_nonsense_is_no_machine(tmp_path):
    assert read_description(tmp_path) is None
    for content in (b"", b"\xc1", msgpack.packb([1, 2]), msgpack.packb({"format": 1})[:-1]):
        (tmp_path / FILE).write_bytes(content)
        assert read_description(tmp_path) is None
