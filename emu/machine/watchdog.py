"""The watchdog: it finds mistakes of a policy that show only with time, by looking at shared memory now and then.

A wrong answer of a hook is caught at once by the core (kernel/sched/runqueue.py).  Two mistakes
show only with time, and the supervisor looks for them while it waits:

* a thread that is runnable and was not picked for `patience_s`, although a CPU that may run
  it picked others or idled: the policy lost it, or starves it;
* a CPU that has held a run queue's lock for `hang_s` without a break: a hook does not return.

Delays of the host are told apart: that a CPU's process is stopped (SIGSTOP), or wants to run and gets no core, is not
the policy's fault.  Then the wait begins anew, and one line says which process it is.

Looking costs a pass over one array every PERIOD_S, and every IDLE_PERIOD_S when no thread is runnable.
"""

import time
from dataclasses import dataclass

import numpy as np

from ..kernel.failures import FAIL_POLICY_HANGS, FAIL_POLICY_STARVES
from ..kernel.thread.states import RUNNABLE, WHERE
from ..limits import GLOBAL_QUEUE, MAX_CPUS, MAX_QUEUES, SERVER, SUPERVISOR, TIMEKEEPER
from ..shm.cpumask import to_int
from ..shm.events import recent_events
from .host_process import held_up, look_at
from .threads import name_of
from .waits import queue_name, tid_of

PERIOD_S = 1.0
IDLE_PERIOD_S = 2.0  # while nothing is runnable
PATIENCE_S = 30.0  # as long as sched_ext's
LAST_EVENTS = 3
ACTORS = {SUPERVISOR: "the supervisor", SERVER: "the system server", TIMEKEEPER: "the timekeeper"}  # they are no CPUs


@dataclass(frozen=True)
class Fault:
    """What went wrong: a failure code with its value, and the rest of the sentence."""

    code: int
    value: int
    detail: str


class Watchdog:
    """Looks at a machine record; a process of the host is looked at through `look_at`."""

    def __init__(self, machine, patience_s=PATIENCE_S, hang_s=None, look_at=look_at):
        self._machine, self._look_at = machine, look_at
        self._patience_s = patience_s
        self._hang_s = patience_s / 3 if hang_s is None else hang_s
        self._waiting = {}  # (thread, slices, generation) -> (when first seen runnable, {CPU: its host process then})
        self._held = {}  # queue -> ((holder, the queue's time), when first seen, the holder's host process then)
        self._next_s = 0.0
        self.host = ""  # what the host does to a CPU for which somebody waits, in words

    def look(self):
        """The Fault that has shown, None when none has."""
        now = time.monotonic()
        if now < self._next_s:
            return None
        self._next_s = now + min(PERIOD_S, self._patience_s / 3)
        self.host = ""
        if self._machine["paused"]:  # nobody is picked, and no hook runs
            self._waiting, self._held = {}, {}
            return None
        return self._hanging(now) or self._starving(now)

    # --- a thread that nobody picks -----------------------------------------------------------------

    def _starving(self, now):
        threads = self._machine["threads"][: int(self._machine["fresh_thread"])]
        runnable = np.flatnonzero(WHERE.get(threads["where"], "state") == RUNNABLE)
        seen = {(int(i), int(threads["slices"][i]), int(threads["generation"][i])) for i in runnable}
        self._waiting = {key: self._waiting.get(key) or (now, self._processes(key[0])) for key in seen}
        for key, (since, before) in self._waiting.items():
            if now - since > self._patience_s:
                reason = self._host_reason(before, now - since)
                if not reason:
                    return Fault(FAIL_POLICY_STARVES, key[0], self._about(key[0], now - since))
                self.host = f"thread {key[0]} ({name_of(threads[key[0]])!r}) waits for CPUs that do not run: {reason}"
                self._waiting[key] = (now, self._processes(key[0]))
        return None

    def _cpus_for(self, i):
        """The CPUs from which a runnable thread may expect to be picked."""
        t = self._machine["threads"][i]
        queue = WHERE.get(int(t["where"]), "queue")
        if queue != GLOBAL_QUEUE:
            return [queue]
        mask = to_int(t["affinity"]) & to_int(self._machine["online"])
        return [cpu for cpu in range(MAX_CPUS) if mask >> cpu & 1]

    def _processes(self, i):
        return {cpu: self._process(cpu) for cpu in self._cpus_for(i)}

    def _process(self, actor):
        return self._look_at(int(self._machine["cpus"]["process"][actor]))

    def _host_reason(self, before, span_s):
        """Why each of these CPUs was kept from running by the host, "" where one was not."""
        reasons = {cpu: held_up(process, self._process(cpu), int(span_s * 1e9)) for cpu, process in before.items()}
        if not reasons or not all(reasons.values()):
            return ""
        pids = self._machine["cpus"]["process"]
        return ", ".join(f"process {int(pids[cpu])} (CPU {cpu}) {reason}" for cpu, reason in reasons.items())

    def _about(self, i, waited_s):
        m, t = self._machine, self._machine["threads"][i]
        queue, pid = WHERE.get(int(t["where"]), "queue"), int(m["tasks"]["pid"][int(t["task"])])
        return (
            f"{name_of(t)!r}, tid {tid_of(t, i)} of task {pid}, waits on the queue of {queue_name(queue)}"
            f" for {waited_s:.1f} s; " + "; ".join(self._doing(cpu) for cpu in self._cpus_for(i)[:4])
        )

    def _doing(self, cpu):
        """What a CPU does, and its last events where they are recorded."""
        if cpu in ACTORS:
            return f"{cpu} is {ACTORS[cpu]}, which runs hooks too"
        m, c = self._machine, self._machine["cpus"][cpu]
        i = int(c["current"])
        doing = self._running(m["threads"][i], i) if i >= 0 else "idles"
        last = recent_events(c, LAST_EVENTS) if m["tracing"] else []
        return f"CPU {cpu} {doing}" + (f", its last events: {', '.join(last)}" if last else "")

    def _running(self, t, i):
        """What a CPU runs: where its thread is, and who changes what the task has mapped, for which it may wait."""
        mapper = int(self._machine["tasks"]["map_lock"][int(t["task"])]) - 1
        waits = f", its task's map_lock is held by {mapper}" if mapper >= 0 else ""
        return f"runs thread {i} ({name_of(t)!r}) at pc {int(t['pc']):#x}{waits}"

    # --- a hook that does not return ------------------------------------------------------------------

    def _hanging(self, now):
        locks, times = self._machine["queues"]["lock"], self._machine["queues"]["now_ns"]
        held = {}
        for queue in np.flatnonzero(locks[:MAX_QUEUES]):
            holder = int(locks[queue]) - 1
            progress = (holder, int(times[queue]))  # of whoever locks it, the time
            before = self._held.get(int(queue))
            if not before or before[0] != progress:
                before = (progress, now, self._process(holder))
            elif now - before[1] > self._hang_s:
                reason = self._host_reason({holder: before[2]}, now - before[1])
                if not reason:
                    text = f"it has held the queue of {queue_name(int(queue))} for {now - before[1]:.1f} s"
                    return Fault(FAIL_POLICY_HANGS, holder, f"{text}; {self._doing(holder)}")
                self.host = f"the queue of {queue_name(int(queue))} is locked by one that does not run: {reason}"
                before = (progress, now, self._process(holder))
            held[int(queue)] = before
        self._held = held
        return None
