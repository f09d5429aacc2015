"""sleeping: as planned, and then no choice that sleeps is made: for the exhaustive search (explore/exhaustive.py).

STRATEGY_WORDS: how many sleep, and who.  They count from the last switch of the plan on.  Where all that could be
chosen sleeps, the schedule ends.  Who sleeps here is not awakened by what happens: the search knows that better, and
plays what is missing.
"""

from ...hot import callback, hot
from ..candidates import candidate, count
from ..layout import GIVES_UP, STRATEGY_WORDS, world_at
from .planned import goes_on, make_planned

PARAMETERS = {}
MOST_ASLEEP = STRATEGY_WORDS - 1


def prepare(w, facts):
    pass


@hot
def _sleeps(w, who):
    found = False
    for n in range(1, w.state[0] + 1):
        found = found or w.state[n] == who
    return found


@callback(2)
def choose(world, current):
    w = world_at(world)
    planned = make_planned(w, current)
    if planned >= 0:
        return planned
    chosen = goes_on(w, current)
    if w.nr_made < w.nr_planned:
        return chosen
    k = 0
    while _sleeps(w, chosen):
        if k == count(w, current):
            return GIVES_UP
        chosen = candidate(w, current, k)
        k += 1
    return chosen
