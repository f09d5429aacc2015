"""Translated code that is kept on disk: a second machine loads what the first one has compiled."""

import random

import pytest

from emu import guest
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
    assert ends(boot, "on") == (status, 0, compiled)
    assert ends(boot, "off") == (status, 0, 0)


def test_a_program_that_was_changed_is_compiled_anew(boot, fresh, monkeypatch):
    ends(boot, "sync")
    monkeypatch.setitem(globals(), "ODD", ODD ^ 2)
    status, compiled, loaded = ends(boot, "sync")
    assert compiled >= 1 and loaded == 0
    assert ends(boot, "off")[0] == status
