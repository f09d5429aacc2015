"""delay: threads run in turn, each until it cannot go on; at d random events the running one is delayed.

Emmi, Qadeer, Rakamarić: Delay-Bounded Scheduling (POPL 2011), with the points of the delays drawn as those of PCT,
instead of all tried in order.  A bug that needs few delays in a deterministic schedule is found often, however many
threads there are.  A thread that spins gives way as one that cannot go on.
"""

from ...hot import callback
from ..chance import below
from ..layout import world_at

LENGTH, DELAYS, DRAWN = range(3)  # of WORLD.state: events expected, d, whether the points are drawn
POINTS = 8
MAX_DELAYS = 32

PARAMETERS = {"d": (2, "delays", 0, MAX_DELAYS)}


def prepare(w, facts, d):
    w["state"][[LENGTH, DELAYS]] = facts.events, d


@callback(2)
def choose(world, current):
    w = world_at(world)
    if w.state[DRAWN] == 0:
        for k in range(w.state[DELAYS]):
            w.state[POINTS + k] = 1 + below(w, max(w.state[LENGTH], 1))
        w.state[DRAWN] = 1
    if current < 0:
        return w.waiting[0]
    for k in range(w.state[DELAYS]):
        if w.state[POINTS + k] == w.step:
            return w.waiting[0]
    return current
