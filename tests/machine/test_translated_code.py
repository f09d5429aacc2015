"""Translated code that is kept on disk: a second machine loads what the first one has compiled."""

import os
import random
import signal
import time

import pytest

from emu import guest
from emu.limits import TRANSLATOR
from tests.systems.test_rust import finish

ODD = 1  # another one for each test, so that nobody has run the program before


def churn(turns):
    x = turns
    for _ in range(turns):
        x = (x * 5 + ODD) & 0xFFFFFF
    guest.print_int(x)
    return x & 0x7F


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setitem(globals(), "ODD", random.randrange(1 << 30) * 2 + 1)


def ends(boot, translator, program=churn):
    """(exit status, regions compiled, loaded) of a run."""
    with boot(1, translator=translator) as machine:
        job = machine.spawn_python(program, 3_000_000)
        report = finish(machine)
        made = report.translation
        return job.exit_status, *((made.compiled, made.loaded) if made else (0, 0))


def test_the_second_run_of_a_program_compiles_nothing(boot, fresh):
    status, compiled, loaded = ends(boot, "sync")
    assert compiled >= 1 and loaded == 0
    assert ends(boot, "sync") == (status, 0, compiled)
    ended, anew, loaded = ends(boot, "on")
    assert (ended, anew) == (status, 0) and loaded <= compiled, "on a busy host it may end before its code is loaded"
    assert ends(boot, "off") == (status, 0, 0)


def test_a_program_that_was_changed_is_compiled_anew(boot, fresh, monkeypatch):
    ends(boot, "sync")
    monkeypatch.setitem(globals(), "ODD", ODD ^ 2)
    status, compiled, loaded = ends(boot, "sync")
    assert compiled >= 1 and loaded == 0
    assert ends(boot, "off")[0] == status


def test_two_machines_that_run_a_program_at_once_leave_what_a_third_one_loads(boot, fresh):
    with boot(1, translator="sync") as one, boot(1, translator="sync") as two:
        jobs = [machine.spawn_python(churn, 3_000_000) for machine in (one, two)]
        reports = [finish(machine) for machine in (one, two)]
    assert all(report.translation.compiled >= 1 for report in reports)
    status, compiled, loaded = ends(boot, "sync")
    assert {job.exit_status for job in jobs} == {status} and compiled == 0 and loaded >= 1


def test_a_translator_that_is_killed_costs_what_it_had_not_saved(boot, fresh):
    with boot(1, translator="on") as machine:
        job = machine.spawn_python(churn, 30_000_000)
        while not machine.window.machine["regions_compiled"] and not job.done:
            time.sleep(0.001)
        os.kill(machine._processes[TRANSLATOR].pid, signal.SIGKILL)
        finish(machine)
        assert job.exit_status is not None
    status = ends(boot, "sync")[0]
    assert ends(boot, "off")[0] == status and ends(boot, "sync")[1] == 0
