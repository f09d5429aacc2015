"""Ticks that add up to seconds, minutes, hours and days (cz-16); by guests' threads: tests/programs/clock.c."""

import random
import time
from datetime import timedelta

import pytest

from emu.kernel.ticks import TICK_NS, TICKS_PER_SECOND, UPTIME, count
from tests.kernel import wrappers

pytestmark = pytest.mark.system("cz-16")
DAY = 24 * 60 * 60 * TICKS_PER_SECOND


def units(word):
    return tuple(UPTIME.get(word, name) for name in ("days", "hours", "minutes", "seconds", "ticks"))


def by_the_calendar(ticks):
    """What the standard library says."""
    passed = timedelta(milliseconds=ticks * 1000 // TICKS_PER_SECOND)
    minutes, seconds = divmod(passed.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return passed.days, hours, minutes, seconds, ticks % TICKS_PER_SECOND


def test_each_unit_carries_at_its_own_bound():
    word = 0
    for ticks in range(1, 2 * 60 * 60 * TICKS_PER_SECOND, 7):  # two hours, in steps that meet no bound exactly
        word = wrappers.add_ticks(word, 7 if ticks > 1 else 1)
        assert units(word) == by_the_calendar(ticks)


@pytest.mark.parametrize("ticks", [TICKS_PER_SECOND, 60 * TICKS_PER_SECOND, 3600 * TICKS_PER_SECOND, DAY, 366 * DAY])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_around_each_bound(ticks, off):
    assert units(wrappers.add_ticks(0, ticks + off)) == by_the_calendar(ticks + off)


def test_after_a_long_time_without_a_tick_each_unit_carries_as_often_as_it_is_full(seed):
    """Nobody counts while all CPUs are idle: a minute carried once only would lose the other 59 of an hour."""
    chance, word, total = random.Random(seed), 0, 0
    for _ in range(300):
        late = chance.randrange(1, 10 ** chance.randrange(1, 9))
        word, total = wrappers.add_ticks(word, late), total + late
        assert units(word) == by_the_calendar(total)
        assert wrappers.total_ticks(word) == total


def test_what_is_due_is_counted_once_and_time_never_goes_back(window):
    machine = window.machine
    machine["made_ns"] = time.monotonic_ns() - 3 * DAY * TICK_NS - 5 * TICK_NS
    word = count(window.address)
    assert units(word)[:4] == (3, 0, 0, 0) and int(machine["uptime"]) == word
    machine["made_ns"] += DAY * TICK_NS  # as if less time had passed
    assert count(window.address) == word


def test_an_older_time_that_a_late_cpu_has_stored_is_made_good_by_whoever_counts_next(window):
    machine = window.machine
    machine["made_ns"] = time.monotonic_ns() - DAY * TICK_NS
    earlier = count(window.address)
    machine["made_ns"] -= DAY * TICK_NS
    later = count(window.address)
    machine["uptime"] = earlier
    assert wrappers.total_ticks(count(window.address)) >= wrappers.total_ticks(later)
