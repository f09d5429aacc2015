"""sleeping: as planned, and then no choice that sleeps is made: for the exhaustive search (explore/exhaustive.py).

STRATEGY_WORDS: how many sleep, and who.  A choice that sleeps wakes when an event happens on which it depends.  They
count from the last switch of the plan on.  Where all that could be chosen sleeps, the schedule has been played in
another order, and ends.
"""

from ...hot import callback, hot
from ..candidates import candidate, count
from ..layout import CALL, CLOCK, DRAINS, GIVES_UP, NOTHING, PSEUDO, STRATEGY_WORDS, WRITE, world_at
from ..weak_records import DEPTH
from .planned import DONE, planned_switch

PARAMETERS = {}
MOST_ASLEEP = STRATEGY_WORDS - 1


def prepare(w, facts):
    pass


@hot
def _owner(who):
    return (who - DRAINS) // DEPTH if who >= DRAINS else who


@hot
def _kind(w, who):
    """Of what happens when it is chosen; a call that uses one word only is taken for a store to it."""
    t = w.threads[who]
    if who >= PSEUDO:
        return CALL if who == CLOCK else WRITE
    return WRITE if t.kind == CALL and t.word != 0 else t.kind


@hot
def _at(w, who):
    t = w.threads[who]
    return t.word if t.kind == CALL and t.word != 0 and who < PSEUDO else t.at


@hot
def _depend(w, a, b):
    """Whether the order matters in which a and b are chosen."""
    if _owner(a) == _owner(b):
        return True
    one, other = _kind(w, a), _kind(w, b)
    if one == NOTHING or other == NOTHING:
        return False
    if one == CALL or other == CALL:
        return True
    return _at(w, a) == _at(w, b) and (one == WRITE or other == WRITE)


@hot
def _sleeps(w, who):
    found = False
    for n in range(1, w.state[0] + 1):
        found = found or w.state[n] == who
    return found


@hot
def _wake(w, chosen):
    """Whoever sleeps and depends on what is about to happen wakes."""
    kept = 0
    for n in range(1, w.state[0] + 1):
        if not _depend(w, w.state[n], chosen):
            kept += 1
            w.state[kept] = w.state[n]
    w.state[0] = kept


@callback(2)
def choose(world, current):
    w = world_at(world)
    switch = planned_switch(w, current)
    if switch >= 0:
        w.plan[switch].forced += DONE
        w.nr_made += 1
        return w.plan[switch].to
    chosen = current if current >= 0 else w.waiting[0]
    if w.nr_made < w.nr_planned:
        return chosen
    k = 0
    while _sleeps(w, chosen):
        if k == count(w, current):
            return GIVES_UP
        chosen = candidate(w, current, k)
        k += 1
    _wake(w, chosen)
    return chosen
