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
def planned_switch(w, current):
    """The place in WORLD.plan of the switch that is to be made now, -1: none is."""
    forced = int(current < 0)
    i = w.running
    for n in range(w.nr_planned):
        s = w.plan[n]
        if s.thread == i and s.events == w.threads[i].events and s.forced == forced:
            for k in range(w.nr_waiting):
                if w.waiting[k] == s.to:
                    return n
    return -1


@callback(2)
def choose(world, current):
    w = world_at(world)
    switch = planned_switch(w, current)
    if switch >= 0:
        w.plan[switch].forced += DONE
        return w.plan[switch].to
    return current if current >= 0 else w.waiting[0]
