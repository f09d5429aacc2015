"""pos: events that are about to happen have random priorities; the highest happens, what races with it draws anew.

Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling (CAV 2018).  It samples partial orders more evenly than a walk:
events that do not race keep their priorities, so their order among each other is drawn once.

Deviations: a thread of which nothing is known yet (it has not begun, or was woken) counts as one event that races with
none; two system calls race when they have the same number; a thread that yields or spins draws from the lower half.
"""

from ...hot import callback, hot
from ..candidates import candidate, count
from ..chance import some_word
from ..layout import CALL, NOTHING, WRITE, world_at

HALF = 1 << 61
PARAMETERS = {}


def prepare(w, facts):
    pass


@hot
def races(a, b):
    """Whether the order of what two threads are about to do may matter."""
    if a.kind == NOTHING or b.kind == NOTHING or a.at != b.at:
        return False
    return a.kind == WRITE or b.kind == WRITE or (a.kind == CALL and b.kind == CALL)


@callback(2)
def choose(world, current):
    w = world_at(world)
    best = -1
    for k in range(count(w, current)):
        i = candidate(w, current, k)
        t = w.threads[i]
        if i == current or t.priority == 0:  # its event is new
            t.priority = 1 + some_word(w) % HALF + HALF
        if t.yielded != 0:
            t.yielded = 0
            t.priority -= HALF
        if best < 0 or t.priority > w.threads[best].priority:
            best = i
    for k in range(count(w, current)):
        i = candidate(w, current, k)
        if i != best and races(w.threads[best], w.threads[i]):
            w.threads[i].priority = 1 + some_word(w) % HALF + HALF
    w.threads[best].priority = 0
    return best
