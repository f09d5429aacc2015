"""Who waits for whom, and the circles, for each kind of lock that tells its holder."""

import pytest

from emu.debug.graph import Wait, circles, edges


def test_circles_are_found_once_and_chains_into_them_are_not_part():
    waits = {i: Wait(i, "", holder, False) for i, holder in {1: 2, 2: 3, 3: 2, 4: 1, 5: -1, 6: 6, 7: 8}.items()}
    assert [sorted(circle) for circle in circles(waits)] == [[2, 3], [6]]
    assert circles({1: Wait(1, "", 2, False), 2: Wait(2, "", -1, False)}) == []


@pytest.mark.parametrize(
    "way, likely, whats",
    [
        ("kernel", False, {"left": "kernel mutex 1", "right": "kernel mutex 0"}),
        ("mixed", False, {"left": "kernel mutex 0", "right": "PI futex 0x"}),
        ("recursive", True, {"left": "futex 0x", "right": "futex 0x"}),
        ("join", True, {"left": "(pthread_join)", "right": "(pthread_join)"}),
    ],
)
def test_a_deadlock_is_named_with_what_each_waits_for(stuck, way, likely, whats):
    _, inspector = stuck(way)
    graph = edges(inspector)
    found = circles(graph)
    assert [{inspector.name(i) for i in circle} for circle in found] == [{"left", "right"}]
    for i in found[0]:
        assert whats[inspector.name(i)] in graph[i].what and graph[i].likely == likely
    leader = next(i for i in graph if inspector.name(i) == "deadlocks")
    assert inspector.name(graph[leader].holder) == "left" and leader not in found[0], "it waits, and nobody for it"
