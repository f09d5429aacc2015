"""The snapshot that a failing machine leaves: where, how many of them, and that it never makes things worse."""

import os

import pytest

from emu import MachineFailed
from emu.kernel.failures import FAIL_STUCK
from emu.limits import SUPERVISOR
from emu.machine import last_snapshot
from emu.machine.last_snapshot import KEPT, default_file, keep_snapshot
from emu.machine.snapshot import SnapshotError, read_snapshot


def test_the_folder_is_the_users_choice_or_none_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("EMU_SNAPSHOTS", str(tmp_path))
    assert default_file() == tmp_path / f"{os.getpid()}.snapshot"
    monkeypatch.setenv("EMU_SNAPSHOTS", "")
    assert default_file() is None
    monkeypatch.delenv("EMU_SNAPSHOTS")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert default_file().parent == tmp_path / f"emu-snapshots-{os.getuid()}"


def test_the_last_ones_are_kept_and_whatever_goes_wrong_is_one_line(monkeypatch, tmp_path, capfd):
    folder = tmp_path / "emu-snapshots-7"
    monkeypatch.setattr(last_snapshot, "write_snapshot", lambda path, *more: path.write_bytes(b"x") and 1 << 20)
    for n in range(KEPT + 3):
        keep_snapshot(folder / f"{n}.snapshot", {}, (), "why")
        os.utime(folder / f"{n}.snapshot", (n, n))
    assert sorted(path.name for path in folder.iterdir()) == [f"{n}.snapshot" for n in range(3, KEPT + 3)]
    assert folder.stat().st_mode & 0o777 == 0o700
    capfd.readouterr()

    def full(*arguments):
        raise SnapshotError("snapshot x: cannot be written: No space left on device")

    monkeypatch.setattr(last_snapshot, "write_snapshot", full)
    keep_snapshot(tmp_path / "x", {}, (), "why")
    keep_snapshot("/dev/null/emu-snapshots-7/x", {}, (), "why")
    assert [
        line.partition(": no snapshot of the machine: ")[1] != "" for line in capfd.readouterr().err.splitlines()
    ] == [True] * 2


def test_a_machine_writes_it_once_where_it_was_told_to(boot, tmp_path, capfd):
    with pytest.raises(MachineFailed), boot(1, snapshot_on_failure=tmp_path / "last") as machine:
        machine.spawn("naps", 1, 1000)
        machine.window.machine["failed_value"] = SUPERVISOR
        machine.window.machine["failed"] = FAIL_STUCK
        machine.run()
    assert read_snapshot(tmp_path / "last")[0]["failure"] and capfd.readouterr().err.count("\n") == 1


def test_a_machine_that_does_not_fail_leaves_none(boot, tmp_path):
    with boot(1, snapshot_on_failure=tmp_path / "last") as machine:
        machine.spawn("hello")
        machine.run()
    assert not (tmp_path / "last").exists()
