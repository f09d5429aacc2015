"""The decision before each event: what is asked, noted and granted.  What an event is: events.py."""

from ..hot import entry, hot, never_inline
from ..limits import SUPERVISOR
from ..shm.exits import EXIT_INTERRUPT
from ..shm.memory import address_of, call_2, wrapping_multiply
from .candidates import count, take_out
from .layout import (
    AT_EVENT,
    CLOCK,
    GIVEN_UP,
    GIVES_UP,
    IDLES,
    LOGGED_PSEUDO,
    MAX_LOGGED,
    MAX_SWITCHES,
    MAX_WAITING,
    NOTHING,
    PSEUDO,
    READ,
    TOO_LONG,
    world_at,
)
from .priorities import hold_back
from .weak_stores import drain

EVENT_NS = 1000  # virtual time that passes with each
SPINS = 64  # events without a change: the thread gives way
STREAK = 2048  # events without one of another thread that could go on: likewise
SPINS_ALONE = 1024  # likewise, where no other thread can run
_PRIME = 0x100000001B3  # of FNV-1a


@hot
def leave(m, w, me, reason, value):
    """The guest's CPU returns to cold code at its next look: WORLD.left says why."""
    w.left = reason
    w.left_value = value
    w.left_thread = m.cpus[me].current
    c = m.cpus[me]
    if c.kicks == 0:
        c.kicked[0] = SUPERVISOR
        c.kicks = 1


@hot
def _digest(w, value):
    w.digest = wrapping_multiply(w.digest ^ value, _PRIME)


@hot
def ask(w, current):
    """The strategy's choice among the threads that wait and `current` (-1: that one cannot go on)."""
    return call_2(w.choose, address_of(w), current)


@hot
def _ask_logged(m, w, me, i, kind, current):
    log(w, i, kind, int(current < 0))
    chosen = ask(w, current)
    log_choice(w, chosen)
    if chosen == GIVES_UP:
        leave(m, w, me, GIVEN_UP, 0)
        chosen = current if current >= 0 else w.waiting[0]
    return chosen


@hot
def next_thread(m, w, me, i, kind, current):
    """`ask`, until it is a thread: before, the strategy may let time pass or a buffered store reach memory (weak.py).

    Thread i runs, and is about to do something of this kind, or ran last; where nothing but those could be chosen, it
    is the answer.
    """
    chosen = _ask_logged(m, w, me, i, kind, current)
    while chosen >= PSEUDO:
        note_switch(w, i, chosen, int(current < 0))
        w.step += 1
        _digest(w, chosen)
        if chosen == CLOCK:
            take_out(w, CLOCK)
            w.threads[CLOCK].yielded = 1
            w.is_time_due = 1
            leave(m, w, me, w.left, w.left_value)
        else:
            drain(w, chosen)
        if count(w, current) == 0:
            return i
        chosen = _ask_logged(m, w, me, i, NOTHING, current)
    _digest(w, chosen)
    return chosen


@entry(2)
def list_clock(world, is_due):
    """There is a deadline to which time may go, or none."""
    w = world_at(world)
    take_out(w, CLOCK)
    if is_due != 0 and w.nr_waiting < MAX_WAITING:
        w.threads[CLOCK].kind = NOTHING
        w.threads[CLOCK].at = 0
        w.waiting[w.nr_waiting] = CLOCK
        w.nr_waiting += 1
    return 0


@hot
def note_switch(w, i, to, forced):
    """Thread `to` goes on instead of thread i; `forced`: that one could not, or spins."""
    if w.nr_switches < MAX_SWITCHES:
        s = w.switches[w.nr_switches]
        s.step = w.step
        s.thread = i
        s.events = w.threads[i].events
        s.to = to
        s.forced = forced
        w.nr_switches += 1
    if forced == 0 and to < PSEUDO:
        w.preemptions += 1


@hot
def log(w, i, kind, forced):
    """Where decisions are logged: one is about to be made."""
    if w.logging == 0 or w.nr_logged == MAX_LOGGED:
        return
    n = w.log[w.nr_logged]
    w.nr_logged += 1
    n.thread = i
    n.kind = kind
    n.at = w.threads[i].at
    n.word = w.threads[i].word
    n.forced = forced
    n.events = w.threads[i].events
    n.switches = w.nr_switches
    n.waiting = 0
    n.nr_pseudo = 0
    for k in range(w.nr_waiting):
        if w.waiting[k] < PSEUDO:
            n.waiting |= 1 << (w.waiting[k] & 63)
        else:
            if n.nr_pseudo < LOGGED_PSEUDO:
                n.pseudo[n.nr_pseudo] = w.waiting[k]
                n.pseudo_at[n.nr_pseudo] = w.threads[w.waiting[k]].at
            n.nr_pseudo += 1


@hot
def log_choice(w, chosen):
    """And now it has been made."""
    if w.nr_logged > 0:
        w.log[w.nr_logged - 1].chosen = chosen


@hot
def grant(w, i):
    """Thread i runs next: what it was about to do, it does."""
    w.threads[i].granted = int(w.threads[i].kind != NOTHING)


@hot
def _spins(w, i, kind, at):
    t = w.threads[i]
    if kind == READ or at == t.last:
        t.reads += 1
    else:
        t.reads = 0
    t.last = at
    w.streak = w.streak + 1 if w.streaker == i else 0
    w.streaker = i
    return t.reads >= SPINS or w.streak >= STREAK


@hot
def decide(m, w, me, i, kind, at):
    """Thread i is about to do this: the thread that goes on now, which is granted what it is about to do.

    Where cold code has to look first (`leave`), that is thread i, and the caller asks `stops_first`.
    """
    never_inline()
    chosen = _decide(m, w, me, i, kind, at)
    if chosen == i and m.cpus[me].kicks != 0:
        w.threads[i].kind = kind
        w.threads[i].at = at
        w.threads[i].granted = 1
    return chosen


@hot
def stops_first(m, me):
    """Whether the guest has to be left before its thread does what it was granted."""
    return m.cpus[me].kicks != 0


@hot
def _decide(m, w, me, i, kind, at):
    w.step += 1
    m.clock_start_ns += EVENT_NS
    _digest(w, (i << 56) ^ (kind << 50) ^ at)
    t = w.threads[i]
    t.events += 1
    if w.step >= w.max_steps:
        leave(m, w, me, TOO_LONG, w.step)
        return i
    spins = _spins(w, i, kind, at)
    t.kind = kind
    t.at = at
    may_go_on = w.by_priority == 0 or hold_back(m, w, i)
    if w.nr_waiting == 0:
        if t.reads >= SPINS_ALONE:
            t.reads = 0
            leave(m, w, me, IDLES, 0)
        log(w, i, kind, 0)
        log_choice(w, i)
        t.kind = NOTHING
        return i
    if spins:
        t.reads = w.streak = 0
        w.has_spun = 1
        t.yielded = 1
    has_to_go = spins or not may_go_on
    chosen = next_thread(m, w, me, i, kind, -1 if has_to_go else i)
    if chosen == i:
        t.kind = NOTHING
        return i
    note_switch(w, i, chosen, int(has_to_go))
    grant(w, chosen)
    return chosen


@hot
def do_it(t):
    t.granted = 0
    t.told = 0
    t.kind = NOTHING


@hot
def tell(m, w, me, i, kind, at):
    """Cold code has a look before thread i does this."""
    never_inline()
    t = w.threads[i]
    t.kind = kind
    t.at = at
    t.granted = 1
    t.told = 1
    leave(m, w, me, AT_EVENT, 0)


@hot
def give_way(m, w, me, chosen):
    w.chosen = chosen
    m.cpus[me].resched = 1
    return EXIT_INTERRUPT
