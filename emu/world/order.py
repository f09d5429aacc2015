"""The policy of a world's machine: the strategy's choice runs, and nothing else preempts.

The machine has one CPU, on which the world plays all of the program's threads: between two events nobody can tell on
how many CPUs they are.  Threads that could run are in WORLD.waiting, in the order in which they came.
"""

from ..hot import hot
from ..kernel.sched.hooks import ENQUEUE_SPAWN, hook
from ..kernel.thread.handles import handle_index
from .candidates import take_out
from .deciding import grant, leave, log, log_choice, next_thread, note_switch
from .layout import BOOT, MAX_WAITING, NOTHING, PSEUDO, TOO_LONG, TOO_MANY, WEIGHTS, world_of
from .priorities import hold_back, release_all
from .weak import begin_thread

PARAMETERS = {"world": (0, "the address of the world")}
SILENT_TICKS = 4  # without an event: the thread gives way


@hot
def _be_born(m, w, thread):
    t = w.threads[thread]
    t.kind = NOTHING
    t.granted = 0
    t.told = 0
    t.priority = 0
    t.reads = 0
    t.yielded = 0
    if thread >= w.nr_threads:  # else an index used before: its events go on, so a planned switch means one of them
        t.events = 0
    t.last = 0
    t.tail = 0
    begin_thread(w, thread)
    w.births += 1
    t.born = w.births
    creator = m.threads[thread].creator
    t.parent = handle_index(creator) if creator >= 0 else -1
    if 0 <= t.parent < WEIGHTS and thread < WEIGHTS:
        w.weights[t.parent] -= w.weights[thread]  # until now the child's part was its parent's
    w.nr_threads = max(w.nr_threads, thread + 1)


@hook
def enqueue(m, queue, thread, reason):
    w = world_of(m)
    if w.nr_waiting + w.nr_held == MAX_WAITING:
        leave(m, w, queue, TOO_MANY, MAX_WAITING)
        return 0
    if reason == ENQUEUE_SPAWN:
        _be_born(m, w, thread)
    w.waiting[w.nr_waiting] = thread
    w.nr_waiting += 1
    return 0


@hook
def pick(m, queue):
    w = world_of(m)
    if w.by_priority != 0 and w.chosen < 0:
        hold_back(m, w, -1)
    if w.nr_waiting == 0:
        return -1
    chosen = w.chosen
    w.chosen = -1
    if chosen < 0:  # the one that ran could not go on
        chosen = w.waiting[0]
        if w.nr_waiting == 1 and chosen < PSEUDO:
            log(w, w.running, NOTHING, 1)
            log_choice(w, chosen)
        elif w.mode != BOOT:
            chosen = next_thread(m, w, queue, w.running, NOTHING, -1)
            note_switch(w, w.running, chosen, 1)
        grant(w, chosen)
    take_out(w, chosen)
    w.running = chosen
    return chosen


@hook
def dequeue(m, queue, thread):
    w = world_of(m)
    release_all(w)
    take_out(w, thread)
    return 0


@hook
def yielded(m, queue, thread):
    world_of(m).threads[thread].yielded = 1
    return 0


@hook
def tick(m, queue, thread):
    w = world_of(m)
    w.ticks += 1
    if w.mode != BOOT and w.ticks >= w.max_ticks:
        leave(m, w, queue, TOO_LONG, w.ticks)
    w.silent_ticks = w.silent_ticks + 1 if w.ticked_step == w.step else 0
    w.ticked_step = w.step
    if w.silent_ticks >= SILENT_TICKS and w.nr_waiting > 0:  # it may wait, by words that are not known to be shared yet
        w.silent_ticks = 0
        w.has_spun = 1
        w.threads[thread].yielded = 1
        m.cpus[queue].resched = 1
    return 0


@hook
def hand_over(m, queue, thread):
    return 0
