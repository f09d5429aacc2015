"""Three rules of the checker (check.py) about which threads run where, and which wait meanwhile.

beside   a runnable thread waits beside an idle CPU that may run it, for longer than `idle_limit_ns`
starves  a runnable thread is not run for longer than `starvation_limit_ns` while its CPUs run others
pool     a thread that has entered a pool of CPUs begins to run on a CPU of the other one

A CPU may run a thread that its affinity allows, unless the CPU is exclusive, if the thread waits on the CPU's own queue
or on one from which it takes: where the policy has `balance`, or one queue for all.  Time in which the host kept the
CPU's process from running (host-stall events), or the machine was paused, does not count.

The first limit is a second: CPUs look at once, but a parked one wakes when the host runs it, which a busy host delays
by a quarter of a second now and then.  The other is ten: how long a thread may have to wait is the policy's business,
and the watchdog ends a machine after thirty.
"""

from ..abi.words import WORD

IDLE_LIMIT_NS = 1_000_000_000
STARVATION_LIMIT_NS = 10_000_000_000
EVERY_CPU = -1


class WaitRules:
    """Fed by the checker, in order of time: `idles`, `runs`, what threads and CPUs may do, and `finish`."""

    def __init__(self, checker, idle_limit_ns, starvation_limit_ns):
        self._checker = checker
        self.idle_limit_ns, self.starvation_limit_ns = idle_limit_ns, starvation_limit_ns
        machine = checker.trace.header["machine"]
        self._takes = "balance" in machine["hooks"]
        blocking = machine.get("blocking_cpus", 0)
        self._blocking_pool = range(machine["cpus"] - blocking, machine["cpus"])
        self.known = "affinity" in checker.names  # an old trace does not say who may run where
        self.forget()

    def forget(self):
        """Nothing is known (any more)."""
        self._idle_since, self._last_ran, self._stalls, self._pauses = {}, {}, {}, {}
        self._affinity, self._exclusive, self._said = {}, set(), {}
        self._pools = {}  # of threads that entered one they may run in: 1 blocking, and the event

    # --- what happens -------------------------------------------------------------------------------

    def note(self, name, actor, index, generation, a, b):
        """Events that break no rule themselves."""
        if name == "affinity":
            self._set_affinity(index, generation, a, b)
        elif name == "pool":
            self._pools[index, generation] = (a, self._checker.k) if b else None
        elif name == "exclusive":
            (self._exclusive.add if b else self._exclusive.discard)(a)
        elif name in ("host-stall", "paused"):
            self._stalls.setdefault(actor, []).append((self._checker.now, a))
            if name == "paused":
                self._pauses.setdefault(actor, []).append((self._checker.now, a))

    def _set_affinity(self, index, generation, mask, word):
        """64 of the CPUs that may run a thread, from 64 * word on, are known. Its pool may not count any more."""
        self._pools.pop((index, generation), None)
        others = self._affinity.get((index, generation), EVERY_CPU) & ~(WORD << 64 * word)
        self._affinity[index, generation] = others | (mask & WORD) << 64 * word

    def idles(self, cpu, now):
        """A CPU has just begun its life, or ended to run a thread."""
        self._idle_since[cpu] = self._last_ran[cpu] = now

    def gone(self, cpu):
        self._idle_since.pop(cpu, None)

    def runs(self, cpu, index, t, now):
        """A CPU begins to run thread t, which has waited until now; nothing of it has changed yet."""
        entered = self._pools.get((index, t.generation))
        if entered and (cpu in self._blocking_pool) != entered[0]:
            pool = "blocking" if entered[0] else "primary"
            self._checker.violation("pool", f"CPU {cpu} runs thread {t.label}, which is in the {pool} pool", entered[1])
        if self.known:
            since = self._idle_since.get(cpu)
            if since is not None and now - since > self.idle_limit_ns:
                for other, w in self._checker.threads.items():
                    self._beside(cpu, other, w, now)
            self._look_at(index, t, now)
        self._idle_since.pop(cpu, None)
        self._last_ran[cpu] = now

    def finish(self, now):
        """What still waits when the trace ends."""
        if self.known:
            for index, t in self._checker.threads.items():
                self._look_at(index, t, now)

    # --- the rules ------------------------------------------------------------------------------------

    def _look_at(self, index, t, now):
        if t.state != "runnable":
            return
        if now - t.since_ns > self.idle_limit_ns:
            for cpu in list(self._idle_since):
                self._beside(cpu, index, t, now)
        self._starving(index, t, now)

    def _beside(self, cpu, index, t, now):
        start = max(t.joined_ns, self._idle_since[cpu])
        if t.state != "runnable" or self._is_said(t) or not self._may_run(cpu, index, t):
            return
        waited_ns = now - start - self._stalled_ns(cpu, start)
        if waited_ns > self.idle_limit_ns:
            self._say("beside", t, waited_ns, f"beside CPU {cpu}, which idled and may run it")

    def _starving(self, index, t, now):
        if self._is_said(t) or now - t.since_ns <= self.starvation_limit_ns:
            return
        cpus = [cpu for cpu in self._checker.cpus if self._may_run(cpu, index, t)]
        busy = [cpu for cpu in cpus if self._checker.cpus[cpu].runs or self._last_ran.get(cpu, 0) > t.since_ns]
        if busy:
            waited_ns = now - t.since_ns - min(self._stalled_ns(cpu, t.since_ns) for cpu in cpus)
            if waited_ns > self.starvation_limit_ns:
                self._say("starves", t, waited_ns, f"while others ran on CPU {busy[0]}")

    def _may_run(self, cpu, index, t):
        if not self._affinity.get((index, t.generation), EVERY_CPU) >> cpu & 1:
            return False
        if self._checker.cpus[cpu].life not in ("up", "unknown"):
            return False
        if t.queue == cpu:
            return True
        one = self._checker.one_queue and t.queue == self._checker.global_queue
        return cpu not in self._exclusive and (one or self._takes)

    def _stalled_ns(self, cpu, start):
        """How long the host, or a pause of the machine, kept a CPU from running since a time."""
        return _since(self._stalls.get(cpu, ()), start)

    def paused_ns(self, cpu, start):
        """How long the machine has been paused since a time, as far as a CPU has noticed."""
        return _since(self._pauses.get(cpu, ()), start)

    def _queue(self, t):
        return "the global queue" if t.queue == self._checker.global_queue else f"the queue of CPU {t.queue}"

    def _is_said(self, t):
        return self._said.get(t.label) == t.since_ns

    def _say(self, rule, t, waited_ns, how):
        self._said[t.label] = t.since_ns  # once for each wait
        text = f"thread {t.label} waited {waited_ns / 1e6:.1f} ms on {self._queue(t)} {how}"
        self._checker.violation(rule, text, t.last)


def _since(spans, start):
    """What of spans, (end, ns) each, comes after a time."""
    return sum(min(ns, end - start) for end, ns in spans if end > start)
