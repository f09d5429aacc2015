"""Containers: sets of tasks that may only do what capabilities allow them (cz-17).

A task is in one container or in none, and then nothing here limits it.  What it forks is in the same one.  A container
is made around one task, begins without any capability, and ends with its last task; its capabilities end with it.

No task escapes: a container is made around a task only while nobody acts in it, because its one thread is suspended and
held, or makes the call itself (native/control_calls.py).  Afterwards TASK.container stays as it is until the last
thread has left, so a fork reads one value.

A thread, a task and a mutex are charged when they are made (a mutex: when it is first locked), an area when it is
mapped.  What a task had before it came into the container is charged to nobody.  A thread gives its charge back when it
has no instruction of the guest's left to execute, a task when its last thread has left: before whoever waits for them
is told, so who waits and then makes another finds the room.

Locks: containers_lock.  Rejected: to count tasks and threads that are there, under the lock: each fork of each
container would queue for it.
"""

from ...abi.errno import EBUSY, ENOSPC
from ...hot import hot, never_inline
from ...limits import CAPABILITIES, MAX_CONTAINERS, WAIT_QUEUES
from ...shm.atomics import compare_exchange, exchange
from ...shm.bits import bits
from ...shm.cpumask import mask_none, store_mask
from ..critical import critical, either, noncritical
from .pools import (
    CLOSED,
    POOL_MUTEXES,
    POOL_SPACES,
    charge,
    free_if_done,
    give_back,
    lock_containers,
    place_pool,
    pool_closed,
    unlock_containers,
)

CONTAINER_HANDLE = bits("container:16 generation:*")
handle_container, handle_generation = CONTAINER_HANDLE.getters()
pack_container = CONTAINER_HANDLE.packer()
GENERATIONS = 0x7FFFFFFF


@hot
def handle_of(m, container):
    """The handle of a container (index + 1), which is its name for guests; 0 of none."""
    return pack_container(container, m.containers[container - 1].generation) if container != 0 else 0


@hot
def container_of(m, handle):
    """The container (index + 1) that a handle names, 0 where there is none. containers_lock is held, or it may end."""
    container = handle_container(handle)
    if handle <= 0 or container <= 0 or container > MAX_CONTAINERS:
        return 0
    c = m.containers[container - 1]
    return container if c.nr_tasks > 0 and c.generation == handle_generation(handle) else 0


@hot
def make_container(m, me, k):
    """A container around task k, in which nobody acts: its handle; -EBUSY: it is in one already; -ENOSPC."""
    never_inline()
    noncritical(m, me)
    lock_containers(m, me)
    result = -EBUSY
    if m.tasks[k].container == 0:
        result = -ENOSPC
        container = m.free_container
        if container > 0:
            m.free_container = m.containers[container - 1].next_free
        elif m.fresh_container < MAX_CONTAINERS:
            m.fresh_container += 1
            container = m.fresh_container
        if container > 0:
            store_mask(m.containers[container - 1], "cpus", mask_none())
            m.containers[container - 1].nr_tasks = 1
            m.tasks[k].container = container
            result = handle_of(m, container)
    unlock_containers(m, me)
    return result


@hot
def enter_container(m, me, parent, k):
    """The new task k is in the container of the one that forks it, and charged to it; False: there is no room."""
    never_inline()
    either(m, me)
    container = m.tasks[parent].container
    if container == 0:
        return True
    lock_containers(m, me)
    m.containers[container - 1].nr_tasks += 1
    m.tasks[k].container = container
    unlock_containers(m, me)
    pool = charge(m, me, container, POOL_SPACES)
    m.tasks[k].space_pool = pool
    return pool != 0


@hot
def _give_task_back(m, me, k):
    """Give back what a task and its mutexes are charged to."""
    t = m.tasks[k]
    pool = exchange(t, "space_pool", 0)
    if pool != 0:
        give_back(m, me, pool)
    for n in range(WAIT_QUEUES):
        if t.mutex_pools[n] != 0:
            give_back(m, me, t.mutex_pools[n])
            t.mutex_pools[n] = 0


@hot
def charge_mutex(m, me, k, n):
    """Whether task k may lock its mutex n: it is charged the first time. The mutex's lock is held."""
    critical(m, me)
    t = m.tasks[k]
    if t.container == 0 or t.mutex_pools[n] != 0:
        return True
    t.mutex_pools[n] = charge(m, me, t.container, POOL_MUTEXES)
    return t.mutex_pools[n] != 0


@hot
def leave_container(m, me, k):
    """Task k's last thread has left, or its record is given back: the first counts. The last task ends a container."""
    never_inline()
    either(m, me)
    container = m.tasks[k].container
    if container == 0:
        return
    _give_task_back(m, me, k)
    lock_containers(m, me)
    m.tasks[k].container = 0
    c = m.containers[container - 1]
    c.nr_tasks -= 1
    if c.nr_tasks == 0:
        for n in range(CAPABILITIES):
            if c.capabilities[n].word != 0:
                drop_capability(m, me, container, n)
        c.generation = (c.generation + 1) & GENERATIONS
        c.next_free = m.free_container
        m.free_container = container
    unlock_containers(m, me)


@hot
def drop_capability(m, me, container, n):
    """A container has its capability n no more. The last one for a pool closes that. containers_lock is held."""
    critical(m, me)
    capability = m.containers[container - 1].capabilities[n]
    p = place_pool(capability.word) - 1
    capability.word = 0
    capability.generation = (capability.generation + 1) & GENERATIONS
    pool = m.pools[p]
    pool.holders -= 1
    if pool.holders == 0:
        word = pool.word
        while pool_closed(word) == 0 and not compare_exchange(pool, "word", word, word | CLOSED):
            word = pool.word
        free_if_done(m, me, p)
