"""Campaigns: many schedules of one program, until one fails; the same ones whoever plays them.

    found = explore("./a.out", ["3"], schedules=10_000, seed=7)
    found.failure      the Failure with the smallest number, or None
    found.schedules    how many were played

Schedules have numbers, and all that happens in one follows from the seed and its number.  They are played in stretches,
here or by any concurrent.futures.Executor, each of whose processes makes a world of its own, with the words that are
shared as they were found here.  A stretch that is lost (its process was killed) is played again.  The failure that is
reported is the one with the smallest number, so it is the same however many processes take part.
"""

import contextlib
import functools
import os
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from ..actor.lifeline import end_with_parent
from .oracles import broken_rule
from .profiles import Facts, profile
from .racing import Racing
from .strategies import PORTFOLIO, strategies
from .world import MAX_STEPS, Outcome, World

SCHEDULES = 10_000
STRETCH_S = 0.5  # how long a stretch takes, about
FIRST_STRETCH, LONGEST_STRETCH = 16, 4096
MOST_DISTINCT = 1 << 20  # digests that are kept
TRIES = 3  # of a stretch whose process died


@dataclass(frozen=True)
class Plan:
    """What is explored: enough for another process to play the same schedules."""

    program: str
    arguments: tuple = ()
    environment: tuple = ()  # (name, value)
    seed: int = 0
    strategy: str = PORTFOLIO
    max_steps: int = MAX_STEPS
    rules: tuple = ()  # of what is a failure (oracles.py)
    shared: tuple = ()  # addresses of the shared words
    races: bool = False  # data races are failures (racing.py)
    facts: Facts = field(default_factory=Facts, hash=False, compare=False)

    def wrong(self, outcome):
        """What is wrong with an Outcome, in words; "" where nothing is."""
        return broken_rule(self.rules, outcome)

    def world(self):
        """A World of it, in which the same words are shared."""
        world = World(self.program, self.arguments, dict(self.environment), self.seed, self.max_steps)
        world.share(self.shared)
        if self.races and self.shared:
            world.racing = Racing(world)
        return world


@dataclass(frozen=True)
class Failure:
    """A schedule that failed."""

    number: int
    strategy: str
    outcome: Outcome


@dataclass
class Stretch:
    """What became of schedules first to first + played - 1."""

    first: int
    played: int = 0
    events: int = 0
    seconds: float = 0.0
    digests: list = field(default_factory=list)
    failure: Failure | None = None


@dataclass
class Found:
    """What a campaign found."""

    plan: Plan
    schedules: int = 0
    events: int = 0
    seconds: float = 0.0
    distinct: set = field(default_factory=set)
    failure: Failure | None = None

    @property
    def per_second(self):
        return self.schedules / self.seconds if self.seconds else 0.0


@contextlib.contextmanager
def prepared(plan):
    """(World, Plan with its shared words and facts): the program has been profiled."""
    with plan.world() as world:
        facts = profile(world)
        if plan.races:
            world.racing = Racing(world)
        yield world, replace(plan, shared=tuple(world.shared), facts=facts)


def play(world, plan, first, count):
    """Play schedules until one fails."""
    in_turn, stretch, began = strategies(plan.strategy), Stretch(first), time.perf_counter()
    prepares = [each.prepare(plan.facts) for each in in_turn]
    for number in range(first, first + count):
        k = number % len(in_turn)
        outcome = world.run(number, in_turn[k].module, prepare=prepares[k])
        stretch.played += 1
        stretch.events += outcome.steps
        stretch.digests.append(outcome.digest)
        if plan.wrong(outcome):
            stretch.failure = Failure(number, in_turn[k].text, outcome)
            break
    stretch.seconds = time.perf_counter() - began
    return stretch


@functools.lru_cache(maxsize=1)
def _world_of(plan):
    return plan.world()


def play_elsewhere(plan, first, count):
    """`play` in a process that keeps its world for the next stretch."""
    return play(_world_of(plan), plan, first, count)


def pool(jobs):
    """An Executor of so many processes, which end with this one."""
    return ProcessPoolExecutor(jobs, get_context("forkserver"), end_with_parent, (os.getpid(),))


def explore(
    program, arguments=(), *, schedules=SCHEDULES, seconds=None, jobs=1, executor=None, progress=None, **options
):
    """Explore a program's schedules; Found. Options: Plan's. `progress` is called with what was found so far."""
    plan = Plan(str(program), tuple(map(str, arguments)), **options)
    with prepared(plan) as (world, plan):
        campaign = Campaign(plan, schedules, seconds, progress)
        if executor is not None:
            campaign.spread(executor, jobs)
        elif jobs > 1:
            with pool(jobs) as executor:
                campaign.spread(executor, jobs)
        else:
            campaign.here(world)
        return campaign.found


class Campaign:
    """Schedules 0 to `schedules` - 1, for `seconds` at most."""

    def __init__(self, plan, schedules, seconds=None, progress=None):
        self.found, self._plan = Found(plan), plan
        self._end, self._next = schedules, 0
        self._began = time.monotonic()
        self._deadline = None if seconds is None else self._began + seconds
        self._progress = progress
        self._stretch = FIRST_STRETCH

    def _more(self):
        """(first, count) of the next stretch, None when there is none to begin."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        first = self._next
        if late or first >= self._end:
            return None
        count = min(self._stretch, self._end - first)
        self._next += count
        return first, count

    def _take(self, stretch):
        """A stretch has been played."""
        found = self.found
        found.schedules += stretch.played
        found.events += stretch.events
        if len(found.distinct) < MOST_DISTINCT:
            found.distinct.update(stretch.digests)
        found.seconds = time.monotonic() - self._began
        if stretch.failure:
            if found.failure is None or stretch.failure.number < found.failure.number:
                found.failure = stretch.failure
            self._end = min(self._end, stretch.failure.number)  # what comes later is of no account
        if stretch.seconds > 0:
            fits = int(stretch.played * STRETCH_S / stretch.seconds)
            self._stretch = max(FIRST_STRETCH, min(fits, 2 * self._stretch, LONGEST_STRETCH))
        if self._progress:
            self._progress(found)

    def here(self, world):
        """Play them in this process."""
        while more := self._more():
            self._take(play(world, self._plan, *more))

    def spread(self, executor, jobs):
        """Have an Executor play them, with two stretches for each of its processes under way."""
        running, tries = {}, {}
        while True:
            while len(running) < 2 * jobs and (more := self._more()):
                running[executor.submit(play_elsewhere, self._plan, *more)] = more
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                more = running.pop(future)
                try:
                    self._take(future.result())
                except OSError:
                    tries[more] = tries.get(more, 0) + 1
                    if tries[more] == TRIES:
                        raise
                    running[executor.submit(play_elsewhere, self._plan, *more)] = more
