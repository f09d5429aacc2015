"""Actors that charge pools and give back, while another one makes them smaller, closes them and makes others.

Container 1 and container 2 each have a replica of one pool.  INSIDE counts those that have been charged and have not
begun to give back, so it never passes what is used, nor that the size.
"""

from emu.hot import entry, hot
from emu.kernel.containers.capabilities import deduce, make, remove, replicate
from emu.kernel.containers.pools import (
    POOL_MAPS,
    POOL_THREADS,
    charge,
    give_back,
    place_life,
    place_pool,
    pool_life,
    pool_used,
    take_one,
)
from emu.kernel.sched.randomness import random_below
from emu.shm.atomics import load_seq_cst
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, violation

TOP, INSIDE, USED, CHARGED, CLOSED = (OWN + k * LINE for k in range(5))
BRANCHES = OWN + 8 * LINE  # handles of the two replicas
IN_BRANCH = OWN + 16 * LINE
ALL, EACH = 3, 2  # sizes of the pool and of its replicas
STEPS = 24
GOOD, BAD = range(2)


@hot
def _enter(m, me, branch):
    """Be charged, and inside from then on; the pool, 0 where there is no room."""
    pool = charge(m, me, branch + 1, POOL_THREADS)
    if pool != 0:
        add_word(m, CHARGED, 1)
        if add_word(m, INSIDE, 1) >= ALL or add_word(m, IN_BRANCH + branch * LINE, 1) >= EACH:
            violation(m)
    return pool


@hot
def _leave(m, me, branch, pool):
    if pool != 0:
        add_word(m, IN_BRANCH + branch * LINE, -1)
        add_word(m, INSIDE, -1)
        give_back(m, me, pool)


@hot
def _use(m, me):
    """Twice at once, as a host that runs two processes at a time would never let three pass the limit otherwise."""
    first, second = random_below(m, me, 2), random_below(m, me, 2)
    pool = _enter(m, me, first)
    another = _enter(m, me, second)
    dawdle(random_below(m, me, 8))
    _leave(m, me, second, another)
    _leave(m, me, first, pool)


@hot
def _begin(m, me):
    """A pool for this round and two replicas."""
    top = make(m, me, 1, POOL_THREADS, ALL)
    set_word(m, TOP, top)
    for branch in range(2):
        handle = replicate(m, me, 0, top, branch + 1, EACH)
        set_word(m, BRANCHES + branch * LINE, handle)
        if handle <= 0:
            violation(m)
    # Container 1 uses its replica only: the pool itself, which stands before it, is named by container 3.
    m.containers[2].capabilities[0].word = m.containers[0].capabilities[0].word
    m.containers[0].capabilities[0].word = 0


@hot
def _end(m, me):
    m.containers[0].capabilities[0].word = m.containers[2].capabilities[0].word
    m.containers[2].capabilities[0].word = 0
    p = place_pool(m.containers[0].capabilities[0].word) - 1
    if pool_used(m.pools[p].word) != 0:
        violation(m)
    for branch in range(2):
        if remove(m, me, 0, get_word(m, BRANCHES + branch * LINE)) != 0:
            violation(m)
    if remove(m, me, 0, get_word(m, TOP)) != 0:
        violation(m)


@entry(4)
def charge_and_shrink(address, me, workers, count):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        if me == 0:
            _begin(m, me)
        if not meet(m, workers):
            break
        for step in range(STEPS):
            if me == workers - 1 and step % 8 == 7:
                branch = random_below(m, me, 2)
                if deduce(m, me, 0, get_word(m, BRANCHES + branch * LINE), 1) == 0:
                    if get_word(m, IN_BRANCH + branch * LINE) > 1:
                        violation(m)  # more is in use than there is
            _use(m, me)
        if not meet(m, workers):
            break
        if me == 0:
            _end(m, me)
        done += 1
        result(m, me, done)
    return 0


@entry(4)
def charge_two_words(address, me, workers, count):
    """Control: what is used is compared with the size first, and counted then."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        if get_word(m, USED) < ALL:
            add_word(m, USED, 1)
            if add_word(m, INSIDE, 1) >= ALL:
                violation(m)
            dawdle(random_below(m, me, 8))
            add_word(m, INSIDE, -1)
            add_word(m, USED, -1)
        done += 1
        result(m, me, done)
    return 0


# --- records that are used again --------------------------------------------------------------------------------------


@hot
def _charge_any_life(m):
    """Control: charge whatever pool has the record by now."""
    place = load_seq_cst(m.containers[0].capabilities[0], "word")
    p = place_pool(place) - 1
    dawdle(2)
    if place == 0 or not take_one(m.pools[p], pool_life(load_seq_cst(m.pools[p], "word"))):
        return 0
    return p + 1 if place_life(place) >= 0 else 0


@hot
def _use_lives(m, me, how):
    pool = _charge_any_life(m) if how == BAD else charge(m, me, 1, POOL_THREADS)
    if pool == 0:
        return
    if m.pools[pool - 1].kind != POOL_THREADS:
        violation(m)  # it is another container's pool by now
    add_word(m, CHARGED, 1)
    dawdle(random_below(m, me, 4))
    give_back(m, me, pool)


@entry(5)
def use_lives(address, me, workers, count, how):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        _use_lives(m, me, how)
        done += 1
        result(m, me, done)
    return 0


@entry(5)
def make_lives(address, me, workers, count, how):
    """A pool of threads of container 1 is closed, and then its record is a pool of areas of container 2."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        handle = make(m, me, 1, POOL_THREADS, 2)
        dawdle(random_below(m, me, 8))
        if handle <= 0 or remove(m, me, 0, handle) != 0:
            violation(m)
        handle = make(m, me, 2, POOL_MAPS, 2)
        dawdle(random_below(m, me, 8))
        if handle <= 0 or remove(m, me, 0, handle) != 0:
            violation(m)
        add_word(m, CLOSED, 1)
        done += 1
        result(m, me, done)
    return 0


def make_containers(machine):
    """Three containers that have no tasks, but are there."""
    machine["containers"]["nr_tasks"][:3] = 1
    machine["fresh_container"] = 3
