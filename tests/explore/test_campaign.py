"""Campaigns: who plays the schedules, and whom a kill takes, changes nothing of what is found."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from emu.explore import campaign
from emu.explore.campaign import Campaign, Plan, Pool, explore, give_up_world, play_elsewhere, prepared
from emu.explore.world import ExploreError
from emu.world.strategies import pct, planned

SEED = 6
SCHEDULES = 3000
FOREVER = 1 << 40
GONE_S = 5.0  # a process that is left has this long to notice


@pytest.fixture
def plan(account):
    """The account as a Plan whose shared words and facts are known, and the failure that one process finds."""
    with prepared(Plan(str(account), seed=SEED)) as (world, plan):
        alone = Campaign(plan, SCHEDULES)
        alone.play(world)
        yield world, plan, alone.found.failure


class Killing:
    """A Pool, one of whose processes is killed once, with stretches under way."""

    def __init__(self, pool):
        self._pool, self._submitted = pool, 0

    def submit(self, function, *arguments):
        self._submitted += 1
        if self._submitted == 2:
            return self._pool.submit(die)
        return self._pool.submit(function, *arguments)


class Dead:
    """An Executor that loses all that it is given."""

    def __init__(self, pool):
        self._pool = pool

    def submit(self, function, *arguments):
        return self._pool.submit(die)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_one_process_and_two_find_the_same_failure(plan):
    world, plan, failure = plan
    two = Campaign(plan, SCHEDULES)
    two.play(world, jobs=2)
    assert failure is not None and two.found.failure == failure
    assert two.found.failure.outcome.switches == failure.outcome.switches


def test_two_processes_play_every_schedule_once(whole):
    alone, two = (explore(whole, count=600, jobs=jobs, seed=SEED) for jobs in (1, 2))
    assert alone.failure is None and two.failure is None
    assert alone.schedules == two.schedules == 600
    assert alone.events == two.events and alone.distinct == two.distinct


def test_threads_play_one_stretch_after_the_other_and_find_the_same(plan):
    _, plan, failure = plan
    threads = Campaign(plan, SCHEDULES)
    with ThreadPoolExecutor(2) as executor:
        threads.spread(executor, 2)
    give_up_world()
    assert threads.found.failure == failure


def test_a_killed_process_loses_no_schedule(whole):
    with prepared(Plan(str(whole), seed=SEED)) as (world, plan):
        alone, killed = Campaign(plan, 600), Campaign(plan, 600)
        alone.play(world)
        with Pool(2) as pool:
            killed.spread(Killing(pool), 2)
    assert killed.found.schedules == 600 and killed.found.distinct == alone.found.distinct


def test_the_failure_is_the_same_when_a_process_is_killed(plan):
    _, plan, failure = plan
    killed = Campaign(plan, SCHEDULES)
    with Pool(2) as pool:
        killed.spread(Killing(pool), 2)
    assert killed.found.failure == failure


def test_a_stretch_that_is_lost_again_and_again_is_an_error_of_one_line(plan):
    _, plan, _ = plan
    with Pool(1) as pool, pytest.raises(ExploreError, match=r"schedules \d+ to \d+ were lost 3 times: "):
        Campaign(plan, SCHEDULES).spread(Dead(pool), 1)


def test_a_pool_goes_on_after_it_has_broken(plan):
    _, plan, _ = plan
    with Pool(1) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(die).result()
        assert pool.submit(play_elsewhere, plan, 0, 1).result().played == 1


def test_a_killed_campaign_leaves_no_process(whole):
    code = (
        "import sys\nfrom emu.explore.campaign import explore\n"
        f"explore(sys.argv[1], count={FOREVER}, jobs=2, progress=lambda found: print(found.schedules, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(whole)], stdout=subprocess.PIPE, text=True) as explorer:
        assert [explorer.stdout.readline().strip().isdigit() for _ in range(2)] == [True, True]  # the second by others
        workers = psutil.Process(explorer.pid).children(recursive=True)
        explorer.kill()
    assert len(workers) >= 2
    _, left = psutil.wait_procs(workers, GONE_S)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE], "they outlive the one that explores"


def test_progress_is_told_after_each_stretch(whole):
    told = []
    explore(whole, count=100, seed=SEED, progress=lambda found: told.append(found.schedules))
    assert told[0] == campaign.FIRST_STRETCH and told == sorted(told) and told[-1] == 100


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_campaign_ends_when_its_time_is_over(whole, jobs):
    began = time.monotonic()
    found = explore(whole, count=FOREVER, seconds=0.3, jobs=jobs, seed=SEED)
    assert found.failure is None and 0 < found.schedules < FOREVER
    assert 0.3 <= time.monotonic() - began < 60


def test_a_schedule_in_which_an_index_of_a_thread_is_used_twice_is_repeated_by_its_switches(account):
    """The third thread begins when the first has left, and gets its index."""
    repeated = 0
    with prepared(Plan(str(account), ("3",), seed=0)) as (world, _):
        for number in range(200):
            outcome = world.run(number, pct)
            if int(world.record["nr_threads"]) < int(world.record["births"]):
                assert world.run(number, planned, plan=outcome.switches).digest == outcome.digest
                repeated += 1
    assert repeated
