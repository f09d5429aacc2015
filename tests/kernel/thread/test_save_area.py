"""Save areas: a size for each thread, a pool that keeps what it has, a destructor outside locks (kse-9, kse-13)."""

import random

import pytest

from emu.hot import entry
from emu.kernel.failures import FAIL_CRITICAL, FAIL_SAVE_AREA
from emu.kernel.thread import save_area, spares
from emu.kernel.thread.states import DEAD, NEW, set_where
from emu.limits import SAVE_AREA_CLASSES, SAVE_ARENA_WORDS
from emu.shm.layout import machine_at
from emu.shm.tags import alive
from emu.testing.save_area_checks import check_save_areas
from tests.kernel import wrappers as hot
from tests.processes import checking_build

pytestmark = pytest.mark.system("kse-9")
ENOMEM = -12
LARGEST = 8 * ((8 << (SAVE_AREA_CLASSES - 1)) - 1)


@entry(3)
def make(address, i, size_bytes):
    return save_area.make_save_area(machine_at(address), 0, i, size_bytes)


@entry(4)
def store(address, i, k, word):
    m = machine_at(address)
    save_area.save(m, m.threads[i], k, word)
    return 0


@entry(3)
def load(address, i, k):
    m = machine_at(address)
    return save_area.saved(m, m.threads[i], k)


@entry(3)
def end(address, me, i):
    """As a thread ends: its record is recycled."""
    m = machine_at(address)
    set_where(m, m.threads[i], DEAD, 0)
    spares.recycle_thread(m, me, i)
    return 0


def new(window, size_bytes):
    i = hot.allocate_thread(window.address, 0, 0)
    assert make(window.address, i, size_bytes) == 0
    return i


def used_words(window):
    return int(window.machine["fresh_save_word"])


def test_a_size_of_0_is_none(window):
    i = new(window, 0)
    assert window.machine["threads"][i]["save_area"] == window.machine["threads"][i]["save_bytes"] == 0
    end(window.address, 0, i)
    assert used_words(window) == 0 and alive(window.machine) == {}


def test_sizes_that_nothing_has_are_refused(window):
    i = hot.allocate_thread(window.address, 0, 0)
    for size_bytes in (-1, -(1 << 63), LARGEST + 1, (1 << 63) - 1):
        assert make(window.address, i, size_bytes) == ENOMEM
    assert window.machine["threads"][i]["save_area"] == 0 and used_words(window) == 0


@pytest.mark.parametrize("size_bytes", [1, 8, 56, 57, 64, 1000, LARGEST])
def test_each_thread_has_the_size_that_was_asked_for_all_words_0_and_its_own(window, size_bytes):
    base, words = window.address, (size_bytes + 7) // 8
    for _ in range(2):  # the second time with what others have used
        threads = [new(window, size_bytes) for _ in range(3)]
        for i in threads:
            assert window.machine["threads"][i]["save_bytes"] == size_bytes
            for k in range(words):
                assert load(base, i, k) == 0
                store(base, i, k, i * 1000 + k)
        for i in threads:
            assert [load(base, i, k) for k in range(words)] == [i * 1000 + k for k in range(words)]
        check_save_areas(window.machine)
        for i in threads:
            end(base, 0, i)
    check_save_areas(window.machine)
    assert window.machine["failed"] == 0


def test_the_pool_grows_once_and_gives_nothing_back(window):
    sizes = [24, 24, 500, 24, 4000]
    grown = []
    for _ in range(300):
        threads = [new(window, size) for size in sizes]
        assert alive(window.machine)["save area"][0] == len(sizes)
        for i in threads:
            end(window.address, 0, i)
        assert alive(window.machine) == {}, "nobody has an area"
        grown.append(used_words(window))
    assert len(set(grown)) == 1 and grown[0] > 0
    check_save_areas(window.machine)


def test_what_is_given_back_serves_its_own_size_only(window):
    large = new(window, 4000)
    end(window.address, 0, large)
    before = used_words(window)
    small = new(window, 24)
    assert used_words(window) > before
    again = new(window, 4000)
    assert used_words(window) == before + 8 and small != again
    check_save_areas(window.machine)


def test_a_pool_that_is_used_up_refuses_and_is_as_good_as_before_when_one_comes_back(window):
    base, threads = window.address, []
    i = hot.allocate_thread(base, 0, 0)
    while len(threads) < 2000 and make(base, i, LARGEST) == 0:
        threads.append(i)
        i = hot.allocate_thread(base, 0, 0)
    assert len(threads) == SAVE_ARENA_WORDS // 512
    assert make(base, i, 8) == ENOMEM and window.machine["threads"][i]["save_area"] == 0
    end(base, 0, threads.pop())
    assert make(base, i, LARGEST) == 0
    check_save_areas(window.machine)


def test_areas_of_all_sizes_against_a_model(window, seed):
    chance, held = random.Random(seed), {}
    for step in range(1500):
        if chance.random() < 0.55 - len(held) / 200:
            size_bytes = chance.choice([8, 24, 56, 100, 500, 2000, 4000])
            i = new(window, size_bytes)
            held[i] = chance.getrandbits(60)
            store(window.address, i, (size_bytes - 1) // 8, held[i])
        elif held:
            i = chance.choice(list(held))
            last = (int(window.machine["threads"][i]["save_bytes"]) - 1) // 8
            assert load(window.address, i, last) == held.pop(i)
            end(window.address, 0, i)
        if step % 50 == 0:
            check_save_areas(window.machine)
    for i in held:
        end(window.address, 0, i)
    check_save_areas(window.machine)
    assert alive(window.machine) == {}


@pytest.mark.parametrize("kind", ["spare", "free"])
def test_the_destructor_has_run_when_the_record_is_anybodys(window, kind):
    base, threads = window.address, window.machine["threads"]
    owner = hot.allocate_thread(base, 0, 0)
    i = new(window, 24)
    if kind == "spare":
        threads[i]["creator"] = hot.thread_handle(base, owner)
    end(base, 0, i)
    assert threads[i]["save_area"] == threads[i]["save_bytes"] == 0
    assert (threads[owner]["spare"] == i) == (kind == "spare")
    assert int(threads[i]["where"]) & 0xFF == NEW if kind == "spare" else True
    assert "save area" not in alive(window.machine)


PROGRAM = """
from emu.hot import entry
from emu.kernel.sched.runqueue import lock_queue, unlock_queue
from emu.kernel.thread import save_area, spares
from emu.kernel.thread.records import allocate_thread
from emu.kernel.thread.states import DEAD, RUNNABLE, RUNNING, set_where
from emu.shm.layout import machine_at
from emu.testing.bare import bare_window

@entry(3)
def recycle(address, size_bytes, locked):
    m = machine_at(address)
    i = allocate_thread(m, 0, 0)
    save_area.make_save_area(m, 0, i, size_bytes)
    for state in (RUNNABLE, RUNNING, DEAD):
        set_where(m, m.threads[i], state, 0)
    if locked:
        lock_queue(m, 0, 0)
    spares.recycle_thread(m, 0, i)
    if locked:
        unlock_queue(m, 0, 0)
    return m.failed

@entry(2)
def use(address, k):
    m = machine_at(address)
    i = allocate_thread(m, 0, 0)
    save_area.make_save_area(m, 0, i, 24)
    save_area.save(m, m.threads[i], k, 1)
    return m.failed

for size_bytes, locked in ((24, 0), (24, 1), (0, 1)):
    with bare_window() as window:
        print(recycle(window.address, size_bytes, locked))
for k in (0, 2, 3, -1):
    with bare_window() as window:
        print(use(window.address, k))
"""


@pytest.mark.system("kse-13")
@pytest.mark.system("alux-6")
def test_a_destructor_with_a_lock_held_and_a_word_beyond_the_size_are_caught_by_checking_builds(tmp_path):
    failed = [int(line) for line in checking_build(tmp_path / "program.py", PROGRAM).splitlines()]
    assert failed == [0, FAIL_CRITICAL, FAIL_CRITICAL, 0, 0, FAIL_SAVE_AREA, FAIL_SAVE_AREA]
