"""The watchdog: what a policy does wrong slowly, found by looking at shared memory now and then.

A wrong answer of a hook is caught at once by the core (kernel/runqueue.py).  Two mistakes
show only with time, and the supervisor looks for them while it waits:

* a thread that is runnable and was not picked for PATIENCE_S, although a CPU that may run
  it picked others or idled: the policy lost it, or starves it;
* a CPU that has held a run queue's lock for HANG_S, and not taken it anew: a hook does not return.

Looking costs a pass over one array every PERIOD_S, and every IDLE_PERIOD_S when no thread is runnable.
"""

import time

import numpy as np

from ..kernel.failures import FAIL_POLICY_HANGS, FAIL_POLICY_STARVES
from ..kernel.states import RUNNABLE
from ..limits import MAX_QUEUES

PERIOD_S = 1.0
IDLE_PERIOD_S = 10.0  # while nothing is runnable
PATIENCE_S = 30.0  # as long as sched_ext's
HANG_S = 10.0


class Watchdog:
    def __init__(self, machine, patience_s=PATIENCE_S, hang_s=HANG_S):
        self._machine = machine
        self._patience_s, self._hang_s = patience_s, hang_s
        self._waiting = {}  # (thread, slices) -> when first seen runnable
        self._held = {}  # queue -> ((holder, the queue's time), when first seen)
        self._next_s = 0.0

    def look(self):
        """(failure code, value) of what went wrong, None when nothing has."""
        now = time.monotonic()
        if now < self._next_s:
            return None
        self._next_s = now + PERIOD_S
        return self._hanging(now) or self._starving(now)

    def _starving(self, now):
        threads = self._machine["threads"][: int(self._machine["fresh_thread"])]
        runnable = np.flatnonzero(threads["where"] & 0xFF == RUNNABLE)
        seen = {(int(i), int(threads["slices"][i]), int(threads["generation"][i])) for i in runnable}
        self._waiting = {key: self._waiting.get(key, now) for key in seen}
        late = [key for key, since in self._waiting.items() if now - since > self._patience_s]
        return (FAIL_POLICY_STARVES, late[0][0]) if late else None

    def _hanging(self, now):
        locks, times = self._machine["queues"]["lock"], self._machine["queues"]["now_ns"]
        held = {}
        for queue in np.flatnonzero(locks[:MAX_QUEUES]):
            holder = int(locks[queue]) - 1
            progress = (holder, int(times[queue]))  # of whoever locks it, the time
            before = self._held.get(int(queue))
            since = before[1] if before and before[0] == progress else now
            held[int(queue)] = (progress, since)
            if now - since > self._hang_s:
                return FAIL_POLICY_HANGS, holder
        self._held = held
        return None
