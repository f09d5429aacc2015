"""An idle machine (rust-5), its environment (rust-9), its allocations (rust-12), its topology (alux-1)."""

import os
import time

import psutil
import pytest

from emu import MachineError
from emu.limits import MAX_CPUS
from tests.systems.guests import build_guest
from tests.systems.test_rust import NOBODY, finish


def processor_seconds(machine):
    """Processor time of all the machine's processes so far."""
    times = [psutil.Process(p.pid).cpu_times() for p in machine._processes.values()]
    return sum(t.user + t.system for t in times)


@pytest.mark.system("rust-5")
def test_an_idle_machine_of_eight_cpus_uses_no_measurable_processor_time(boot, seed):
    with boot(8, seed=seed) as machine:
        job = machine.spawn("sleepers", 4, 3_600_000)
        end = time.monotonic() + 30
        while len(machine.threads(job)) < 5 or any(t.state != "blocked" for t in machine.threads(job)):
            assert time.monotonic() < end
            time.sleep(0.01)
        while not (machine.window.machine["cpus"]["parked"][:8] == 1).all():
            assert time.monotonic() < end
            time.sleep(0.01)
        parks, before = machine.window.machine["cpus"]["parks"].copy(), processor_seconds(machine)
        time.sleep(2)
        assert (machine.window.machine["cpus"]["parks"] == parks).all(), "a CPU woke for nothing"
        assert processor_seconds(machine) - before <= 0.02, "one tick of the host's accounting each way"
        machine.kill(job)
        finish(machine)


@pytest.mark.system("rust-9")
def test_the_environment_is_captured_once_at_boot(boot, seed, monkeypatch, tmp_path):
    text = 'int main(void) { const char *v = getenv("LANG"); puts(v ? v : "none"); return 0; }'
    monkeypatch.setenv("LANG", "first")
    with boot(1, seed=seed) as machine:
        monkeypatch.setenv("LANG", "second")
        guest = build_guest(tmp_path, text)
        machine.spawn(guest)
        finish(machine)
        assert machine.output.read_bytes() == b"first\n"
    assert os.environ["LANG"] == "second"


@pytest.mark.system("rust-12")
def test_what_is_not_freed_is_named_by_its_tag(boot, seed):
    with boot(2, seed=seed) as machine:
        job = machine.spawn("sleepers", 3, 3_600_000)
        while len(machine.threads(job)) < 4:
            time.sleep(0.005)
        alive = machine.report().leaks
        assert alive["task record"][0] == 1 and alive["thread record"][0] >= 4
        assert alive["page table"][0] > 1 and alive["guest page"][1] == alive["guest page"][0] * 4096
        machine.kill(job)
        assert finish(machine).leaks == {}


@pytest.mark.system("rust-12")
def test_a_leak_is_found(boot, seed):
    from emu.kernel.vm import frames

    with boot(2, seed=seed) as machine:
        machine.spawn("hello")
        base = machine.window.address
        frame = frames.allocate(base, NOBODY)  # somebody forgets this page
        report = machine.run()
        assert report.leaks == {"guest page": (1, 4096)}
        frames.drop(base, NOBODY, frame)
        assert machine.report().leaks == {}


@pytest.mark.system("alux-1")
def test_siblings_are_used_last(boot, seed):
    with boot(None, "alux", seed=seed, topology="1x2x2") as machine:
        assert machine.config.topology.cores == 2  # CPUs 2 and 3 are siblings of 0 and 1
        job = machine.spawn("naps", 200, 1000)  # one thread
        report = finish(machine)
        assert job.exit_status == 0
        assert sum(c.switches for c in report.cpus) >= 200
        first, siblings = sum(c.switches for c in report.cpus[:2]), sum(c.switches for c in report.cpus[2:])
        assert first > 2 * siblings, "few, where a CPU that was told gets no core of the host and the next one is told"


@pytest.mark.system("alux-1")
@pytest.mark.parametrize("topology", ["2x2", "0x1x1", "axbxc", "1x2x3x4"])
def test_a_bad_topology_is_refused(topology):
    from emu.machine.config import Config

    with pytest.raises(MachineError, match=f"topology '{topology}': expected PACKAGESxCORESxSIBLINGS"):
        Config.make(None, seed=1, topology=topology)


def test_a_topology_and_a_number_of_cpus_must_agree():
    from emu.machine.config import Config

    assert Config.make(None, seed=1, topology="2x2x2").cpus == 8
    with pytest.raises(MachineError, match="topology 2x2x2 has 8 CPUs, not 4: leave one of the two out"):
        Config.make(4, seed=1, topology="2x2x2")
    with pytest.raises(MachineError, match=f"a machine has 1 to {MAX_CPUS}"):
        Config.make(None, seed=1, topology="17x9x2")
