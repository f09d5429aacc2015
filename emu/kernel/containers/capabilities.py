"""Capabilities: what a container may use, made, passed on, shared, replicated, split, shrunk and destroyed (cz-17).

A capability is a container's right to a pool (pools.py).  Its name is a handle: container, place, generation.

    make        a new pool, and the capability for it
    give        another container has it too (share), or instead (grant): one pool, one count
    replicate   another pool below the first: what is charged to it is charged to the first one too, so the limit of the
                first one holds for all together
    split       a part of what is unused becomes a pool of its own: the sizes add up to what there was
    deduce      the pool becomes smaller, though not smaller than what is used
    destroy     the container has it no more; the last capability closes the pool, which is gone with the last thing
                that is charged to it

Pools of CPUs are masks of the first 63 CPUs: a thread of the container may run where one of its capabilities says so,
and a replica's mask is cut by its parent's.  A container without one leaves its threads where they run, and they cannot
change that.  A pool of IPC names a container that may be sent to, or tasks in none: messages within a container are
always allowed, and what a server answers is a message like others.

Who may do it: `by` is the caller's container (index + 1).  Tasks in none may do everything; others may do what is about
their own container's capabilities, cannot make any, and pass them on to containers that they may send to.  They cannot
close a pool that is used or replicated, so they cause no more pools than there are places for capabilities.

All is done under containers_lock; errors are found before the first write.  `may_reach` reads without the lock: a
pool's value is written before the word that gives it its life.
"""

from ...abi.errno import EBUSY, EINVAL, ENOSPC, EPERM, ESRCH
from ...hot import hot, never_inline
from ...limits import CAPABILITIES, MAX_CONTAINERS, MAX_POOLS, POOL_LEVELS
from ...shm.atomics import compare_exchange, load_acquire, load_seq_cst, store_release
from ...shm.bits import bits
from ..critical import critical, noncritical
from .containers import container_of, drop_capability, handle_of
from .pools import (
    CLOSED,
    LIVES,
    MOST,
    ONE_LIFE,
    ONE_SIZE,
    POOL_CPUS,
    POOL_IPC,
    POOL_THREADS,
    lock_containers,
    pack_place,
    place_kind,
    place_life,
    place_pool,
    pool_closed,
    pool_life,
    pool_size,
    pool_used,
    unlock_containers,
)

CAPABILITY_HANDLE = bits("container:16 place:8 generation:*")
capability_container, capability_place, capability_generation = CAPABILITY_HANDLE.getters()
pack_capability = CAPABILITY_HANDLE.packer()


# --- finding: containers_lock is held ---------------------------------------------------------------------------------


@hot
def _find(m, me, by, handle):
    """(container, place) of the capability that a handle names; -ESRCH or -EPERM in place of the container."""
    critical(m, me)
    container, n = capability_container(handle), capability_place(handle)
    if handle <= 0 or container <= 0 or container > MAX_CONTAINERS or n >= CAPABILITIES:
        return -ESRCH, 0
    capability = m.containers[container - 1].capabilities[n]
    if capability.word == 0 or capability.generation != capability_generation(handle):
        return -ESRCH, 0
    return (container, n) if by == 0 or by == container else (-EPERM, 0)


@hot
def _target(m, by, handle):
    """The container that a handle names, to which `by` may pass a capability on; -ESRCH or -EPERM."""
    container = container_of(m, handle)
    if container == 0:
        return -ESRCH
    return container if by == 0 or by == container or may_reach(m, by, container) else -EPERM


@hot
def _free_place(m, container):
    """A place for another capability, or -ENOSPC."""
    c = m.containers[container - 1]
    for n in range(CAPABILITIES):
        if c.capabilities[n].word == 0:
            return n
    return -ENOSPC


@hot
def _put(m, container, n, p):
    """The container has a capability for pool p from now on; its handle."""
    pool = m.pools[p]
    pool.holders += 1
    capability = m.containers[container - 1].capabilities[n]
    place = pack_place(p + 1, pool.kind, pool_life(pool.word))
    store_release(capability, "word", place)  # pairs with load_acquire in charge and may_reach
    return pack_capability(container, n, capability.generation)


@hot
def _new_pool(m, kind, size, value, parent):
    """A pool that nobody has a capability for yet: its index, or -ENOSPC."""
    p = m.free_pool - 1
    if p >= 0:
        m.free_pool = m.pools[p].next_free
    elif m.fresh_pool < MAX_POOLS:
        p = m.fresh_pool
        m.fresh_pool += 1
    else:
        return -ENOSPC
    pool = m.pools[p]
    pool.kind = kind
    pool.value = value
    pool.parent = parent
    pool.holders = 0
    pool.children = 0
    if parent != 0:
        m.pools[parent - 1].children += 1
    life = (pool_life(pool.word) + 1) % LIVES
    store_release(pool, "word", size * ONE_SIZE + life * ONE_LIFE)  # a new life; pairs with the loads of who charges
    return p


@hot
def _pool_of(m, container, n):
    return place_pool(m.containers[container - 1].capabilities[n].word) - 1


@hot
def _cpus_of(m, p):
    """The CPUs of a pool, cut by those that it was replicated from."""
    cpus = -1
    while p >= 0:
        cpus &= m.pools[p].value
        p = m.pools[p].parent - 1
    return cpus


# --- what tasks do ----------------------------------------------------------------------------------------------------


@hot
def make(m, me, container_handle, kind, size):
    """A capability for a new pool; size: how much, a mask of CPUs, or whom messages may reach. Its handle."""
    never_inline()
    noncritical(m, me)
    if kind < POOL_THREADS or kind > POOL_IPC or size < 0:
        return -EINVAL
    if kind != POOL_IPC and size == 0 or kind < POOL_CPUS and size > MOST:
        return -EINVAL
    lock_containers(m, me)
    result = _target(m, 0, container_handle)
    if result > 0 and kind == POOL_IPC and size != 0 and container_of(m, size) == 0:
        result = -ESRCH
    if result > 0:
        container = result
        n = _free_place(m, container)
        p = _new_pool(m, kind, 0 if kind >= POOL_CPUS else size, size, 0) if n >= 0 else n
        result = p if p < 0 else _put(m, container, n, p)
    unlock_containers(m, me)
    return result


@hot
def read(m, me, by, handle):
    """Fill this CPU's given_words: container's handle, kind, size (as `make` has it), used. 0 or an error."""
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    if container > 0:
        pool = m.pools[_pool_of(m, container, n)]
        word = load_seq_cst(pool, "word")
        words = m.cpus[me].given_words
        words[0] = handle_of(m, container)
        words[1] = pool.kind
        words[2] = pool.value if pool.kind >= POOL_CPUS else pool_size(word)
        words[3] = pool_used(word)
    unlock_containers(m, me)
    return min(container, 0)


@hot
def give(m, me, by, handle, target_handle, keeps):
    """Another container gets the capability; who had it `keeps` it, or not. The new handle."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    result = _target(m, by, target_handle) if container > 0 else container
    if result > 0:
        target = result
        to = _free_place(m, target)
        result = to
        if to >= 0:
            result = _put(m, target, to, _pool_of(m, container, n))
            if not keeps:
                drop_capability(m, me, container, n)
    unlock_containers(m, me)
    return result


@hot
def replicate(m, me, by, handle, target_handle, size):
    """Another container gets a capability for a pool below this one's. The new handle."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    result = _target(m, by, target_handle) if container > 0 else container
    if result > 0:
        target = result
        above = _pool_of(m, container, n)
        result = _may_replicate(m, above, size)
        if result == 0:
            to = _free_place(m, target)
            kind = m.pools[above].kind
            counted = 0 if kind >= POOL_CPUS else size
            value = m.pools[above].value if kind == POOL_IPC else size
            p = _new_pool(m, kind, counted, value, above + 1) if to >= 0 else to
            result = p if p < 0 else _put(m, target, to, p)
    unlock_containers(m, me)
    return result


@hot
def _may_replicate(m, p, size):
    """0; -EINVAL for a size that the pool has not; -ENOSPC where too many pools would be charged."""
    pool = m.pools[p]
    if pool.kind == POOL_CPUS:
        if size <= 0 or size & ~_cpus_of(m, p):
            return -EINVAL
    elif pool.kind != POOL_IPC and (size <= 0 or size > pool_size(load_seq_cst(pool, "word"))):
        return -EINVAL
    levels = 1
    while p >= 0:
        levels += 1
        p = m.pools[p].parent - 1
    return 0 if levels <= POOL_LEVELS else -ENOSPC


@hot
def split(m, me, by, handle, size):
    """So much of what is unused becomes a pool of its own, for the same container. The new handle."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    result = container
    if container > 0:
        pool = m.pools[_pool_of(m, container, n)]
        kind, parent = pool.kind, pool.parent
        to = _free_place(m, container)
        if kind == POOL_IPC or size <= 0 or kind == POOL_CPUS and (size & ~pool.value or size == pool.value):
            result = -EINVAL
        elif to < 0 or (m.free_pool == 0 and m.fresh_pool >= MAX_POOLS):
            result = -ENOSPC
        else:
            counted = 0 if kind == POOL_CPUS else size
            result = 0
            if kind == POOL_CPUS:
                pool.value &= ~size
            else:
                result = _shrink(pool, size, -1)
            if result == 0:
                result = _put(m, container, to, _new_pool(m, kind, counted, size, parent))
    unlock_containers(m, me)
    return result


@hot
def deduce(m, me, by, handle, size):
    """The pool has this size from now on, and had more: 0; -EBUSY where more is used, -EINVAL where it had not."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    result = min(container, 0)
    if container > 0:
        pool = m.pools[_pool_of(m, container, n)]
        if pool.kind == POOL_IPC or size < 0 or pool.kind == POOL_CPUS and (size == 0 or size & ~pool.value):
            result = -EINVAL
        elif pool.kind == POOL_CPUS:
            pool.value = size
        else:
            result = _shrink(pool, -1, size)
    unlock_containers(m, me)
    return result


@hot
def _shrink(pool, by, to):
    """Make a pool smaller, by so much or (by -1) to a size: 0; -EBUSY: more is used; -EINVAL: it would not shrink."""
    while True:
        word = load_seq_cst(pool, "word")
        less = by if by >= 0 else pool_size(word) - to
        if less < 0 or less > pool_size(word):
            return -EINVAL
        if pool_size(word) - less < pool_used(word):
            return -EBUSY
        if compare_exchange(pool, "word", word, word - less * ONE_SIZE):  # others may charge it just now
            return 0


@hot
def remove(m, me, by, handle):
    """The container has the capability no more. 0 or an error; -EBUSY: only others may close a pool that is used."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    container, n = _find(m, me, by, handle)
    result = min(container, 0)
    if container > 0:
        pool = m.pools[_pool_of(m, container, n)]
        if by != 0 and pool.holders == 1 and (pool.children != 0 or not _close_unused(pool)):
            result = -EBUSY
        else:
            drop_capability(m, me, container, n)
    unlock_containers(m, me)
    return result


@hot
def _close_unused(pool):
    """Close a pool unless something is charged to it; whether it is closed now."""
    while True:
        word = load_seq_cst(pool, "word")
        if pool_used(word) != 0:
            return False
        if compare_exchange(pool, "word", word, word | CLOSED):
            return True


# --- what they are for ------------------------------------------------------------------------------------------------


@hot
def may_reach(m, mine, its):
    """Whether a task in a container may send to one in another; 0: in none."""
    if mine == 0 or mine == its:
        return True
    never_inline()
    wanted = handle_of(m, its)
    c = m.containers[mine - 1]
    for n in range(CAPABILITIES):
        place = load_acquire(c.capabilities[n], "word")  # pairs with _put
        if place_kind(place) == POOL_IPC:
            pool = m.pools[place_pool(place) - 1]
            value = load_acquire(pool, "value")
            word = load_seq_cst(pool, "word")  # after the value, which was this life's; pairs with _new_pool
            if value == wanted and pool_life(word) == place_life(place) and pool_closed(word) == 0:
                return True
    return False


@hot
def refresh_cpus(m, me):
    """Say of each container where its threads may run, as its capabilities are now; whether anything changed."""
    never_inline()
    noncritical(m, me)
    changed = False
    lock_containers(m, me)
    for container in range(m.fresh_container):
        c = m.containers[container]
        cpus = 0
        for n in range(CAPABILITIES):
            if place_kind(c.capabilities[n].word) == POOL_CPUS:
                cpus |= _cpus_of(m, place_pool(c.capabilities[n].word) - 1)
        if cpus != c.cpus[0]:
            c.cpus[0] = cpus
            changed = True
    unlock_containers(m, me)
    return changed
