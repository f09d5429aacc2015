"""Groups and upcalls of a machine at rest, from their truth words: who owns what, lists, counts (kernel/upcalls/)."""

import numpy as np

from ..kernel.groups.records import KSE_ENDOWED, KSE_INSIDE, KSE_MEMBER, KSE_OWNER, KSE_RISING, KSE_SPARE
from ..kernel.thread.states import BLOCKED, DEAD, FREE, NEW, TASK_FREE, WHERE
from ..limits import MAX_TASKS

STATES = {KSE_MEMBER | k for k in (KSE_OWNER, KSE_OWNER | KSE_RISING, KSE_INSIDE, KSE_SPARE)} | {KSE_ENDOWED}


def _list(records, first):
    """The records of a list, and that its links back agree."""
    found, before = [], 0
    while first:
        assert first - 1 not in found, f"the list that leads to {first - 1} is a circle"
        assert records[first - 1]["previous"] == before, f"record {first - 1} has another one before it"
        before = first
        found.append(first - 1)
        first = int(records[first - 1]["next"])
    return found


def _free(records, first):
    found = set()
    while first:
        assert first - 1 not in found, f"the free list is a circle at {first - 1}"
        found.add(first - 1)
        first = int(records[first - 1]["next"])
    return found


def check_upcalls(window):
    """Everything of this file."""
    machine = window.machine
    groups, upcalls = machine["groups"], machine["upcalls"]
    used = [g for g in range(int(machine["fresh_group"])) if groups[g]["task"]]
    owned = [u for u in range(int(machine["fresh_upcall"])) if upcalls[u]["owner"]]
    listed = {}
    for k in range(MAX_TASKS):
        task = machine["tasks"][k]
        if task["first_group"] or task["nr_groups"]:
            assert task["state"] != TASK_FREE, f"task {k} is free and has groups"
            mine = _list(groups, int(task["first_group"]))
            assert len(mine) == task["nr_groups"], f"task {k} counts {task['nr_groups']} groups of {mine}"
            listed.update(dict.fromkeys(mine, k + 1))
    assert listed == {g: int(groups[g]["task"]) for g in used}, "groups of tasks"
    assert _free(groups, int(machine["free_group"])) == set(range(int(machine["fresh_group"]))) - set(used)
    assert _free(upcalls, int(machine["free_upcall"])) == set(range(int(machine["fresh_upcall"]))) - set(owned)
    threads = machine["threads"]
    members = _check_threads(machine, threads)
    of_groups = []
    for g in used:
        group = groups[g]
        mine = _list(upcalls, int(group["first_upcall"]))
        assert len(mine) == group["nr_upcalls"], f"group {g} counts {group['nr_upcalls']} upcalls of {mine}"
        of_groups += mine
        for u in mine:
            owner = int(upcalls[u]["owner"]) - 1
            assert upcalls[u]["group"] == g and members.get(owner) == g, f"upcall {u} of group {g} is thread {owner}'s"
            known = (int(threads[owner]["upcall"]), int(threads[owner]["offer"]))
            assert u + 1 in known, f"thread {owner} does not know that it owns upcall {u}: {known}"
        _check_counts(g, group, [threads[i] for i in members if members[i] == g])
        spares, i = [], int(group["first_spare"]) - 1
        while i >= 0:
            assert i not in spares and members.get(i) == g and threads[i]["kse"] == KSE_MEMBER | KSE_SPARE, f"spare {i}"
            assert threads[i]["sleep"] > 0, f"spare {i} is listed and does not sleep"
            spares.append(i)
            i = int(threads[i]["wait_next"])
        assert group["nr_spares"] == len(spares) and not group["spares_lock"], f"group {g} has the spares {spares}"
    assert sorted(of_groups) == owned, f"upcalls {owned} have owners, {of_groups} are listed"


def _check_threads(machine, threads):
    """{thread: its group} of all that are in one, and what each says of itself."""
    members = {}
    for i in np.flatnonzero(threads["kse"][: int(machine["fresh_thread"])]).tolist():
        t = threads[i]
        kse, g, u = int(t["kse"]), int(t["kse_group"]) - 1, int(t["upcall"]) - 1
        assert WHERE.get(int(t["where"]), "state") not in (FREE, NEW, DEAD), f"thread {i} is gone and in group {g}"
        assert kse in STATES, f"thread {i}: {kse}"
        assert machine["groups"][g]["task"] == t["task"] + 1, f"thread {i} is in group {g} of another task"
        assert (kse & KSE_OWNER != 0) == (u >= 0), f"thread {i} ({kse}) and upcall {u}"
        assert u < 0 or machine["upcalls"][u]["owner"] == i + 1, f"thread {i} does not own upcall {u}"
        assert (kse & KSE_INSIDE != 0) <= (t["user_thread"] != 0), f"thread {i} is inside for nobody"
        awake = WHERE.get(int(t["where"]), "state") != BLOCKED
        assert t["offer"] == 0 or kse == KSE_MEMBER | KSE_INSIDE and awake, f"thread {i} ({kse}): offer {t['offer']}"
        members[i] = g
    return members


def _check_counts(g, group, threads):
    assert group["nr_threads"] == len(threads) > 0, f"group {g} counts {group['nr_threads']} of {len(threads)} threads"
    inside = [t for t in threads if t["kse"] & KSE_INSIDE and WHERE.get(int(t["where"]), "state") != BLOCKED]
    assert group["inside"] == len(inside), f"group {g} counts {group['inside']} of {len(inside)} that are inside"
    rising = [t for t in threads if t["kse"] & KSE_RISING or t["offer"] > 0]
    assert group["rising"] == len(rising), f"group {g} counts {group['rising']} of {len(rising)} that rise"
