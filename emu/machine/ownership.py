"""Who may use a machine, and when: the process that booted it, one of its threads at a time, from boot to end.

A machine boots once.  Every public call is wrapped in `in_use`: it says in one line what is wrong, and holds signals
back meanwhile (held_signals.py).

* A second thread is refused while another is in a call: towards the CPUs the supervisor is one actor, whose records
  take no lock.  Between calls any thread may take its turn.
* A forked child has a copy of the object and nothing else.  It closes what it inherited, and leaving the `with` block
  there does nothing: the machine is the parent's.
* A machine that the user drops without leaving its `with` block ends at once, with a ResourceWarning.  What has to be
  undone is in `_remains`, which does not refer to the machine, so that the garbage collector finds the machine.
* When the interpreter exits, every machine is ended by the ordinary path.
"""

import atexit
import contextlib
import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from ..errors import MachineError
from .held_signals import HeldSignals

NEW, BOOTING, RUNNING, ENDED = "new", "booting", "running", "ended"
LEAVE_S = 2.0  # a thread that is in a call when the machine is left has this long to come out

_live = weakref.WeakSet()
_parents = []  # in a forked child: kept, so that nothing of theirs is finalized


P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Owned")


def in_use(method: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
    """Wrap a public call of a machine."""

    @functools.wraps(method)
    def call(machine: M, /, *arguments: P.args, **options: P.kwargs) -> R:
        with machine._used(method.__name__):
            return method(machine, *arguments, **options)

    return call


class Owned:
    """The part of Machine that knows its owner."""

    def __init__(self):
        self._state, self._owner = NEW, 0
        self._lock, self._user = threading.RLock(), ""
        self._interrupted = False
        self._leaver = 0  # the thread that ends the machine
        self._signals = None
        self._remains = contextlib.ExitStack()  # what is undone at the end, last first

    def _begin(self):
        if self._state in (BOOTING, RUNNING):
            raise MachineError("the machine runs already: it was entered twice")
        if self._state == ENDED:
            raise MachineError("the machine has ended, and boots only once: make another Machine")
        self._state, self._owner = BOOTING, os.getpid()
        self._signals = HeldSignals()
        self._remains.callback(self._signals.close)
        _live.add(self)
        self._dropped = weakref.finalize(self, _end_dropped, self._remains, os.getpid())
        self._dropped.atexit = False

    @contextlib.contextmanager
    def _used(self, name):
        """A context for the time that the calling thread is in a public call."""
        self._check_process(name)
        if self._state != RUNNING:
            what = "has ended" if self._state == ENDED else "has not booted: use it in `with machine:`"
            raise MachineError(f"{name}: the machine {what}")
        if not self._lock.acquire(blocking=False):
            raise MachineError(f"{name}: one thread at a time uses a machine, and now {self._user} does")
        try:
            self._user = f"thread {threading.current_thread().name}"
            with self._signals:
                yield
        finally:
            self._lock.release()

    def _check_process(self, name):
        if self._owner and self._owner != os.getpid():
            raise MachineError(f"{name}: the machine is process {self._owner}'s, and this is its forked child")

    @contextlib.contextmanager
    def _left(self):
        """A context for the time that the machine ends; a thread that is in a call is told to come out of it."""
        self._leaver = threading.get_ident()
        self._signals.poke()
        alone = self._lock.acquire(timeout=LEAVE_S)
        try:
            with self._signals:
                yield
                self._state = ENDED
                self._dropped.detach()
                _live.discard(self)
        finally:
            if alone:
                self._lock.release()

    def _at_safe_point(self):
        """Nothing is half done: run the handlers of signals that have come."""
        self._signals.let_go()
        if self._leaver not in (0, threading.get_ident()):
            raise MachineError("the machine is ended by another thread")


def interrupt_all():
    """Have `run` of every machine of this process end its guests and return. From any thread or signal handler."""
    for machine in list(_live):
        machine._interrupted = True
        machine._signals.poke()


@atexit.register
def _end_all():
    for machine in list(_live):
        machine.__exit__()


def _end_dropped(remains, owner):
    if os.getpid() != owner:
        return
    warnings.warn("a Machine was dropped while it ran: leave its `with` block, or call __exit__", ResourceWarning, 2)
    # In a thread of its own: the collector may run anywhere, even in a thread that has to be waited for.
    thread = threading.Thread(target=remains.close, name="emu-end")
    thread.start()
    if threading.current_thread().name != "emu-trace":
        thread.join()


def _in_forked_child():
    for machine in list(_live):
        _live.discard(machine)
        _parents.append((machine.__dict__.copy(), machine._remains))
        machine._remains = contextlib.ExitStack()
        machine._forsake()


os.register_at_fork(after_in_child=_in_forked_child)
