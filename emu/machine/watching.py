"""The supervisor's waiting: for the last scheduler, for a process that dies, for a policy that goes wrong."""

import os
import select
import time

from ..errors import MachineFailed, say
from ..kernel.failures import (
    FAIL_CPU_DIED,
    FAIL_FORKSERVER_DIED,
    FAIL_KEEPER_DIED,
    FAIL_SERVER_DIED,
    FAIL_SWEPT,
    explain,
)
from ..kernel.ipi import ASLEEP, INTERRUPTED, begin_park, end_park, take_pending
from ..limits import SERVER, SUPERVISOR, TIMEKEEPER, TRANSLATOR
from ..shm.cpumask import to_int
from ..shm.regions import no_longer_wait
from . import waits
from .children import forkserver_died
from .last_snapshot import keep_snapshot
from .watchdog import IDLE_PERIOD_S, PERIOD_S

SERVANTS = {SERVER: FAIL_SERVER_DIED, TIMEKEEPER: FAIL_KEEPER_DIED}  # the failure that their death is
FORKSERVER_S = 0.2  # its children die a moment before it is seen to be dead
MESSAGE_NS = 100_000_000  # while a message is on its way: between two looks whether its sender lives
DEADLOCK_S = 3.0  # how long every thread has waited for another one before it is said


class Watching:
    """The half of Machine that waits. It sleeps parked, like any actor: a wake-up is a hint, never a fact (rust-3)."""

    _failure_detail = ""  # what the watchdog knows beyond the code
    _attendants = ()  # what `_attend_to` was given
    _attending = False
    _deadlock = (0, 0.0)  # what the sleepers were when every thread waited for another one, and since when

    def _wait_for_schedulers(self, deadline=None):
        """Wait until no scheduler is active, or for an interrupt; MachineFailed when the machine fails (rust-6)."""
        self._wait_until(lambda: self._interrupted or not self._is_active(), deadline)
        self._check_roots()
        if self._failure:
            raise MachineFailed(self._failure)

    def _wait_until(self, done, deadline=None):
        """Wait until `done()`, or until a time. A wake-up is a hint, never a fact (rust-3)."""
        while not done():
            self._at_safe_point()
            self._check()
            if deadline is not None and self._running_s() > deadline:
                return
            self._sleep(lambda: self._attend() or done() or self._failed() or self._dead_root() is not None, deadline)

    def _attend_to(self, attendant):
        """Have `attendant.look()` called while this machine waits: after each interrupt, and when something has come
        in on one of its `descriptors()`. It returns whether it has done anything, and may use this machine."""
        self._attendants = (*self._attendants, attendant)

    def _leave_alone(self, attendant):
        """The end of `_attend_to`."""
        self._attendants = tuple(other for other in self._attendants if other is not attendant)

    def _attend(self):
        """Call the attendants, unless one of them is what waits. Whether one of them has done anything."""
        if self._lets_go:
            self._let_go()
        if self._attending:
            return False
        self._attending = True
        try:
            return any([attendant.look() for attendant in self._attendants])  # noqa: C419 (each of them looks)
        finally:
            self._attending = False

    def _dead_root(self):
        """A root program that was killed, None when there is none or the machine fails already."""
        self._collect()
        return None if self._failure else self._jobs.dead_root

    def _check_roots(self):
        """Fail the machine when a root program was killed (rust-6)."""
        job = self._dead_root()
        if job:
            self.fail(f"the root program {job.root} was killed by signal {job._status & 0x7F}")

    def _check(self):
        """MachineFailed when the machine has failed, or its policy has."""
        self._check_roots()
        self._look_for_deaths()
        wrong = self._watchdog.look()
        if wrong:
            self._leave_snapshot(explain(wrong.code, wrong.value, self.config.policy) + f": {wrong.detail}")
            self._fail(wrong.code, wrong.value, wrong.detail)
        elif self._watchdog.host:
            say(f"emu: {self._watchdog.host}")
        self._tell_deadlock()
        if self._failed():
            m = self.window.machine
            reason = explain(int(m["failed"]), int(m["failed_value"]), self.config.policy) + self._failure_detail
            self._leave_snapshot(reason)
            self._stop_all()
            raise MachineFailed(reason)

    def _leave_snapshot(self, failure):
        """Write the machine's last snapshot, where one is wanted; once."""
        path, self.snapshot_on_failure = self.snapshot_on_failure, None
        if path is not None:
            keep_snapshot(path, self._description.header(), self.window.descriptors[:2], failure)

    def _tell_deadlock(self):
        """Where every thread waits for another one, say so once: as under Linux, the run goes on until Ctrl-C."""
        m = self.window.machine
        if m["paused"]:
            return
        sleepers = waits.is_deadlock(m) and int(m["threads"]["sleep_sequence"].sum())
        now = time.monotonic()
        if not sleepers or self._deadlock[0] != sleepers:
            self._deadlock = (sleepers, now)
        elif now - self._deadlock[1] >= DEADLOCK_S and self._deadlock[1] > 0:
            self._deadlock = (sleepers, -1.0)
            self.on_deadlock()

    def on_deadlock(self):
        """Every thread has waited for another one for DEADLOCK_S. Called once for each time that this is so."""
        say("emu: every thread waits for another one; Ctrl-C ends this", *self.waits())

    def _sleep(self, done, deadline):
        """Sleep until the next interrupt. `done` is looked at after the last one was taken: its news count."""
        base = self.window.address
        take_pending(base, SUPERVISOR)
        if done():
            return
        parked = begin_park(base, SUPERVISOR)
        if parked == INTERRUPTED:
            return
        try:
            if parked == ASLEEP:
                self._poll(self._patience(deadline))
        finally:
            consumed = self._mail.take()
            if end_park(base, SUPERVISOR, int(consumed)):
                self._await_message()
                end_park(base, SUPERVISOR, 1)

    def _await_message(self):
        """Consume the message that is on its way.

        A process that was killed just before it sent the message never will, so when one is dead this waits no more.
        Should the message come after all, it only ends a later sleep early.
        """
        while not self._mail.sleep(time.monotonic_ns() + MESSAGE_NS):
            if not all(process.is_alive() for process in self._processes.values()):
                return

    def _patience(self, deadline):
        """How long to sleep: until the watchdog looks again, which nobody tells that an idle machine has work again."""
        queues, deques = self.window.machine["queues"], self.window.machine["deques"]
        busy = queues["nr_runnable"].any() or (deques["head"] != deques["tail"]).any()
        period = PERIOD_S if busy or queues["lock"].any() else IDLE_PERIOD_S
        period = min(period, self.config.patience_s / 3)
        if self._deadlock[0] and self._deadlock[1] > 0:  # seen once
            period = min(period, DEADLOCK_S)
        return period if deadline is None else min(period, max(0, deadline - self._running_s()))

    def _poll(self, timeout_s):
        """Sleep until a wake-up, until a signal has come, or until a child dies."""
        if not self._mail.pending():
            poll = select.poll()
            poll.register(self._mail.descriptor, select.POLLIN)
            poll.register(self._signals.descriptor, select.POLLIN)
            for attendant in () if self._attending else self._attendants:
                for descriptor in attendant.descriptors():
                    poll.register(descriptor, select.POLLIN)
            for actor, process in self._processes.items():
                if self._needed(actor) and process.sentinel >= 0:
                    poll.register(process.sentinel, select.POLLIN)
            poll.poll(timeout_s * 1000)

    def _look_for_deaths(self):
        """Fail when a process has died that should not have, or nobody can send it a message any more."""
        translator = self._processes.get(TRANSLATOR)
        if translator and not translator.is_alive():
            no_longer_wait(self.window.machine)
        dead = [actor for actor, process in self._processes.items() if not process.is_alive() and self._needed(actor)]
        if dead and not self._failed():
            code = FAIL_FORKSERVER_DIED if forkserver_died(FORKSERVER_S) else SERVANTS.get(dead[0], FAIL_CPU_DIED)
            self._fail(code, dead[0])
        if not os.path.exists(self._directory):
            self._fail(FAIL_SWEPT, 0)

    def _needed(self, actor):
        return actor in SERVANTS or bool(to_int(self.window.machine["active"]) >> actor & 1)

    def _fail(self, code, value, detail=""):
        m = self.window.machine
        if not m["failed"]:
            self._failure_detail = f": {detail}" if detail else ""
            m["failed_value"] = value
            m["failed"] = code

    def _failed(self):
        return self.window is None or bool(self.window.machine["failed"])

    def _is_active(self):
        return bool(self.window.machine["nr_active"])
