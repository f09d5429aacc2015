"""Campaigns: many schedules of one program, until one fails; the same ones whoever plays them.

    found = explore("./a.out", ["3"], count=10_000, seed=7)
    found.failure      the Failure with the smallest number, or None
    found.schedules    how many were played

Schedules have numbers, and all that happens in one follows from the seed and its number.  They are played in stretches,
here or by any concurrent.futures.Executor of processes, each of which makes a world of its own, with the words that
are shared as they were found here.  Threads are no substitute for processes: a process has one world, which plays one
schedule at a time (PLAYING), so an Executor of threads plays the same schedules, one stretch after the other.

A stretch that is lost (its process was killed) is played again.  The failure that is reported is the one with the
smallest number, so it is the same however many processes take part, and whichever of them are killed.
"""

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from ..actor.lifeline import end_with_parent
from .exhaustive import Search, bound_of
from .oracles import broken_rule
from .outcome import Outcome
from .profiles import Facts, profile
from .racing import Racing
from .strategies import PORTFOLIO, strategies
from .world import MAX_STEPS, MODELS, ExploreError, World

SCHEDULES = 10_000
STRETCH_S = 0.5  # how long a stretch takes, about
FIRST_STRETCH, LONGEST_STRETCH = 16, 4096
MOST_DISTINCT = 1 << 20  # digests that are kept
TRIES = 3  # of a stretch whose process died
LOST = (OSError, BrokenExecutor)  # what an Executor says of a stretch whose process has gone
PLAYING = threading.RLock()  # held while this process's world plays stretches of other processes


@dataclass(frozen=True)
class Plan:
    """What is explored: enough for another process to play the same schedules."""

    program: str
    arguments: tuple = ()
    environment: tuple = ()  # (name, value)
    seed: int = 0
    strategy: str = PORTFOLIO
    max_steps: int = MAX_STEPS
    memory: str = MODELS[0]
    patient: bool = False  # time-outs end only when nothing else can happen
    priorities: bool = False  # threads run by their real-time priorities
    libraries: bool = False  # threads are switched inside libraries, too
    rules: tuple = ()  # of what is a failure (oracles.py)
    shared: tuple = ()  # addresses of the shared words
    races: bool = False  # data races are failures (racing.py)
    facts: Facts = field(default_factory=Facts, hash=False, compare=False)

    def wrong(self, outcome):
        """What is wrong with an Outcome, in words; "" where nothing is."""
        return broken_rule(self.rules, outcome)

    def world(self):
        """A World of it, in which the same words are shared."""
        world = World(
            self.program,
            self.arguments,
            dict(self.environment),
            self.seed,
            self.max_steps,
            self.memory,
            self.patient,
            self.priorities,
        )
        world.record["all_calls"] = int(self.libraries)
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
    is_complete: bool = False  # there are no other schedules with so few preemptions (exhaustive.py)
    is_whole: bool = False  # nor with more

    @property
    def per_second(self):
        return self.schedules / self.seconds if self.seconds else 0.0


@contextlib.contextmanager
def prepared(plan):
    """(World, Plan with its shared words and facts): the program has been profiled."""
    with plan.world() as world:
        facts = profile(world, plan.libraries or plan.races)
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


_kept = {}  # Plan -> World, one at most: that of the stretches that this process plays for others


def world_of(plan):
    """This process's World of a Plan, kept for the next stretch. The caller holds PLAYING."""
    if plan not in _kept:
        give_up_world()
        _kept[plan] = plan.world()
    return _kept[plan]


def give_up_world():
    """Close the World that is kept."""
    with PLAYING:
        while _kept:
            _kept.popitem()[1].close()


def play_elsewhere(plan, first, count):
    """`play` in a process that keeps its world for the next stretch."""
    with PLAYING:
        return play(world_of(plan), plan, first, count)


def _begin_process(starter):
    """One of a Pool ends with the process that explores; Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(starter)


class Pool:
    """An Executor of so many processes, which end with this one. Where one of them has died, all are replaced."""

    def __init__(self, jobs):
        self._jobs = jobs
        self._executor = self._begin()

    def _begin(self):
        return ProcessPoolExecutor(self._jobs, get_context("fork"), _begin_process, (os.getpid(),))

    def submit(self, function, *arguments):
        """A Future of function(*arguments), as of any Executor."""
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor:
            self._executor.shutdown()
            self._executor = self._begin()
            return self._executor.submit(function, *arguments)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._executor.shutdown(cancel_futures=True)


def explore(program, arguments=(), *, count=SCHEDULES, seconds=None, jobs=1, executor=None, progress=None, **options):
    """Explore a program's schedules; Found. Options: Plan's. `progress` is called with what was found so far."""
    plan = Plan(str(program), tuple(map(str, arguments)), **options)
    with prepared(plan) as (world, plan):
        campaign = Campaign(plan, count, seconds, progress)
        campaign.play(world, jobs, executor)
        return campaign.found


class Campaign:
    """Schedules 0 to `count` - 1, for `seconds` at most."""

    def __init__(self, plan, count, seconds=None, progress=None):
        self.found, self._plan = Found(plan), plan
        self._end, self._next = count, 0
        self._began = time.monotonic()
        self._deadline = None if seconds is None else self._began + seconds
        self._progress = progress
        self._stretch = FIRST_STRETCH

    def _is_late(self):
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _more(self):
        """(first, count) of the next stretch, None when there is none to begin."""
        first = self._next
        if self._is_late() or first >= self._end:
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

    def play(self, world, jobs=1, executor=None):
        """Play them: in this process, in so many others, or by an Executor that has so many."""
        bound = bound_of(self._plan.strategy)
        if bound is not None:
            self.all_of_them(world, bound)
        elif executor is not None:
            self.spread(executor, jobs)
        elif jobs > 1:
            if more := self._more():  # what is found at once needs no other processes
                self._take(play(world, self._plan, *more))
            with Pool(jobs) as pool:
                self.spread(pool, jobs)
        else:
            self.here(world)

    def all_of_them(self, world, bound):
        """Play every schedule with so few preemptions, in this process: Found.is_complete where there was time."""
        search = Search(world, bound)
        for number, outcome in enumerate(search.schedules()):
            failure = Failure(number, self._plan.strategy, outcome) if self._plan.wrong(outcome) else None
            self._take(Stretch(number, 1, outcome.steps, 0.0, [outcome.digest], failure))
            if failure or number + 1 == self._end or self._is_late():
                return
        self.found.is_complete, self.found.is_whole = True, search.is_whole

    def here(self, world):
        """Play them in this process."""
        while more := self._more():
            self._take(play(world, self._plan, *more))

    def spread(self, executor, jobs):
        """Have an Executor play them, with two stretches for each of its processes under way.

        ExploreError: a stretch has been lost again and again.
        """
        running, tries = {}, {}

        def begin(more):
            running[executor.submit(play_elsewhere, self._plan, *more)] = more

        while True:
            while len(running) < 2 * jobs and (more := self._more()):
                begin(more)
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                more = running.pop(future)
                try:
                    self._take(future.result())
                except LOST as error:
                    tries[more] = tries.get(more, 0) + 1
                    if tries[more] == TRIES:
                        first, count = more
                        last = first + count - 1
                        raise ExploreError(f"schedules {first} to {last} were lost {TRIES} times: {error}") from error
                    begin(more)
