"""Areas and memory objects of a machine at rest, recomputed from their truth words and compared with the indexes."""

import numpy as np

from ..kernel.vm.areas import IN_MESSAGE, NEEDS_COPY
from ..kernel.vm.objects import OBJECT_FILE, OBJECT_FREE, OBJECT_SEGMENT
from ..kernel.vm.pagetable import DIRTY, PPN_SHIFT, RWX, SHARED, V, W
from ..kernel.vm.radix import FRAME_SHIFT, LEVEL_BITS, PRESENT
from ..limits import MAX_TASKS, PAGE_SHIFT


def pages_of(window, o):
    """({page: frame}, {node: its words in use}) of an object's index."""
    record = window.machine["objects"][o]
    pages, nodes = {}, {}

    def walk(word, level, page):
        if not word:
            return
        assert word & PRESENT, f"object {o} has the word {word:#x}"
        frame = word >> FRAME_SHIFT
        if level == 0:
            pages[page] = frame
            return
        words = window.memory(frame).view(np.int64)
        nodes[frame] = int(np.count_nonzero(words))
        for at in np.flatnonzero(words).tolist():
            walk(int(words[at]), level - 1, page + (at << LEVEL_BITS * (level - 1)))

    walk(int(record["pages"]), int(record["height"]), 0)
    assert len(pages) == record["nr_pages"], f"object {o} says {record['nr_pages']} pages, has {len(pages)}"
    return pages, nodes


def areas_by_owner(machine):
    """{root frame + 1: its areas, by address} from the truth words."""
    owners = machine["areas"]["owner"][: int(machine["fresh_area"])]
    found = {}
    for a in np.flatnonzero(owners).tolist():
        found.setdefault(int(owners[a]), []).append(a)
    return {owner: sorted(each, key=lambda a: machine["areas"][a]["start"]) for owner, each in found.items()}


def tree_of(machine, task):
    """The areas of a task in the order of its tree."""
    found, above, n = [], [], int(machine["tasks"][task]["areas"])
    while above or n:
        while n:
            above.append(n - 1)
            n = int(machine["areas"][n - 1]["left"])
        found.append(above.pop())
        n = int(machine["areas"][found[-1]]["right"])
    return found


def check_areas(window):
    """Trees, references of objects, and that page tables say nothing that areas and objects do not."""
    machine = window.machine
    truth, counted, roots = areas_by_owner(machine), {}, {}
    for k in range(MAX_TASKS):
        task = machine["tasks"][k]
        if task["state"] and task["root"] >= 0:
            mine = truth.get(int(task["root"]) + 1, [])
            roots[int(task["root"]) + 1] = k
            assert tree_of(machine, k) == mine, f"task {k}: its tree has {tree_of(machine, k)}, its areas are {mine}"
            assert task["nr_areas"] == len(mine), f"task {k} counts {task['nr_areas']} areas, has {len(mine)}"
            for low, high in zip(mine, mine[1:]):
                assert machine["areas"][low]["end"] <= machine["areas"][high]["start"], f"areas {low}, {high} overlap"
            _check_entries(window, k, mine)
    nowhere = truth.keys() - roots.keys() - {IN_MESSAGE}
    assert not nowhere, f"areas of no task: {nowhere}"
    for each in truth.values():
        for a in each:
            o = int(machine["areas"][a]["object"]) - 1
            if o >= 0:
                counted[o] = counted.get(o, 0) + 1
    _check_objects(machine, counted)


def _check_objects(machine, counted):
    kinds = machine["objects"]["kind"][: int(machine["fresh_object"])]
    alive = np.flatnonzero(kinds != OBJECT_FREE).tolist()
    for o in alive:
        below = int(machine["objects"][o]["original"]) - 1
        if below >= 0:
            assert kinds[below] != OBJECT_FREE, f"object {o} is a shadow of {below}, which is free"
            counted[below] = counted.get(below, 0) + 1
            assert o in _shadows(machine, below), f"object {o} is not among the shadows of {below}"
    for o in alive:
        kept = int(machine["objects"][o]["kept"])
        says, found = int(machine["objects"][o]["references"]), counted.get(o, 0) + kept
        assert says == found, f"object {o} has {says} references, {found} were found"
        assert not kept or kinds[o] in (OBJECT_FILE, OBJECT_SEGMENT), f"object {o} is kept by the server"
        assert all(int(machine["objects"][s]["original"]) == o + 1 for s in _shadows(machine, o))
    listed = _list_from(machine["objects"], int(machine["free_object"]), "next_free")
    assert sorted(listed) == np.flatnonzero(kinds == OBJECT_FREE).tolist(), f"the list of free objects has {listed}"


def _shadows(machine, o):
    found = _list_from(machine["objects"], int(machine["objects"][o]["first_shadow"]), "next_shadow")
    for s, before in zip(found, [-1, *found]):
        assert machine["objects"][s]["previous_shadow"] == before + 1, f"shadow {s} of object {o} comes after {before}"
    return found


def _list_from(records, word, following):
    """The indexes of a list of records, which are named by index + 1."""
    found = {}  # for its order
    while word:
        assert word - 1 not in found, f"the list by {following} goes round: {list(found)}"
        found[word - 1] = True
        word = int(records[word - 1][following])
    return list(found)


def _check_entries(window, task, areas):
    """Each entry of page tables is what its area and object say; one that lets stores through is the object's own."""
    machine, known = window.machine, {}
    for va, entry in _leaves(window, int(machine["tasks"][task]["root"]), 2, 0):
        records = (machine["areas"][a] for a in areas)
        area = next((area for area in records if area["start"] <= va < area["end"]), None)
        assert area is not None, f"task {task}: {va:#x} has a page but no area"
        assert entry & RWX & ~int(area["flags"]) == 0, f"task {task}: {va:#x} has more rights than its area"
        page, frame = int(area["first"]) + ((va - int(area["start"])) >> PAGE_SHIFT), entry >> PPN_SHIFT
        chain, o = [], int(area["object"]) - 1
        while o >= 0:
            if o not in known:
                known[o] = pages_of(window, o)[0]
            chain.append(known[o].get(page))
            o = int(machine["objects"][o]["original"]) - 1
        found = next((each for each in chain if each is not None), None)
        assert found == frame, f"task {task}: {va:#x} has frame {frame}, its objects say {found}"
        if entry & W and entry & DIRTY and not entry & SHARED:
            assert not int(area["flags"]) & NEEDS_COPY, f"task {task}: {va:#x} may be stored to, though others see it"
            assert chain[0] == frame, f"task {task}: {va:#x} may be stored to, though the page is an original's"


def _leaves(window, table, level, base):
    entries = window.memory(table).view(np.int64)
    for at in np.flatnonzero(entries).tolist():
        entry, va = int(entries[at]), base + (at << PAGE_SHIFT + 9 * level)
        if entry & V and not entry & RWX:
            yield from _leaves(window, entry >> PPN_SHIFT, level - 1, va)
        else:
            yield va, entry
