"""What a machine tells in its directory: its segments at boot, its programs as jobs begin."""

import os

import msgpack

from emu.machine import description
from emu.machine.description import PROGRAMS, read_description, read_programs


def test_a_machine_tells_its_segments_and_programs(boot):
    with boot(1, seed=3) as machine:
        first = read_description(machine._directory)
        assert (first["process"], first["seed"], first["programs"]) == (os.getpid(), 3, {})
        assert first["descriptors"] == list(machine.window.descriptors[:2])
        job = machine.spawn("hello")
        assert read_programs(machine._directory) == {job.number: os.fsencode(job.program)}
        machine.run()


def test_of_very_many_jobs_the_last_ones_are_known_and_the_file_stays_small(monkeypatch, tmp_path, boot):
    monkeypatch.setattr(description, "KEPT", 4)
    with boot(1) as machine:
        for number in range(100):
            machine._description.add(number, f"/program-{number}")
        found = read_programs(machine._directory)
        assert [found[n] for n in range(96, 100)] == [b"/program-%d" % n for n in range(96, 100)]
        assert len(found) <= 8 and (machine._directory / PROGRAMS).stat().st_size < 300
        assert machine._description.header()["programs"].keys() == {96, 97, 98, 99}


def test_an_entry_that_is_written_just_now_is_not_there_yet(tmp_path):
    whole = msgpack.packb([0, b"/one"]) + msgpack.packb([1, b"/two"])
    for cut in range(len(whole) + 1):
        (tmp_path / PROGRAMS).write_bytes(whole[:cut])
        found = read_programs(tmp_path)
        assert found in ({}, {0: b"/one"}, {0: b"/one", 1: b"/two"})
    assert found == {0: b"/one", 1: b"/two"}
    (tmp_path / PROGRAMS).write_bytes(b"\x05" + whole)
    assert read_programs(tmp_path) == {}, "nonsense is no program"
