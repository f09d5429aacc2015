"""The heap of time-outs against a sorted list: order, stale entries, and a full heap."""

import random

import pytest

from emu.limits import MAX_TIMERS
from tests.kernel import wrappers as hot

CPU = 1


def heap(window):
    c = window.machine["cpus"][CPU]
    n = int(c["nr_timers"])
    return [
        (int(c["timer_deadline_ns"][k]), int(c["timer_thread"][k]), int(c["timer_sleep"][k])) for k in range(n)
    ]


def check_heap(window):
    entries = heap(window)
    for k in range(1, len(entries)):
        assert entries[(k - 1) // 2][0] <= entries[k][0], f"entry {k} is earlier than its parent"
    return entries


def is_valid(window, entry):
    return int(window.machine["threads"][entry[1]]["sleep"]) == entry[2]


def test_random_use_against_a_model(window, seed):
    chance, base, model = random.Random(seed), window.address, []
    threads = window.machine["threads"]
    for step in range(1200):
        choice = chance.random()
        if choice < 0.5:
            i, word, deadline = chance.randrange(200), step * 256 + 258, chance.randrange(1, 1000)
            threads[i]["sleep"] = word  # an earlier sleep of this thread is over: its entry is stale
            hot.add_timeout(base, CPU, deadline, i, word)
            model.append((deadline, i, word))
        elif choice < 0.7:
            threads[chance.randrange(200)]["sleep"] = 0
        else:
            first = hot.next_deadline(base, CPU)
            valid = [e for e in model if is_valid(window, e)]
            assert first == (min(valid)[0] if valid else 0)
            if valid:
                taken = heap(window)[0]
                assert is_valid(window, taken) and taken[0] == first
                hot.remove_first(base, CPU)
                model.remove(taken)
        present = check_heap(window)
        assert {e for e in model if is_valid(window, e)} <= set(present) <= set(model)


@pytest.mark.system("inko-3")
def test_a_full_heap_drops_what_is_stale_and_keeps_what_is_valid(window):
    base, threads = window.address, window.machine["threads"]
    for k in range(MAX_TIMERS):
        i = k % 100
        threads[i]["sleep"] = 256 * (k + 1) + 2
        hot.add_timeout(base, CPU, MAX_TIMERS - k, i, 256 * (k + 1) + 2)
    assert len(heap(window)) == MAX_TIMERS
    threads[3]["sleep"] = 1
    hot.add_timeout(base, CPU, 5, 3, 1)
    entries = check_heap(window)
    assert len(entries) == 100 and all(is_valid(window, e) for e in entries)


@pytest.mark.system("inko-3")
def test_a_wake_up_invalidates_its_time_out_without_touching_the_heap(window):
    base = window.address
    word = hot.sleep(base, 4, 2)
    hot.add_timeout(base, CPU, 50, 4, word)
    before = heap(window)
    assert hot.claim_sleep(base, 4, word) == 1
    assert heap(window) == before
    assert hot.next_deadline(base, CPU) == 0 and heap(window) == []


def test_equal_deadlines_all_come_out(window):
    for i in range(20):
        hot.add_timeout(window.address, CPU, 7, i, hot.sleep(window.address, i, 2))
    seen = set()
    while hot.next_deadline(window.address, CPU):
        seen.add(heap(window)[0][1])
        hot.remove_first(window.address, CPU)
    assert seen == set(range(20))
