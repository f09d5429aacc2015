"""Processes that run one compiled function each on a bare shared machine, all at once.

    with Crew(workers=4, seed=seed) as crew:
        crew.run_all("my_tests.locks", "add_under_lock", 100_000)
        assert crew.violations == 0

Each process plays the actor of its number.  A function gets (address, actor, workers,
the given integers).  The first 64 guest frames are no part of the machine: they hold the
words that a test shares.  A litmus function looks at STOP in each step and leaves when it
is set; `violation` sets it, and so does the end of the time.  A control runs until its
violation shows, so it takes long only when it finds nothing, and then its test fails.
No test is decided by how fast the host is: one that has to have done `enough` goes on until it has.
"""

import contextlib
import importlib
import os
import time

import numpy as np

from ..actor.prepare import pin, prepare_actor
from ..hot import Entry, hot
from ..limits import MIB, PAGE_SIZE, RAM_OFFSET
from ..machine.children import Descriptor, start_function
from ..shm.atomics import pause
from ..shm.memory import AMO_64, address_of, load_64, store_64
from ..shm.segment import Window
from ..shm.spinlock import PAUSES, backoff
from .bare import bare_window
from .holdups import begin_hold_ups, hold_up

MEMORY_BYTES = 16 * MIB
RESERVED_FRAMES = 64
LINE = 8  # words in a cache line
LONGER = float(os.environ.get("EMU_LONGER", 1))  # times as long as usual: to search for what is rare
BOUND_S = 0.8 * LONGER  # how long a test may run that has done enough to mean anything
TIMED_S = 0.4 * LONGER  # for tests without an end of their own
START_S = 60.0
FAR, FAR_BYTES = 12 * MIB, 4 * MIB  # memory that no test uses, larger than a core's own caches
FAR_STRIDE = PAGE_SIZE + 64  # reaches every line
CONTROL_S = 60.0  # how long a control may look for its violation, which it should find in the first rounds
LONGEST_S = 120.0  # how long a test goes on that has not done enough, on a host that hardly gives it a core
STALLED_S = 30.0  # and how long when none of its processes gets on
LEAVE_S = 60.0  # for the last round, on such a host

# Words that all tests share, each in a line of its own; a test's own begin at OWN.
STOP, VIOLATIONS, ARRIVED, DONE = (k * LINE for k in range(4))
READY = 32 * LINE  # a line for each worker
RESULTS = 64 * LINE  # a line for each worker
OWN = 128 * LINE

_add = AMO_64["add"]


@hot
def word_at(m, k):
    """Host address of a shared word."""
    return address_of(m) + RAM_OFFSET + k * 8


@hot
def get_word(m, k):
    return load_64(word_at(m, k))


@hot
def set_word(m, k, value):
    store_64(word_at(m, k), value)


@hot
def add_word(m, k, value):
    """Add atomically; the old value."""
    return _add(word_at(m, k), value)


@hot
def over(m):
    return get_word(m, STOP) != 0


@hot
def violation(m):
    add_word(m, VIOLATIONS, 1)
    set_word(m, STOP, 1)


@hot
def shown(m, at, enough):
    """Count, in a word of the test's own, what it wants to see; the run ends when that was often enough."""
    if add_word(m, at, 1) + 1 >= enough:
        set_word(m, STOP, 1)


@hot
def result(m, me, value):
    set_word(m, RESULTS + me * LINE, value)


@hot
def dawdle(steps):
    """A short time of no use."""
    for _ in range(steps):
        pause()


@hot
def prepare_slow_stores(m):
    """Have the host give this process the memory, which takes far longer than a store."""
    for page in range(FAR_BYTES // PAGE_SIZE):
        store_64(address_of(m) + RAM_OFFSET + FAR + page * PAGE_SIZE, 0)


@hot
def slow_store(m, number):
    """A store that takes long, since its line is in no cache of this core.

    A processor carries out stores in order, so what is stored next takes long, too, and later loads overtake it. Where
    only a fence prevents that, this makes it happen often, also where both actors share a core's caches.
    """
    store_64(address_of(m) + RAM_OFFSET + FAR + number * FAR_STRIDE % FAR_BYTES, number)


@hot
def spin(spins):
    """Wait a little in a loop, never so long that the process sleeps; returns the next argument."""
    return min(backoff(spins), PAUSES + 1)


@hot
def meet(m, workers):
    """A barrier; False when the run is over."""
    mine = add_word(m, ARRIVED, 1) // workers
    spins = 0
    while get_word(m, ARRIVED) < (mine + 1) * workers:
        if over(m):
            return False
        spins = spin(spins)
    return True


def _worker(config, me, descriptors, module, name, arguments):
    """Entry of a process."""
    pin(me, config["pinned"])  # two that share a core take turns instead of racing
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    prepare_actor(window, me, config["policy"])
    function = getattr(importlib.import_module(module), name)
    if isinstance(function, Entry):
        function.compile()
    if config["held_up"]:
        begin_hold_ups()
    window.memory(0, RESERVED_FRAMES).view(np.int64)[READY + me * LINE] = 1
    if isinstance(function, Entry):
        function(window.address, me, config["workers"], *arguments)
    else:
        function(window, me, config["workers"], config["directory"], *arguments)


class Crew:
    """A bare window and the processes on it. A context manager. `held_up`: at any instruction (holdups.py).

    Other options are those of `bare_window`, such as cpus, where the machine has more than the workers play.
    """

    def __init__(self, workers, seed, policy="inko", directory="", pinned=True, held_up=False, **machine):
        self.workers, self.seed, self.policy = workers, seed, policy
        self.directory, self.pinned, self.held_up = directory, pinned, held_up
        self._machine_options = machine
        self.died = 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            options = {"cpus": self.workers, "policy": self.policy, "seed": self.seed, **self._machine_options}
            self.window = stack.enter_context(bare_window(memory_bytes=MEMORY_BYTES, **options))
            self.machine = self.window.machine
            self.machine["fresh_frame"] = RESERVED_FRAMES
            self.machine["nr_free_frames"] -= RESERVED_FRAMES
            self.words = self.window.memory(0, RESERVED_FRAMES).view(np.int64)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.words = self.machine = None
        self._stack.__exit__(*exception)

    @property
    def violations(self):
        return int(self.words[VIOLATIONS])

    def results(self):
        """What the workers reported."""
        return [int(self.words[RESULTS + me * LINE]) for me in range(self.workers)]

    def run(self, module, jobs, bound_s=BOUND_S, destroys=False, enough=None, patience_s=None):
        """Start a process for each (function name, integer arguments), and wait for all of them.

        The bound counts from when all have started: on a busy host that may take longer than the bound.
        `enough` says whether they have done what the test needs to mean anything: if not, they go on beyond the bound.
        A control that destroys the lists that it walks on may walk in circles or off the window: then a
        process that does not end, or dies, is its violation; `died` counts those.
        """
        config = {
            "address": self.window.address, "memory_bytes": MEMORY_BYTES, "policy": self.policy,
            "workers": self.workers, "directory": self.directory, "pinned": self.pinned, "held_up": self.held_up,
        }  # fmt: skip
        for name in {name for name, _ in jobs}:
            function = getattr(importlib.import_module(module), name)
            if isinstance(function, Entry) and not function.is_compiled:
                function.compile()  # here: the processes find it in the cache
        if self.held_up:
            hold_up.compile()
        segments = [Descriptor(d) for d in self.window.descriptors]
        processes = [
            start_function(f"litmus-{me}", _worker, config, me, segments, module, name, arguments)
            for me, (name, arguments) in enumerate(jobs)
        ]
        ready = self.words[READY : READY + len(jobs) * LINE : LINE]
        end = time.monotonic() + START_S
        while not ready.all() and any(p.is_alive() for p in processes) and time.monotonic() < end:
            time.sleep(0.005)
        late = self._join(processes, bound_s)
        if patience_s is None:
            patience_s = 1.0 if destroys else LEAVE_S
        if late and enough is not None and not self._until(enough, processes):
            patience_s = 1.0
        if late:
            self.words[STOP] = 1
            late = self._join(processes, patience_s)
        for process in late:
            process.kill()
            process.join()
        if destroys:
            self.died = sum(p.exitcode != 0 for p in processes)
            self.words[VIOLATIONS] += self.died
            return
        assert not late, f"{[p.name for p in late]} did not end"
        assert [p.exitcode for p in processes] == [0] * len(processes)
        assert enough is None or self.violations or enough(), f"too few rounds to mean anything: {self.results()}"

    def run_all(self, module, name, *arguments, **options):
        """The same function in every process."""
        self.run(module, [(name, arguments)] * self.workers, **options)

    def _until(self, enough, processes):
        """Beyond the bound, until enough is done or shown; False when none of the processes gets on any more."""
        end, stalled, done = time.monotonic() + LONGEST_S, time.monotonic() + STALLED_S, self.results()
        while not self.violations and not enough() and time.monotonic() < end and self._join(processes, 0.05):
            if self.results() != done:
                stalled, done = time.monotonic() + STALLED_S, self.results()
            elif time.monotonic() > stalled:
                return False
        return True

    @staticmethod
    def _join(processes, bound_s):
        end = time.monotonic() + bound_s
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
        return [p for p in processes if p.is_alive()]


assert RESERVED_FRAMES * PAGE_SIZE // 8 >= OWN + 64 * 256
