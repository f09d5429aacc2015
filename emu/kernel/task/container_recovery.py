"""Containers and pools after a CPU was killed with containers_lock held: made anew from the truth words (cz-17).

Truth are TASK.container, the capabilities of containers that have tasks, a pool's kind, size, life and parent, and what
threads, tasks, mutexes and areas say that they are charged to.  From these follow how many tasks a container has, by
whom a pool is named, how much of it is used, whether it is closed, and which records are free.

The caller holds containers_lock in the dead CPU's place, and nobody else may be making or ending what is charged.
"""

from ...hot import hot, never_inline
from ...limits import CAPABILITIES, WAIT_QUEUES
from ..containers.pools import (
    CLOSED,
    ONE_USED,
    POOL_FREE,
    POOL_WORD,
    free_if_done,
    place_life,
    place_pool,
    pool_life,
)
from ..critical import critical
from ..thread.states import DEAD, FREE, TASK_FREE, state_of

USED_AND_CLOSED = POOL_WORD.pack(used=POOL_WORD.mask("used")) | CLOSED


@hot
def rebuild_containers(m, me):
    """Count and list all containers and pools anew."""
    never_inline()
    critical(m, me)
    for p in range(m.fresh_pool):
        pool = m.pools[p]
        pool.holders = 0
        pool.children = 0
        pool.word &= ~USED_AND_CLOSED
    _count_tasks(m)
    _count_capabilities(m)
    _charge_everything(m)
    for p in range(m.fresh_pool):
        if m.pools[p].kind != POOL_FREE and m.pools[p].parent != 0:
            m.pools[m.pools[p].parent - 1].children += 1
    m.free_pool = 0
    for p in range(m.fresh_pool):
        pool = m.pools[p]
        if pool.kind == POOL_FREE:
            pool.next_free = m.free_pool
            m.free_pool = p + 1
        elif pool.holders == 0:
            pool.word |= CLOSED
    for p in range(m.fresh_pool):
        free_if_done(m, me, p)


@hot
def _count_tasks(m):
    m.free_container = 0
    for k in range(m.fresh_container):
        m.containers[k].nr_tasks = 0
    for k in range(m.fresh_task):
        if m.tasks[k].state != TASK_FREE and m.tasks[k].container != 0:
            m.containers[m.tasks[k].container - 1].nr_tasks += 1


@hot
def _count_capabilities(m):
    """Whom each pool is named by. A container without tasks has no capability, and none is for a pool that is gone."""
    for k in range(m.fresh_container):
        c = m.containers[k]
        if c.nr_tasks == 0:
            c.next_free = m.free_container
            m.free_container = k + 1
        for n in range(CAPABILITIES):
            word = c.capabilities[n].word
            if word == 0:
                continue
            pool = m.pools[place_pool(word) - 1]
            if c.nr_tasks == 0 or pool.kind == POOL_FREE or pool_life(pool.word) != place_life(word):
                c.capabilities[n].word = 0
            else:
                pool.holders += 1


@hot
def _charge_everything(m):
    for i in range(m.fresh_thread):
        t = m.threads[i]
        if state_of(t) != FREE and state_of(t) != DEAD:
            _charge(m, t.thread_pool)
    for k in range(m.fresh_task):
        t = m.tasks[k]
        if t.state != TASK_FREE:
            _charge(m, t.space_pool)
            for n in range(WAIT_QUEUES):
                _charge(m, t.mutex_pools[n])
    for a in range(m.fresh_area):
        _charge(m, m.areas[a].pool)


@hot
def _charge(m, pool):
    """Count one more thing that is charged to a pool (index + 1, 0 none), and to those above it."""
    while pool != 0:
        m.pools[pool - 1].word += ONE_USED
        pool = m.pools[pool - 1].parent
