"""Critical and non-critical sections (alux-6): each function says which it is; CHECK builds check it.

A critical section is a stretch with a spinlock held: it may not sleep, wait for another
actor or reach cold code.  `critical(m, me)` is the first line of what needs a lock held by
its caller, `noncritical(m, me)` of what must be called without one, `either(m, me)` of what
takes locks or ends sleeps for both kinds of caller: the ranks of locks (shm/lockrank.py) decide which
a caller may hold.  Every public hot function of the kernel that takes a lock, blocks or waits calls one
of the three (tests/kernel/test_critical.py), except those named lock_…, which are the locks themselves.
"""

from ..hot import CHECK, hot
from ..shm.spinlock import fail
from .failures import FAIL_CRITICAL, FAIL_NOT_CRITICAL


@hot
def critical(m, me):
    """The caller holds a lock."""
    if CHECK and m.cpus[me].nr_held == 0:
        fail(m, FAIL_NOT_CRITICAL, me)


@hot
def noncritical(m, me):
    """The caller holds no lock."""
    if CHECK and m.cpus[me].nr_held != 0:
        fail(m, FAIL_CRITICAL, me)


@hot
def either(m, me):
    """The caller may hold locks, of lower ranks than those that are taken here."""
