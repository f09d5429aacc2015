"""A random walk over everything the core does with threads, for property tests of policies."""

from hypothesis import Phase, settings

from emu.limits import SERVER
from emu.shm.cpumask import to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import ALL, MS, TICK_NS

NICE = (-20, -15, -5, -1, 0, 4, 5, 19)
MOST_ALIVE = 14
# Without shrinking: a walk's choices hang together, so it takes minutes and gains little.
WALKS = settings(max_examples=10, deadline=None, phases=(Phase.reuse, Phase.generate))


class Walk:
    """`step()` does one thing by chance; the threads alive and the words of those that sleep."""

    def __init__(self, cpus, chance, realtime=True, longest_ns=3 * MS):
        self.cpus, self.chance, self.realtime, self.longest_ns = cpus, chance, realtime, longest_ns
        self.alive, self.words = set(), {}

    def step(self):
        cpus, chance = self.cpus, self.chance
        cpus.advance(chance.choice((0, 1000, TICK_NS, self.longest_ns)))
        me = chance.randrange(cpus.nr)
        i = cpus.current(me)
        doing = chance.randrange(20)
        if doing < 4 and len(self.alive) < MOST_ALIVE:
            self.start(me)
        elif i < 0:
            cpus.pick(me)
        elif doing < 7:
            hot.switch(cpus.base, me, i)
        elif doing < 9:
            hot.yield_cpu(cpus.base, me, i)
        elif doing < 12:
            hot.tick(cpus.base, me, i)
        elif doing < 15:
            self.words[i] = cpus.sleep(me, i)
        elif doing == 15:
            cpus.exit(me, i)
            self.alive.remove(i)
        elif doing == 16:
            self.renice(me, i)
        elif doing == 17:
            hot.balance_periodically(cpus.base, me)
        elif self.alive:
            self.move(me, chance.choice(sorted(self.alive)))
        if self.words and chance.randrange(3) == 0:
            self.wake(chance.choice(sorted(self.words)), chance.choice((me, SERVER)))

    def start(self, me):
        chance = self.chance
        everywhere = (1 << self.cpus.nr) - 1
        self.alive.add(
            self.cpus.start(
                chance.choice((me, SERVER)),
                affinity=chance.choice((ALL, ALL, 1 << chance.randrange(self.cpus.nr), everywhere & ~1 or 1)),
                nice=chance.choice(NICE),
                realtime=chance.choice((0, 0, 0, 50)) if self.realtime else 0,
            )
        )

    def renice(self, me, i):
        """The running thread changes its importance, which its next tick makes known."""
        self.cpus.threads[i]["nice"] = self.chance.choice(NICE)
        hot.tick(self.cpus.base, me, i)

    def move(self, me, i):
        """A waiting thread is taken elsewhere: its affinity changes."""
        if self.cpus.state(i)[0] == "runnable":
            self.cpus.threads[i]["affinity"] = to_words(1 << self.chance.randrange(self.cpus.nr))
            hot.move_runnable(self.cpus.base, me, i)

    def wake(self, i, me):
        self.cpus.wake(me, i, self.words.pop(i))

    def settle(self):
        """Wake everybody and run all threads to their end: each one gets a CPU."""
        for i in sorted(self.words):
            self.wake(i, 0)
        for i in self.alive:
            self.cpus.threads[i]["affinity"] = to_words(ALL)
        for _ in range(50 * (len(self.alive) + 1)):
            for me in range(self.cpus.nr):
                i = self.cpus.current(me)
                i = i if i >= 0 else self.cpus.pick(me)
                if i >= 0:
                    self.cpus.exit(me, i)
                    self.alive.remove(i)
            if not self.alive:
                return
        raise AssertionError(f"threads {sorted(self.alive)} never got a CPU")
