"""CPUs of a bare machine, played by the test's own process, with a clock that the test sets.

with played(3, "codezero") as cpus:
    i = cpus.start(0, nice=5)
    cpus.run(0, 10 * SECOND)
"""

import contextlib

from emu.kernel.sched import waking
from emu.kernel.sched.runqueue import QUEUES_GLOBAL
from emu.kernel.thread.states import SLEEP_TIME, STATE_NAMES, WHERE
from emu.limits import BUDGET_INSTRUCTIONS, GLOBAL_QUEUE
from emu.shm.clock import read_cycles
from emu.shm.cpumask import to_words
from emu.testing.bare import bare_window
from emu.testing.checks import check_queues
from tests.kernel import wrappers as hot

ALL = -1
MS = 1_000_000
SECOND = 1000 * MS
TICK_NS = 150_000  # what BUDGET_INSTRUCTIONS take


class Cpus:
    """A window and the little that a CPU's loop does around the core."""

    def __init__(self, window, policy="inko"):
        self.window, self.base, self.machine, self.policy = window, window.address, window.machine, policy
        self.nr = int(self.machine["nr_cpus"])
        self.threads = self.machine["threads"]
        self.now = 0

    # --- time ---

    def stop_clock(self):
        """From here on time passes only in `advance` (and by 1 ns whenever it is looked at)."""
        self.machine["clock_rate"] = 1
        latest = max(self.machine["queues"]["now_ns"].max(), self.machine["cpus"]["marked_ns"].max())
        self.now = (int(latest) // SECOND + 2) * SECOND
        self.advance(0)

    def advance(self, ns):
        self.now += ns
        self.machine["clock_base"], self.machine["clock_start_ns"] = read_cycles(0), self.now

    def step(self, ns=TICK_NS):
        """Time passes, then each CPU's tick comes, or it looks for work; who runs where."""
        self.advance(ns)
        for me in range(self.nr):
            i = self.current(me)
            if i >= 0:
                self.machine["cpus"][me]["instructions"] += BUDGET_INSTRUCTIONS * ns // TICK_NS
            if i < 0:
                hot.pick_next(self.base, me)
            elif self.machine["cpus"][me]["resched"]:
                hot.switch(self.base, me, i)
            else:
                hot.tick(self.base, me, i)
        return [self.current(me) for me in range(self.nr)]

    def run(self, ns, tick_ns=TICK_NS):
        """Many steps; the time each thread ran meanwhile, by thread."""
        alive = range(int(self.machine["fresh_thread"]))
        self.book()
        before = [int(self.threads[i]["runtime_ns"]) for i in alive]
        end = self.now + ns
        while self.now < end:
            self.step(min(tick_ns, end - self.now))
        self.book()
        return {i: int(self.threads[i]["runtime_ns"]) - before[i] for i in alive}

    def book(self):
        """Book the running threads' time up to now, as the core does before a hook."""
        for me in range(self.nr):
            i = self.current(me)
            if i >= 0:
                c = self.machine["cpus"][me]
                self.threads[i]["runtime_ns"] += self.now - c["accounted_ns"]
                c["accounted_ns"] = self.now

    # --- threads ---

    def new(self, affinity=ALL, nice=0, realtime=0):
        i = hot.allocate_thread(self.base, 0, 0)
        if affinity != ALL:
            self.threads[i]["affinity"] = self.threads[i]["asked_affinity"] = to_words(affinity)
        self.threads[i]["nice"], self.threads[i]["realtime"] = nice, realtime
        return i

    def start(self, me, **options):
        i = self.new(**options)
        waking.start(self.base, me, i)
        return i

    def state(self, i):
        where = int(self.threads[i]["where"])
        return STATE_NAMES[WHERE.get(where, "state")], WHERE.get(where, "queue")

    def home(self, cpu):
        """The queue on which threads wait for a CPU."""
        return GLOBAL_QUEUE if self.machine["queue_kind"] == QUEUES_GLOBAL else cpu

    def current(self, me):
        return int(self.machine["cpus"][me]["current"])

    def pick(self, me):
        return hot.pick_next(self.base, me)

    def switch(self, me):
        """The running thread goes back to its queue, and the next one runs: as the loop does, from anywhere."""
        i = hot.switch(self.base, me, self.current(me))
        return i if i >= 0 else hot.pick_next(self.base, me)

    def sleep(self, me, i):
        word = hot.sleep(self.base, i, SLEEP_TIME)
        assert hot.block(self.base, me, i) == 1
        return word

    def wake(self, me, i, word):
        assert hot.claim_sleep(self.base, i, word) == 1
        hot.make_runnable(self.base, me, i)

    def exit(self, me, i):
        hot.leave(self.base, me, i)
        hot.free_thread(self.base, me, i)

    def check(self):
        check_queues(self.machine, self.policy)
        assert self.machine["failed"] == 0, f"failed {self.machine['failed']} ({self.machine['failed_value']})"


@contextlib.contextmanager
def played(cpus=3, policy="inko", seed=1, **options):
    with bare_window(cpus=cpus, policy=policy, seed=seed, memory_bytes=4 << 20, **options) as window:
        yield Cpus(window, policy)
