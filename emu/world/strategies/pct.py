"""pct: threads have random priorities, the highest runs; at d - 1 random events the running thread becomes the lowest.

Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs
(ASPLOS 2010).  A bug of depth d in a program of n threads and k events is found with a probability of at least
1 / (n k^(d-1)).  The number of events is estimated by the profiles.

Deviations: a thread that yields or spins becomes the lowest of all, without which it would run for ever; priorities are
drawn when a thread is first seen, not as a permutation beforehand.
"""

from ...hot import callback, hot
from ..candidates import candidate, count
from ..chance import below, some_word
from ..layout import world_at

LENGTH, DEPTH, DRAWN, LOWEST = range(4)  # of WORLD.state: events expected, d, whether points are drawn, a priority
POINTS = 8  # and from here on the d - 1 points
MAX_DEPTH = 32
HIGH = 1 << 40  # every priority that is drawn is above this; those given at points are below

PARAMETERS = {"d": (3, "depth of the bug", 1, MAX_DEPTH)}


def prepare(w, facts, d):
    w["state"][[LENGTH, DEPTH]] = facts.events, d


@hot
def _draw_points(w):
    for k in range(w.state[DEPTH] - 1):
        w.state[POINTS + k] = 1 + below(w, max(w.state[LENGTH], 1))
    w.state[LOWEST] = HIGH
    w.state[DRAWN] = 1


@hot
def _lower(w, i):
    w.state[LOWEST] -= 1
    w.threads[i].priority = w.state[LOWEST]


@callback(2)
def choose(world, current):
    w = world_at(world)
    if w.state[DRAWN] == 0:
        _draw_points(w)
    if current >= 0:
        for k in range(w.state[DEPTH] - 1):
            if w.state[POINTS + k] == w.step:
                _lower(w, current)
    best, highest = -1, -1
    for k in range(count(w, current)):
        i = candidate(w, current, k)
        t = w.threads[i]
        if t.priority == 0:
            t.priority = HIGH + 1 + some_word(w) % HIGH
        if t.yielded != 0:
            t.yielded = 0
            _lower(w, i)
        if t.priority > highest:
            best, highest = i, t.priority
    return best
