"""planned: the switches of WORLD.plan, and no others: how a schedule is repeated, and made simpler.

A switch of the plan is made, once, where the same thread is before its event of the same number, if the one that is to
go on can.  Where none is planned the running thread goes on, and where that cannot, the one that has waited longest.
So a plan still means something when switches have been left out of it.
"""

from ...hot import callback, hot
from ..layout import world_at

PARAMETERS = {}
DONE = 2  # in SWITCH.forced: it has been made


def prepare(w, facts):
    pass


@hot
def make_planned(w, current):
    """Who goes on by the switch of WORLD.plan that is to be made now, and counts as made then; -1: none is."""
    forced = int(current < 0)
    i = w.running
    for n in range(w.nr_planned):
        s = w.plan[n]
        if s.thread == i and s.events == w.threads[i].events and s.forced == forced:
            for k in range(w.nr_waiting):
                if w.waiting[k] == s.to:
                    s.forced += DONE
                    w.nr_made += 1
                    return s.to
    return -1


@hot
def goes_on(w, current):
    """Who goes on by itself: the running thread, and where that cannot, the one that has waited longest."""
    return current if current >= 0 else w.waiting[0]


@callback(2)
def choose(world, current):
    w = world_at(world)
    planned = make_planned(w, current)
    return planned if planned >= 0 else goes_on(w, current)
