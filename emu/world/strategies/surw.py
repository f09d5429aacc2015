"""surw: the events on one random shared word, in an order drawn evenly from all; the others at random.

Zhao, Wolff, Mathur, Roychoudhury: Selectively Uniform Concurrency Testing (ASPLOS 2025).  Of threads whose numbers of
events are known, the next one is drawn in proportion to what each has left, its children's events included as long as
they do not exist: so every order of these events is equally likely.  Few events matter to a bug, and most bugs are in
the order of those on few words: so each schedule takes the events on one word, of which the profiles know how often
each thread uses it, and holds a thread that is about to use it back while another one is to be next.

Deviations: threads are known by their index, calls count as a word of their own by their number, and where all threads
that could go on are held back (a count was wrong), one of them is taken at random.
"""

from ...hot import callback, hot
from ..candidates import candidate, count
from ..chance import below
from ..layout import NOTHING, WEIGHTS, world_at

WORD, NEXT = range(2)  # of WORLD.state: the word's address (or call's number), the thread that uses it next, + 1
PARAMETERS = {}


def prepare(w, facts):
    """Draw a word, by how many orders its events have, as far as the profiles know."""
    counts = facts.draw_word(w)
    w["state"][WORD] = counts.at
    w["weights"][: len(counts.subtrees)] = counts.subtrees


@hot
def _is_held(w, i, at):
    t = w.threads[i]
    return t.kind != NOTHING and t.at == at and i + 1 != w.state[NEXT]


@hot
def _left(w, i):
    """How many events on the word a thread and its descendants have left; a buffered store (weak.py) has none."""
    return max(w.weights[i], 0) if i < WEIGHTS else 0


@hot
def _draw_next(w, current):
    """The thread that uses the word next, in proportion to what each has left."""
    total = 0
    for k in range(count(w, current)):
        total += _left(w, candidate(w, current, k))
    w.state[NEXT] = 0
    if total == 0:
        return
    left = below(w, total)
    for k in range(count(w, current)):
        i = candidate(w, current, k)
        left -= _left(w, i)
        if left < 0:
            w.state[NEXT] = i + 1
            return


@hot
def _can_come(w, current, i):
    found = i == current
    for k in range(w.nr_waiting):
        found = found or w.waiting[k] == i
    return found


@callback(2)
def choose(world, current):
    w = world_at(world)
    at = w.state[WORD]
    if w.state[NEXT] == 0 or not _can_come(w, current, w.state[NEXT] - 1):
        _draw_next(w, current)
    free = 0
    for k in range(count(w, current)):
        free += int(not _is_held(w, candidate(w, current, k), at))
    n = below(w, free if free > 0 else count(w, current))
    chosen = -1
    for k in range(count(w, current)):
        i = candidate(w, current, k)
        if free == 0 or not _is_held(w, i, at):
            if n == 0:
                chosen = i
                break
            n -= 1
    t = w.threads[chosen]
    if t.kind != NOTHING and t.at == at:
        if chosen < WEIGHTS:
            w.weights[chosen] -= 1
        w.state[NEXT] = 0
    return chosen
