"""What the supervisor has done when the first process of a machine starts."""

from emu import Machine
from emu.machine import machine as boot


def test_no_cpu_runs_a_thread_before_its_process_does(warm, monkeypatch):
    """Threads may wait for it by then, and policies ask what it runs: a thread, at first thread 0, counted as running
    since the host's boot, and eevdf let those that came in these milliseconds starve for as long as that."""
    running, start = [], boot.start

    def look_and_start(name, *arguments):
        running.append(machine.window.machine["cpus"]["current"][:3].tolist())
        return start(name, *arguments)

    monkeypatch.setattr(boot, "start", look_and_start)
    machine = Machine(3, quiet=True)
    with machine:
        pass
    assert running[0] == [-1, -1, -1]
