"""Containers, capabilities and pools of a machine at rest, recomputed from what is charged and compared."""

from collections import Counter

import numpy as np

from ..kernel.containers.pools import PLACE, POOL_CPUS, POOL_FREE, POOL_WORD
from ..kernel.thread.states import DEAD, FREE, TASK_FREE, WHERE


def _free_list(records, first):
    """The indices of a list of free records."""
    found, at = [], int(first)
    while at:
        assert at - 1 not in found, "the list of free records is a circle"
        found.append(at - 1)
        at = int(records[at - 1]["next_free"])
    return found


def charged(machine):
    """{pool: how much is charged to it}, from what threads, tasks, mutexes and areas say, with the pools above."""
    threads = machine["threads"][: int(machine["fresh_thread"])]
    state = WHERE.get(threads["where"], "state")
    alive = (state != FREE) & (state != DEAD)
    tasks = machine["tasks"][: int(machine["fresh_task"])]
    tasks = tasks[tasks["state"] != TASK_FREE]
    areas = machine["areas"][: int(machine["fresh_area"])]
    words = np.concatenate(
        [threads["thread_pool"][alive], tasks["space_pool"], tasks["mutex_pools"].ravel(), areas["pool"]]
    )
    found = Counter()
    for pool, count in Counter(words[words != 0].tolist()).items():
        while pool:
            found[pool - 1] += count
            pool = int(machine["pools"][pool - 1]["parent"])
    return found


def check_containers(window):
    """Nothing is used beyond its size, what is used is what is charged, and nothing is left of what has ended."""
    machine = window.machine
    pools = machine["pools"][: int(machine["fresh_pool"])]
    containers = machine["containers"][: int(machine["fresh_container"])]
    assert machine["containers_lock"] == 0
    tasks = machine["tasks"][: int(machine["fresh_task"])]
    members = Counter(tasks["container"][(tasks["state"] != TASK_FREE) & (tasks["container"] != 0)].tolist())
    holders, in_use = Counter(), charged(machine)
    for k, container in enumerate(containers):
        assert container["nr_tasks"] == members[k + 1], f"container {k}: {container['nr_tasks']}, not {members[k + 1]}"
        for word in container["capabilities"]["word"]:
            if word:
                assert container["nr_tasks"], f"container {k} is free, and has a capability"
                p = PLACE.get(int(word), "pool") - 1
                holders[p] += 1
                assert PLACE.get(int(word), "kind") == pools[p]["kind"], f"pool {p} has another kind"
                assert PLACE.get(int(word), "life") == POOL_WORD.get(int(pools[p]["word"]), "life"), f"pool {p}: life"
    used = [p for p in range(len(pools)) if pools[p]["kind"] != POOL_FREE]
    children = Counter(int(pools[p]["parent"]) - 1 for p in used if pools[p]["parent"])
    for p in used:
        pool, word = pools[p], int(pools[p]["word"])
        size, uses = POOL_WORD.get(word, "size"), POOL_WORD.get(word, "used")
        assert (pool["holders"], pool["children"]) == (holders[p], children[p]), f"pool {p} is named by others"
        assert uses == in_use[p] <= size, f"pool {p} of {size}: {uses} in use, {in_use[p]} charged"
        assert pool["kind"] < POOL_CPUS or size == 0
        closed = POOL_WORD.get(word, "closed")
        assert closed == (holders[p] == 0) and (uses or children[p] or not closed), f"pool {p} is left over"
    assert set(in_use) <= set(used), "a pool that is free is charged"
    assert sorted(_free_list(pools, machine["free_pool"])) == [p for p in range(len(pools)) if p not in set(used)]
    free = [k for k, container in enumerate(containers) if not container["nr_tasks"]]
    assert sorted(_free_list(containers, machine["free_container"])) == free
