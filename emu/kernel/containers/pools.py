"""Pools: how much of something may be in use at once, charged and given back without a lock (cz-17).

    pool = charge(m, me, container, POOL_THREADS)     a pool + 1, remembered where the thing is; 0: there is no room
    give_back(m, me, pool)                            when the thing is gone

What is counted: threads, address spaces (tasks), kernel mutexes, areas of memory.  Pools of CPUs and of IPC count
nothing; they say which (capabilities.py).

POOL.word is one word: the size, how much is used, whether the pool is closed, and its life, a number that the record's
next use does not have.  It changes by compare-and-swap and fetch-and-add only.  Always true:
* `used` never passes `size`: who adds to it compares both at the instant at which it adds.  With two words another's
  charge or a shrinking size could come between (a control in tests/litmus/test_containers.py);
* a closed pool is never charged, and `used` of it only falls;
* a pool is free only once it has no capability, no child and nothing in use.

A charge goes to a pool that a capability of the container names.  The capability is read without its lock, so the pool
may be gone, and its record in use again, before the charge: the compare-and-swap then finds another life.  (An actor
would have to stand still while the record is used 65,536 times.)  A pool that was replicated from another one charges
that one too, and so on upwards; where one of them has no room, those below are given back.  So for a moment a pool may
count what a parent then refuses, and another charge may be refused for that; never is there one too many.

What the things say that they are charged to (THREAD.thread_pool, TASK.space_pool, TASK.mutex_pools, AREA.pool) is the
truth; `used` is an index of it (emu/testing/container_checks.py).

Charging takes no lock, and may be done under any; giving back may take containers_lock, once, when a closed pool's last
thing is gone: the one change that leaves the word closed with nothing used asks for the record to be freed, and what is
free is decided again under the lock.
"""

from ...hot import hot, never_inline
from ...limits import CAPABILITIES
from ...shm import lockrank
from ...shm.atomics import compare_exchange, fetch_add, load_acquire, load_seq_cst
from ...shm.bits import bits
from ...shm.spinlock import acquire, field_address, release
from ..critical import critical, either

# What a pool is of. Those from POOL_CPUS on count nothing.
POOL_FREE, POOL_THREADS, POOL_SPACES, POOL_MUTEXES, POOL_MAPS, POOL_CPUS, POOL_IPC = range(7)
POOL_WORD = bits("size:23 used:23 closed:1 life:16")
pool_size, pool_used, pool_closed, pool_life = POOL_WORD.getters()
MOST = POOL_WORD.mask("size")
ONE_SIZE, ONE_USED = POOL_WORD.pack(size=1), POOL_WORD.pack(used=1)
CLOSED, ONE_LIFE = POOL_WORD.pack(closed=1), POOL_WORD.pack(life=1)
LIVES = POOL_WORD.mask("life") + 1
# CAPABILITY.word: the pool's index + 1, what it is of, and its life.
PLACE = bits("pool:16 kind:8 life:16")
place_pool, place_kind, place_life = PLACE.getters()
pack_place = PLACE.packer()


@hot
def lock_containers(m, me):
    acquire(m, me, field_address(m, "containers_lock"), lockrank.CONTAINERS)


@hot
def unlock_containers(m, me):
    release(m, me, field_address(m, "containers_lock"))


@hot
def charge(m, me, container, kind):
    """Charge one to the first pool of a container (index + 1) that has room: that pool's index + 1, or 0."""
    never_inline()
    c = m.containers[container - 1]
    for n in range(CAPABILITIES):
        place = load_acquire(c.capabilities[n], "word")  # pairs with the store that publishes it in put_place
        if place_kind(place) == kind and _charge_all(m, me, place_pool(place) - 1, place_life(place)):
            return place_pool(place)
    return 0


@hot
def _charge_all(m, me, p, life):
    """Charge a pool of a life, and those above it: all or none."""
    if not take_one(m.pools[p], life):
        return False
    above = m.pools[p].parent - 1  # neither goes away while it is charged
    while above >= 0:
        if not take_one(m.pools[above], pool_life(load_seq_cst(m.pools[above], "word"))):
            _give_back_below(m, me, p, above)
            return False
        above = m.pools[above].parent - 1
    return True


@hot
def take_one(pool, life):
    """Add one to what is used of a pool, if it is the one of that life, open, and has room."""
    while True:
        word = load_seq_cst(pool, "word")
        if pool_life(word) != life or pool_closed(word) != 0 or pool_used(word) >= pool_size(word):
            return False
        if compare_exchange(pool, "word", word, word + ONE_USED):
            return True


@hot
def give_back(m, me, pool):
    """What was charged to a pool (index + 1) and those above it is gone."""
    never_inline()
    either(m, me)
    _give_back_below(m, me, pool - 1, -1)


@hot
def _give_back_below(m, me, p, end):
    """Give one back to pool p and those above it, up to `end`, which is not given it."""
    while p != end:
        above = m.pools[p].parent - 1  # before the record may be used again
        word = fetch_add(m.pools[p], "word", -ONE_USED) - ONE_USED
        if pool_closed(word) != 0 and pool_used(word) == 0:
            lock_containers(m, me)
            free_if_done(m, me, p)
            unlock_containers(m, me)
        p = above


@hot
def free_if_done(m, me, p):
    """Free a pool's record if nobody needs it any more, and then perhaps its parent's. The lock is held."""
    critical(m, me)
    while p >= 0:
        pool = m.pools[p]
        word = load_seq_cst(pool, "word")
        if pool.kind == POOL_FREE or pool.holders != 0 or pool.children != 0:
            return
        if pool_closed(word) == 0 or pool_used(word) != 0:
            return
        pool.kind = POOL_FREE
        pool.next_free = m.free_pool
        m.free_pool = p + 1
        p = pool.parent - 1
        if p >= 0:
            m.pools[p].children -= 1
