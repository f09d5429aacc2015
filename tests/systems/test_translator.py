"""Machines whose hot guest code is translated: guests find what they would find interpreted, whatever happens to it.

`sync`: CPUs wait for the translator, so that what is hot is translated for sure; `on`: when it comes to it.
"""

import os
import random
import signal
import time

import pytest

from emu.errors import MachineError
from emu.limits import TRANSLATOR
from emu.testing.crew import LONGER
from tests.systems import hasty_translators, hot_guests
from tests.systems.guests import build_guest

PATIENCE_S = 60
MODES = ["sync", "on", "off"]


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """The ELF of a text of hot_guests, built once."""
    directory, built = tmp_path_factory.mktemp("guests"), {}

    def build(name, *flags):
        if (name, *flags) not in built:
            text = getattr(hot_guests, name)
            built[name, *flags] = build_guest(directory, text, f"{name}{len(built)}", "-O2", *flags)
        return built[name, *flags]

    return build


class Ran:
    """A machine that ran one guest to its end: its figures and its output."""

    def __init__(self, boot, mode, path, *arguments, cpus=2, seed=1, meanwhile=None, **options):
        with boot(cpus, seed=seed, translator=mode, **options) as machine:
            job = machine.spawn(path, *map(str, arguments))
            if meanwhile:
                meanwhile(machine, job)
            report = machine.run(PATIENCE_S)
            m = machine.window.machine
            self.regions, self.arenas, self.code_epoch = int(m["nr_regions"]), int(m["arenas"]), int(m["code_epoch"])
            self.status, self.output = job.exit_status, machine.output.read_text()
        assert report.failure == "" and report.leaks == {}

    @property
    def is_translated(self):
        return self.regions > 0 or self.arenas > 0


def check(ran, mode):
    assert ran.status == 0, ran.output
    assert ran.is_translated or mode != "sync"
    assert mode != "off" or not ran.is_translated


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", ["alone", "beside"])
def test_pages_that_are_unmapped_protected_discarded_moved_or_forked_are_so_for_hot_code(boot, seed, guest, who, mode):
    check(Ran(boot, mode, guest("MAPPINGS"), who, 160 if mode == "sync" else 80, seed=seed), mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["own", "alias", "fresh", "beside"])
def test_code_that_is_rewritten_is_new_after_a_fence(boot, seed, guest, how, mode):
    """By the thread that runs it, through another mapping, in fresh pages, by a thread on another CPU."""
    ran = Ran(boot, mode, guest("REWRITTEN"), how, seed=seed)
    check(ran, mode)
    assert how != "fresh" or ran.code_epoch > 0


@pytest.mark.parametrize("mode", MODES)
def test_a_hot_process_executes_another_program_at_the_same_addresses(boot, seed, guest, mode):
    first, second = guest("EXECUTED", "-DSTEP=7L"), guest("EXECUTED", "-DSTEP=11L")
    names = [f"/programs/{os.path.basename(path)}" for path in (second, first)]
    check(Ran(boot, mode, first, 8, *names, seed=seed, mounts=[f"{os.path.dirname(first)}:/programs"]), mode)


@pytest.mark.parametrize("mode", MODES)
def test_signals_leave_the_registers_of_hot_loops_alone(boot, seed, guest, mode):
    check(Ran(boot, mode, guest("SIGNALLED"), seed=seed), mode)


@pytest.mark.parametrize("mode, careful", [*((mode, False) for mode in MODES), ("sync", True)])
def test_memory_is_ordered_and_atomics_are_exact_in_hot_code(boot, seed, guest, mode, careful):
    def be_careful(machine, job):
        machine.window.machine["careful"] = careful

    check(Ran(boot, mode, guest("ORDERED"), cpus=4, seed=seed, meanwhile=be_careful), mode)


# --- a translator that is pressed, stopped or killed ------------------------------------------------------------


@pytest.fixture(scope="module")
def expected():
    """What the guest MANY finds, interpreted."""
    return {}


LEAST_ARENAS = int(6 * LONGER)
LONG, SHORT = (4, 200_000), (4, 3000)  # rounds, and turns of each loop in a round


def many(boot, guest, expected, mode, size=SHORT, **options):
    """Run MANY; its output is compared with that of the interpreter."""
    if size not in expected:
        expected[size] = Ran(boot, "off", guest("MANY"), *size).output
    ran = Ran(boot, mode, guest("MANY"), *size, **options)
    assert (ran.status, ran.output) == (0, expected[size])
    return ran


def test_an_arena_that_is_always_full_is_reclaimed_under_load(boot, seed, guest, expected, monkeypatch):
    hasty_translators.use(monkeypatch, "narrow")
    arenas, end = 0, time.monotonic() + PATIENCE_S
    while arenas < LEAST_ARENAS and time.monotonic() < end:
        arenas += many(boot, guest, expected, "on", LONG, seed=seed).arenas
    assert arenas >= LEAST_ARENAS


def test_control_a_translator_that_does_not_wait_for_cpus_takes_their_code_away(
    boot, seed, guest, expected, monkeypatch
):
    hasty_translators.use(monkeypatch, "narrow-and-hasty")
    end = time.monotonic() + PATIENCE_S
    with pytest.raises(MachineError, match="the process of CPU . died"):
        while time.monotonic() < end:
            many(boot, guest, expected, "on", LONG, seed=seed)


def test_code_becomes_careful_while_it_runs(boot, seed, guest, expected):
    """As where a CPU finds no room for windows (kernel/vm/windows.py)."""

    def be_careful(machine, job):
        while machine.window.machine["nr_regions"] < 10 and not job.done:
            pass
        machine.window.machine["careful"] = 1

    ran = many(boot, guest, expected, "sync", seed=seed, meanwhile=be_careful)
    assert ran.arenas == 1 and ran.regions > 0


@pytest.mark.parametrize("mode", ["on", "sync"])
def test_a_translator_that_fails_leaves_guests_interpreted(boot, seed, guest, expected, monkeypatch, mode):
    """Also those whose CPUs wait for it just then."""
    hasty_translators.use(monkeypatch, "failing")
    assert not many(boot, guest, expected, mode, seed=seed).is_translated


@pytest.mark.parametrize("number", [signal.SIGSTOP, *[signal.SIGKILL] * 8], ids=lambda n: n.name)
def test_a_translator_that_is_stopped_or_killed_leaves_guests_interpreted(boot, seed, guest, expected, number, request):
    """At some moment: before it has begun, while it compiles, while it publishes."""
    rng = random.Random(f"{seed} {request.node.name}")

    def end_it(machine, job):
        wanted = rng.randrange(12)
        while machine.window.machine["nr_regions"] < wanted and not job.done:
            pass
        time.sleep(rng.random() / 50)
        os.kill(machine._processes[TRANSLATOR].pid, number)

    many(boot, guest, expected, "on", seed=seed, meanwhile=end_it)


def test_cpus_that_wait_for_a_translator_go_on_when_it_is_killed(boot, seed, guest, expected):
    def kill(machine, job):
        os.kill(machine._processes[TRANSLATOR].pid, signal.SIGKILL)

    assert not many(boot, guest, expected, "sync", seed=seed, meanwhile=kill).arenas
