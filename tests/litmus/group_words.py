"""Hooks of bsd4 that charge one group, and forget its seconds, on several CPUs at once (kse-7)."""

from emu.hot import entry, hot
from emu.kernel.thread.records import allocate_thread
from emu.limits import GLOBAL_QUEUE
from emu.policies.bsd4 import GROUP_EST_NS, GROUP_SECOND, LOAD, _decayed, _look_at
from emu.policy import SECOND_NS
from emu.shm.layout import machine_at
from emu.testing.crew import dawdle, meet, over, result, violation

G = 5
TICK_NS, RAN_NS = 10, 100_000
BEFORE_NS = 1_000_000_000


@hot
def _thread_of(m, me):
    i = allocate_thread(m, me, 0)
    m.threads[i].kse_group = G + 1
    return i


@hot
def _look_badly(m, t, now):
    """Control: the words of a group are changed by loads and stores."""
    words = m.groups[G].policy
    ran_ns = t.runtime_ns
    seconds = now // SECOND_NS + 1 - words[GROUP_SECOND]
    words[GROUP_SECOND] += seconds
    before = words[GROUP_EST_NS]
    dawdle(2)
    words[GROUP_EST_NS] = (_decayed(m, before, seconds) if seconds > 0 else before) + ran_ns


@hot
def _look(m, t, now, bad):
    if bad:
        _look_badly(m, t, now)
        t.runtime_ns = 0
    else:
        _look_at(m, t, now)


@hot
def _charge(m, me, workers, count, bad):
    """Each worker's thread runs for a while in each round; no second passes."""
    t = m.threads[_thread_of(m, me)]
    m.groups[G].policy[GROUP_SECOND] = 1
    done = 0
    while done < count and not over(m):
        if me == 0:
            m.groups[G].policy[GROUP_EST_NS] = 0
        if not meet(m, workers):
            break
        for _ in range(100):
            t.runtime_ns += TICK_NS
            _look(m, t, 1, bad)
        if not meet(m, workers):
            break
        if me == 0 and m.groups[G].policy[GROUP_EST_NS] != 100 * TICK_NS * workers:
            violation(m)
        done += 1
        result(m, me, done)


@hot
def _forget(m, me, workers, count, bad):
    """A second has passed in each round, all have run and look at once: it is forgotten once, and no time is lost."""
    t = m.threads[_thread_of(m, me)]
    m.queues[GLOBAL_QUEUE].policy[LOAD] = 10 * 2048  # little is forgotten, so what is lost shows
    ran_ns = workers * RAN_NS
    now = SECOND_NS
    m.groups[G].policy[GROUP_SECOND] = 2
    done = 0
    while done < count and not over(m):
        if me == 0:
            m.groups[G].policy[GROUP_EST_NS] = BEFORE_NS
        now += SECOND_NS
        if not meet(m, workers):
            break
        t.runtime_ns += RAN_NS
        _look(m, t, now, bad)
        if not meet(m, workers):
            break
        est_ns = m.groups[G].policy[GROUP_EST_NS]
        if est_ns < _decayed(m, BEFORE_NS + ran_ns, 1) or est_ns > _decayed(m, BEFORE_NS, 1) + ran_ns:
            violation(m)
        done += 1
        result(m, me, done)
        if not meet(m, workers):
            break


@entry(5)
def charge(address, me, workers, count, bad):
    _charge(machine_at(address), me, workers, count, bad)
    return 0


@entry(5)
def forget(address, me, workers, count, bad):
    _forget(machine_at(address), me, workers, count, bad)
    return 0
