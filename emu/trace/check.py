"""The checker: does a trace keep the rules of a scheduler? A library function; `emu trace --check` prints it.

    found = check_trace("run.trace")
    assert not found.violations, found.text()

rule      what always holds
order     a thread runs only after it became runnable, becomes runnable only after a sleep or a run, and so on
two-cpus  a thread runs on one CPU at most, a CPU runs one thread at most
place     a thread is taken from the queue it waits on, by that queue's CPU unless it was stolen or moved
handle    a record's generation grows with each thread that has it; no event names a thread that has exited
time      run delays, and times run, are what the events' own times say
slice     a thread runs no longer than its slice, plus the slack, while another one waits for its CPU
suspend   a suspended thread does nothing until it is resumed, but may be killed
idle      no thread waits on the queue of a CPU that sleeps for longer than the slack
cpu-life  a CPU does nothing before cpu-up or after cpu-down (but tell the supervisor), and its queue gets nothing
beside    no runnable thread waits for long beside an idle CPU that may run it (waits.py)
starves   no runnable thread waits for very long while its CPUs run others (waits.py)
pool      a thread runs in the pool of CPUs that it has entered (waits.py)
lost      when all schedulers have exited, every thread has

Where events were lost, nothing is checked between the first and the last lost one, and what is
known about threads and CPUs before is forgotten.  In a trace without an end, events after the start
of the last round are not looked at, since their causes may be missing.
"""

import os
from collections import Counter
from dataclasses import dataclass, field

from .file import Trace, read_trace
from .states import ABSENT, BLOCKED, GONE, RUNNABLE, RUNNING, UNKNOWN, CpuState, QueueState, ThreadState
from .text import brief
from .waits import IDLE_LIMIT_NS, STARVATION_LIMIT_NS, WaitRules

TICK_NS = 1_000_000  # between two looks at the slice, on a slow host
HOST_NS = 250_000_000  # a host that is busy may take a CPU's process off its core for so long


@dataclass(frozen=True)
class Violation:
    rule: str
    text: str
    event: int  # position in trace.events
    other: int | None  # the earlier event that it contradicts


@dataclass
class Checked:
    trace: Trace
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: int = 0  # looked at
    threads: int = 0
    switches: int = 0

    def line(self, violation: Violation) -> str:
        """A violation in one line, with its two events."""
        events = self.trace.events
        after = f" after {brief(self.trace, events[violation.other])}" if violation.other is not None else ""
        return f"{violation.rule}: {violation.text}: {brief(self.trace, events[violation.event])}{after}"

    def text(self) -> str:
        return "\n".join(self.line(v) for v in self.violations)


def check_trace(
    trace: str | os.PathLike[str] | Trace,
    slack_ns: int = TICK_NS + HOST_NS,
    idle_limit_ns: int = IDLE_LIMIT_NS,
    starvation_limit_ns: int = STARVATION_LIMIT_NS,
) -> Checked:
    """Check a trace, or the one in a file; the result has every violation of the rules, in order of time.

    TraceError when the file is no trace.
    """
    if not isinstance(trace, Trace):
        trace = read_trace(trace)
    return _Checker(trace, slack_ns, idle_limit_ns, starvation_limit_ns).check()


class _Checker:
    def __init__(self, trace, slack_ns, idle_limit_ns, starvation_limit_ns):
        self.trace, self.slack_ns = trace, slack_ns
        self.result = Checked(trace)
        machine = trace.header["machine"]
        self.nr_cpus, self.global_queue = machine["cpus"], machine["global_queue"]
        self.core_slices = not {"tick", "timeslice"} & set(machine["hooks"])
        self.slice_ns, self.one_queue = machine["slice_ns"], machine["one_queue"]
        self.supervisor = next((k for k, v in trace.header["values"]["actor"].items() if v == "supervisor"), -1)
        self.suspended = next((k for k, v in trace.header["values"]["reason"].items() if v == "suspend"), -1)
        self.names = trace.names()
        self.gaps = 0  # stretches of lost events that have begun and not ended
        self.checked_gaps = 0
        self.seen = set()
        self.waits = WaitRules(self, idle_limit_ns, starvation_limit_ns)
        self._forget(ABSENT)

    def _forget(self, state):
        """Nothing is known (any more)."""
        self.unseen = state
        self.threads, self.queues = {}, {}
        self.waits.forget()
        self.cpus = {cpu: CpuState(life=state) for cpu in range(self.nr_cpus)}

    def check(self):
        columns = ("time_ns", "actor", "kind", "thread", "generation")
        self.now = 0
        events = self.trace.events
        events = events[events["time_ns"] <= self.trace.horizon_ns]
        self.result.events = len(events)
        rules = [getattr(self, "_" + name.replace("-", "_"), None) for name in self.names]
        gaps = self._gap_edges(events)
        for k, (time_ns, actor, kind, index, generation, a, b) in enumerate(
            zip(*(events[name].tolist() for name in columns), *(column.tolist() for column in self.trace.plain(events)))
        ):
            while gaps and time_ns > gaps[0][0]:
                self._pass_edge(gaps.pop(0)[1])
            self.k, self.now = k, time_ns
            if actor < self.nr_cpus and self.cpus[actor].life not in ("up", UNKNOWN):
                self._alive(actor, kind, a)
            rule = rules[kind] if kind < len(rules) else None
            if rule is None:
                name = self.names[kind] if kind < len(self.names) else ""
                self.waits.note(name, actor, index, generation, a, b)
                continue
            if index >= 0:
                rule(actor, self._thread(index, generation, rule == self._spawn), a, b)
            else:
                rule(actor, None, a, b)
        self.now, self.k = max(self.now, min(self.trace.horizon_ns, self.trace.end_ns)), len(events) - 1
        if len(events):
            self.waits.finish(self.now)
        for _, step in gaps:
            self._pass_edge(step)
        self._finish(len(events))
        return self.result

    # --- lost events ------------------------------------------------------------------------------

    def _gap_edges(self, events):
        """[(time, +1 or -1)] where stretches of lost events begin and end."""
        edges = []
        for event in events[events["kind"] == self.trace.kind_number("lost")]:
            edges += [(int(event["time_ns"]) - int(event["b"]) - 1, 1), (int(event["time_ns"]), -1)]
        reported = Counter()
        for event in self.trace.of_kind("lost"):
            reported[int(event["actor"])] += int(event["a"])
        for actor, count in self.trace.lost.items():
            if count > reported[actor]:  # the ring was full at the end
                mine = events["time_ns"][events["actor"] == actor]
                edges.append((int(mine[-1]) if len(mine) else 0, 1))
        return sorted(edges)

    def _pass_edge(self, step):
        self.gaps += step
        self.checked_gaps += step > 0
        self._forget(UNKNOWN)

    # --- what all events share --------------------------------------------------------------------

    def violation(self, rule, text, other=None):
        if self.gaps == 0:
            self.result.violations.append(Violation(rule, text, self.k, other))

    def _thread(self, index, generation, spawned):
        """The state of an event's thread, after a look at its generation."""
        t = self.threads.get(index)
        if t is not None and t.generation == generation and not (spawned and t.state == GONE):
            if t.state == GONE:
                self.violation("handle", f"thread {t.label} has exited", t.last)
                t.state = UNKNOWN
            return t
        label = self.trace.label(index, generation)
        if t is not None and generation <= t.generation:
            self.violation("handle", f"thread {label} is older than {t.label}, which has its record", t.last)
        elif t is not None and t.state not in (GONE, UNKNOWN):
            self.violation("handle", f"thread {label} has the record of {t.label}, which has not exited", t.last)
            self._leave_queue(t)
        fresh = ThreadState(index, label, generation, self.unseen if t is None else ABSENT)
        self.threads[index] = fresh
        self.seen.add(label)
        return fresh

    def _expect(self, t, what, *states):
        """Whether a thread is in one of these states; a violation where it is known to be in another."""
        if t.state in states:
            return True
        if t.state != UNKNOWN:
            self.violation("order", f"thread {t.label} {what} while it is {t.state}", t.last)
        return False

    def _set(self, t, state, queue):
        t.state, t.queue, t.since_ns, t.last, t.stolen_by = state, queue, self.now, self.k, -1

    def _join_queue(self, t, queue):
        t.joined_ns = self.now
        q = self.queues.setdefault(queue, QueueState())
        if q.waiting == 0:
            q.since_ns = self.now
        q.waiting += 1
        cpu = self.cpus.get(queue)
        if cpu and cpu.life not in ("up", UNKNOWN):
            self.violation("cpu-life", f"thread {t.label} is put on the queue of CPU {queue}, which is not up",
                            cpu.life_event)  # fmt: skip

    def _leave_queue(self, t):
        if t.state == RUNNABLE and t.queue in self.queues:
            self.queues[t.queue].waiting -= 1

    # --- life of a CPU ----------------------------------------------------------------------------

    def _alive(self, actor, kind, a):
        """What a CPU may do that is not up."""
        cpu, name = self.cpus[actor], self.names[kind] if kind < len(self.names) else ""
        if name in ("lost", "cpu-up"):
            return
        if cpu.life == "down" and name.startswith("ipi-") and a == self.supervisor:
            return  # that it has exited
        when = "after" if cpu.life == "down" else "before"
        self.violation("cpu-life", f"CPU {actor} does something {when} its life", cpu.life_event)

    def _cpu_up(self, actor, _, cpu, b):
        if self.cpus[cpu].life == "up":
            self.violation("cpu-life", f"CPU {cpu} comes up twice", self.cpus[cpu].life_event)
        self.cpus[cpu] = CpuState("up", self.k)
        self.waits.idles(cpu, self.now)

    def _cpu_down(self, actor, _, cpu, b):
        c = self.cpus[cpu]
        if c.life == ABSENT:
            self.violation("cpu-life", f"CPU {cpu} goes down and was never up")
        if c.runs:
            self.violation("cpu-life", f"CPU {cpu} goes down while it runs thread {c.runs.label}", c.runs.last)
        self.cpus[cpu] = CpuState("down", self.k)
        self.waits.gone(cpu)

    # --- life of a thread -------------------------------------------------------------------------

    def _spawn(self, actor, t, queue, task):
        self._expect(t, "is spawned", ABSENT)
        self._set(t, RUNNABLE, queue)
        self._join_queue(t, queue)

    def _wake(self, actor, t, queue, old):
        if self._expect(t, "is woken", BLOCKED) and t.queue != old:
            self.violation("place", f"thread {t.label} is woken from queue {old}, it sleeps on {t.queue}", t.last)
        self._leave_queue(t)
        self._set(t, RUNNABLE, queue)
        self._join_queue(t, queue)

    def _migrate(self, actor, t, queue, old):
        known = self._expect(t, "changes queues", RUNNABLE, BLOCKED)
        if known and t.queue != old:
            self.violation("place", f"thread {t.label} is moved from queue {old}, it is on {t.queue}", t.last)
        if known:
            self._leave_queue(t)
            t.queue, t.last = queue, self.k
            if t.state == RUNNABLE:
                self._join_queue(t, queue)

    def _steal(self, actor, t, queue, _):
        if self._expect(t, "is stolen", RUNNABLE):
            if t.queue != queue:
                text = f"thread {t.label} is stolen from queue {queue}, it waits on {t.queue}"
                self.violation("place", text, t.last)
            t.stolen_by = actor

    def _switch(self, actor, t, delay_ns, queue):
        self.result.switches += 1
        cpu = self.cpus.get(actor)
        self.waits.runs(actor, t.index, t, self.now)
        if t.state == RUNNING:
            self.violation("two-cpus", f"thread {t.label} begins to run while it runs on CPU {t.queue}", t.last)
        elif self._expect(t, "begins to run", RUNNABLE):
            if t.queue != queue:
                self.violation("place", f"thread {t.label} is taken from queue {queue}, it waits on {t.queue}", t.last)
            elif queue not in (actor, self.global_queue) and t.stolen_by != actor:
                self.violation("place", f"CPU {actor} runs thread {t.label} of queue {queue} and has not stolen it",
                                t.last)  # fmt: skip
            self._leave_queue(t)
        if cpu is None:
            self.violation("order", f"{self.trace.actor_name(actor)} runs threads")
        elif cpu.runs:
            self.violation("two-cpus", f"CPU {actor} runs {cpu.runs.label} already", cpu.runs.last)
        waited_since = t.since_ns if t.state == RUNNABLE else None
        if cpu and cpu.parked_ns is not None:
            self._check_idle(cpu, t, actor)
        if waited_since is not None and delay_ns != self.now - waited_since:
            self.violation("time", f"thread {t.label} waited {self.now - waited_since} ns", t.last)
        self._set(t, RUNNING, actor)
        if cpu:
            cpu.runs = t

    def _park(self, actor, _, a, b):
        if actor in self.cpus:
            self.cpus[actor].parked_ns = self.now

    def _check_idle(self, cpu, t, queue):
        """The CPU that begins to run this thread had gone to sleep."""
        if t.state == RUNNABLE and t.queue == queue:
            idle_ns = self.now - max(t.joined_ns, cpu.parked_ns)
            if idle_ns > self.slack_ns:
                self.violation("idle", f"CPU {queue} slept for {idle_ns / 1e6:.1f} ms while thread {t.label} waited "
                                "on its queue", t.last)  # fmt: skip
        cpu.parked_ns = None

    def _suspend(self, actor, t, a, b):
        if self._expect(t, "is suspended", RUNNING):
            t.suspended = True

    def _resume(self, actor, t, a, b):
        if not t.suspended and t.state != UNKNOWN:
            self.violation("suspend", f"thread {t.label} is resumed and was not suspended", t.last)
        t.suspended = False

    def _goes_on(self, t, what):
        if t.suspended:
            self.violation("suspend", f"thread {t.label} {what} while it is suspended", t.last)

    def _stop(self, actor, t, what, ran_ns):
        """The running thread leaves its CPU: its slice, its time."""
        if self._expect(t, what, RUNNING):
            if t.queue != actor:
                self.violation("order", f"thread {t.label} {what} on CPU {actor}, it runs on {t.queue}", t.last)
            if ran_ns is not None and ran_ns != self.now - t.since_ns:
                self.violation("time", f"thread {t.label} ran {self.now - t.since_ns} ns", t.last)
            self._check_slice(t)
        for number, cpu in self.cpus.items():
            if cpu.runs is t:
                cpu.runs = None
                self.waits.idles(number, self.now)

    def _check_slice(self, t):
        q = self.queues.get(self.global_queue if self.one_queue else t.queue)
        if self.core_slices and q and q.waiting:
            since_ns = max(t.since_ns, q.since_ns)
            over_ns = self.now - since_ns - self.slice_ns - self.waits.paused_ns(t.queue, since_ns)
            if over_ns > self.slack_ns:
                self.violation("slice", f"thread {t.label} ran on {over_ns / 1e6:.1f} ms past its slice "
                                "while others waited", t.last)  # fmt: skip

    def _preempt(self, actor, t, ran_ns, slice_ns):
        last = t.last
        if slice_ns and ran_ns > slice_ns + self.slack_ns:
            self.violation("slice", f"thread {t.label} ran {(ran_ns - slice_ns) / 1e6:.1f} ms past its slice", last)
        if t.state == RUNNING and ran_ns > self.now - t.since_ns:
            self.violation("time", f"thread {t.label} ran {self.now - t.since_ns} ns at most", last)
        self._goes_on(t, "is preempted")
        self._stop(actor, t, "is preempted", None)
        self._set(t, RUNNABLE, actor)
        self._join_queue(t, actor)

    def _yield(self, actor, t, ran_ns, queue):
        self._goes_on(t, "yields")
        self._stop(actor, t, "yields", ran_ns)
        self._set(t, RUNNABLE, actor)
        self._join_queue(t, actor)  # if only until a migrate

    def _block(self, actor, t, ran_ns, reason):
        if reason != self.suspended:
            self._goes_on(t, "falls asleep")
        self._stop(actor, t, "falls asleep", ran_ns)
        self._set(t, BLOCKED, actor)

    def _exit(self, actor, t, ran_ns, task):
        self._stop(actor, t, "exits", ran_ns)
        self._set(t, GONE, actor)

    # --- the end ----------------------------------------------------------------------------------

    def _finish(self, count):
        left = Counter()
        for t in self.threads.values():
            if t.state not in (GONE, UNKNOWN, ABSENT):
                left[t.state] += 1
                if self.trace.ended and self.gaps == 0:
                    self.k = t.last
                    self.violation("lost", f"all schedulers have exited, thread {t.label} is {t.state}")
        self.result.threads = len(self.seen)
        notes = self.trace.notes()
        beyond = len(self.trace.events) - count
        if beyond:
            notes.append(f"{beyond:,} events after the last whole round were not checked")
        if self.checked_gaps:
            notes.append(f"{self.checked_gaps} stretches with lost events were not checked")
        if not self.waits.known:
            notes.append("this trace does not say which CPUs may run a thread: waits beside idle CPUs were not checked")
        if left and not self.trace.ended:
            words = ", ".join(f"{n} {state}" for state, n in sorted(left.items()))
            notes.append(f"threads that had not exited when the trace ends: {words}")
        self.result.notes = notes
