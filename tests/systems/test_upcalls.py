"""Upcalls on whole machines, by guests that have no library but the raw calls (kse-1 to kse-6, kse-12, kse-13)."""

import random

import pytest

from emu.guests import build
from emu.testing.checks import check_machine
from tests.guests.programs import SOURCES
from tests.systems.guests import build_guest
from tests.systems.test_hotplug import change_cpus
from tests.systems.test_rust import finish, wait_for
from tests.systems.test_timekeeper import wait_until

LIMIT_S = 60
FOR_EVER = 1 << 40


@pytest.fixture(scope="module")
def exactly_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("native") / "exactly_once"
    build.compile_c(SOURCES / "native" / "exactly_once.c", path)
    return str(path)


def ends_whole(machine):
    report = finish(machine, LIMIT_S)
    assert report.leaks == {}
    check_machine(machine.window, machine.config.policy)
    return report


def ends_well(machine, *jobs):
    """The machine runs to its end, and each of these jobs has had all contexts of its threads."""
    ends_whole(machine)
    text = machine.output.read_text()
    assert [job.exit_status for job in jobs] == [0] * len(jobs), text
    return text


@pytest.mark.system("kse-1")
@pytest.mark.system("kse-2")
@pytest.mark.system("kse-3")
@pytest.mark.parametrize(
    ("cpus", "policy", "arguments"),
    [
        (1, "inko", (8, 1, 200, 0)),
        (2, "eevdf", (12, 2, 200, 0)),
        (3, "random", (12, 3, 200, 1)),
        (2, "bsd4", (8, 3, 200, 0)),
    ],
)
def test_each_context_comes_exactly_once_and_whole(boot, seed, exactly_once, cpus, policy, arguments):
    with boot(cpus, policy, seed=seed) as machine:
        job = machine.spawn(exactly_once, *arguments)
        text = ends_well(machine, job)
        assert text.startswith("ok ") and int(text.split()[1]) > 0


@pytest.mark.system("kse-3")
@pytest.mark.parametrize("policy", ["inko", "bsd4"])
def test_no_context_is_lost_while_cpus_come_and_go(boot, seed, exactly_once, policy):
    with boot(2, policy, seed=seed) as machine:
        job = machine.spawn(exactly_once, 12, 3, 400, 0)
        added, removed = change_cpus(machine, random.Random(seed), 8, 4)
        assert added and removed
        assert ends_well(machine, job).startswith("ok ")


@pytest.mark.system("kse-3")
@pytest.mark.system("kse-4")
def test_kills_at_random_moments_leave_nothing_of_groups_and_others_go_on(boot, seed, exactly_once):
    rand = random.Random(seed)
    with boot(3, seed=seed) as machine:
        upcalls = machine.window.machine["cpus"]["upcalls"]
        jobs = [machine.spawn(exactly_once, 8, 2, rounds, 0) for rounds in (FOR_EVER, FOR_EVER, 200)]
        for job in jobs[:2]:
            end = int(upcalls.sum()) + rand.randrange(1, 1000)
            wait_until(lambda end=end: upcalls.sum() >= end)
            machine.kill(job)
            wait_for(job)
        assert ends_well(machine, jobs[2]).startswith("ok ")
        assert [job.exit_status for job in jobs[:2]] == [137, 137]
