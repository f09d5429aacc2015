"""Save areas of a machine at rest: the arena, whole, against the threads that have one and the lists of the free."""

import numpy as np

from ..kernel.thread.save_area import LEAST_WORDS
from ..limits import SAVE_AREA_CLASSES


def check_save_areas(machine):
    """Each area is somebody's or in the list of its size, once. AssertionError names the first that is not."""
    assert machine["save_areas_lock"] == 0, "save areas are locked"
    arena, end = machine["save_arena"], int(machine["fresh_save_word"])
    sizes, at = {}, 0  # {place: words}
    while at < end:
        size_class = int(arena[at]) - 1
        assert 0 <= size_class < SAVE_AREA_CLASSES, f"the area at {at} has size class {size_class}"
        sizes[at] = LEAST_WORDS << size_class
        at += sizes[at]
    assert at == end, f"areas end at {at}, not at {end}"
    threads, found = machine["threads"], {}
    for i in np.flatnonzero(threads["save_area"]):
        place = int(threads[i]["save_area"]) - 1
        assert place in sizes and place not in found, f"thread {i} has the area at {place}, which is none, or another's"
        assert 0 < threads[i]["save_bytes"] <= 8 * (sizes[place] - 1), f"the area of thread {i} is too small"
        found[place] = int(i)
    for size_class, first in enumerate(machine["free_save_areas"].tolist()):
        place = first - 1
        while place >= 0:
            assert place not in found, f"the area at {place} is listed twice, or is thread {found[place]}'s"
            assert sizes.get(place) == LEAST_WORDS << size_class, f"the area at {place} is in the list of another size"
            found[place] = None
            place = int(arena[place + 1]) - 1
    assert found.keys() == sizes.keys(), f"areas are lost: {sorted(sizes.keys() - found.keys())[:8]}"
