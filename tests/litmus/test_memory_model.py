"""What RVWMO forbids never appears between CPU processes that run guest code; what it allows is seen to happen.

The shapes run freely instead of in lock step: locations count up, so from what every iteration saw it follows
which pairs of iterations, one of each CPU, form the shape.  Fences and aq/rl as in the RISC-V manual, chapter 17.
A reservation is a compare-and-swap of the value: a store of another value makes sc fail, and that is tested.
"""

import os

import numpy as np
import pytest

from emu.isa.encode import encode
from tests.litmus.guest_crew import ACCESSIBLE, BASE, PAGE_SIZE, SPARE, GuestCrew, X, Y, Z

ITERATIONS = 60_000
ROUNDS, CONTROL_ROUNDS = int(os.environ.get("EMU_LITMUS_ROUNDS", 12)), 200  # runs of ITERATIONS for each shape
FENCE = [encode("fence", 0x33)]
NONE = []
X_, Y_, Z_ = 10, 11, 16  # registers that hold their addresses

pytestmark = pytest.mark.skipif(ACCESSIBLE < 2, reason="a race needs two host cores")


@pytest.fixture(scope="module", params=[False, True], ids=["interpreted", "translated"])
def crew(request):
    made = GuestCrew(request.param)
    yield made
    made.destroy()


def store(where, value=9):
    return [encode("sd", value, 0, where)]


def load(register, where):
    return [encode("ld", register, 0, where)]


def release(where):
    return [encode("amoswap.d", 0, 9, where, rl=1)]


def acquire(register, where):
    return [encode("amoor.d", register, 0, where, aq=1)]


def both(register, where):
    return [encode("amoor.d", register, 0, where, aq=1, rl=1)]


# --- message passing -------------------------------------------------------------------


@pytest.mark.parametrize(
    "write, read",
    [
        (store(X_) + FENCE + store(Y_), load(6, Y_) + FENCE + load(7, X_)),
        (store(X_) + release(Y_), acquire(6, Y_) + load(7, X_)),
        (store(X_) + [encode("fence", 0x11)] + store(Y_), load(6, Y_) + [encode("fence", 0x22)] + load(7, X_)),
    ],
    ids=["fences", "release-acquire", "fence w,w and r,r"],
)
def test_message_passing_never_shows_the_flag_without_the_message(crew, write, read):
    for _ in range(ROUNDS):
        flag, message = crew.run([write, read], ITERATIONS)[1].T
        assert (message >= flag).all()


def test_message_passing_in_the_wrong_order_is_seen(crew):
    """Control: the reader looks at the message first, so it may find the flag newer."""
    for _ in range(CONTROL_ROUNDS):
        flag, message = crew.run([store(X_) + store(Y_), load(7, X_) + load(6, Y_)], ITERATIONS)[1].T
        if (message < flag).any():
            return
    pytest.fail("the CPUs never overlapped")


# --- store buffering -------------------------------------------------------------------


def store_buffering(results):
    """Pairs of iterations in which neither CPU saw the other's store."""
    seen_y, seen_x = results[0, :, 1], results[1, :, 1]
    counts = np.arange(1, len(seen_y) + 1)
    next_store = seen_y  # index of the other's store after the one that was seen
    inside = next_store < len(seen_x)
    return int((seen_x[next_store[inside]] < counts[inside]).sum())


SB = [store(X_) + load(7, Y_), store(Y_) + load(7, X_)]
SB_FENCED = [store(X_) + FENCE + load(7, Y_), store(Y_) + FENCE + load(7, X_)]
_EXCHANGE = [[encode("amoswap.d", 0, 9, where, aq=1, rl=1)] for where in (X_, Y_)]
SB_ATOMIC = [_EXCHANGE[0] + both(7, Y_), _EXCHANGE[1] + both(7, X_)]


@pytest.mark.parametrize("bodies", [SB_FENCED, SB_ATOMIC], ids=["fences", "aq and rl"])
def test_store_buffering_never_appears_with_order(crew, bodies):
    assert sum(store_buffering(crew.run(bodies, ITERATIONS)) for _ in range(ROUNDS)) == 0


def test_store_buffering_appears_without_fences(crew):
    assert any(store_buffering(crew.run(SB, ITERATIONS)) for _ in range(CONTROL_ROUNDS))


# --- load buffering --------------------------------------------------------------------


def load_buffering(results):
    """Pairs of iterations that each saw the other's later store."""
    seen_y, seen_x = results[0, :, 1], results[1, :, 1]
    counts = np.arange(1, len(seen_y) + 1)
    saw = seen_y > 0
    return int((seen_x[seen_y[saw] - 1] >= counts[saw]).sum())


@pytest.mark.parametrize("between", [NONE, FENCE], ids=["plain", "fences"])
def test_load_buffering_never_appears(crew, between):
    bodies = [load(7, Y_) + between + store(X_), load(7, X_) + between + store(Y_)]
    assert sum(load_buffering(crew.run(bodies, ITERATIONS)) for _ in range(ROUNDS)) == 0


# --- independent reads of independent writes ---------------------------------------------


def disagreements(results):
    """Reads of CPU 2 (x then y) and CPU 3 (y then x) that saw the two stores in opposite orders."""
    x, y = results[2].T
    later_y, later_x = results[3].T
    first = np.searchsorted(x, later_x, side="right")  # the first read of CPU 2 that saw a newer x
    inside = first < len(x)
    return int((y[first[inside]] < later_y[inside]).sum())


@pytest.mark.parametrize("reads", ["fences", "acquire"])
def test_readers_agree_on_the_order_of_independent_writes(crew, reads):
    if reads == "fences":
        readers = [load(6, X_) + FENCE + load(7, Y_), load(6, Y_) + FENCE + load(7, X_)]
    else:
        readers = [acquire(6, X_) + acquire(7, Y_), acquire(6, Y_) + acquire(7, X_)]
    for _ in range(2):
        results = crew.run([store(X_), store(Y_), *readers], ITERATIONS // 2)
        assert disagreements(results) == 0


# --- coherence ------------------------------------------------------------------------


def test_a_location_never_goes_back(crew):
    reads = load(6, X_) + load(7, X_)
    for _ in range(ROUNDS):
        results = crew.run([store(X_), reads], ITERATIONS)
        assert (np.diff(results[1].reshape(-1)) >= 0).all()


def test_readers_agree_on_the_order_of_writes_to_one_location(crew):
    """Two writers, values marked with the writer's number in the lowest bit."""
    marked = [encode("slli", 6, 9, 1), encode("add", 6, 6, 18), *store(X_, 6)]
    results = crew.run([marked, marked, load(6, X_), load(6, X_)], ITERATIONS // 2)
    orders = []
    for reader in (2, 3):
        values = results[reader, :, 0]
        orders.append(values[np.flatnonzero(np.diff(values, prepend=-1))])
        assert len(set(orders[-1].tolist())) == len(orders[-1]), "a value came back after another one"
    common = set(orders[0].tolist()) & set(orders[1].tolist())
    assert [v for v in orders[0] if v in common] == [v for v in orders[1] if v in common]


# --- atomics ----------------------------------------------------------------------------

ADD_D = [encode("amoadd.d", 6, 1, X_)]
ADD_W = [encode("amoadd.w", 6, 1, Y_)]
ADD_LR = [encode("lr.d", 6, Z_), encode("addi", 7, 6, 1), encode("sc.d", 7, 7, Z_), encode("bne", 7, 0, -12)]
ADD_PLAIN = [encode("ld", 6, 0, 17), encode("addi", 6, 6, 1), encode("sd", 6, 0, 17)]


def test_totals_of_four_cpus_are_exact_and_plain_ones_are_not(crew):
    lost = 0
    for _ in range(CONTROL_ROUNDS):
        crew.run([ADD_D + ADD_W + ADD_LR + ADD_PLAIN] * 4, ITERATIONS // 4)
        total = 4 * (ITERATIONS // 4)
        assert [int(crew.words(at, 1)[0]) for at in (X, Y, Z)] == [total] * 3
        lost += total - int(crew.words(SPARE, 1)[0])
        if lost:
            return
    pytest.fail("the control lost no addition: the CPUs never overlapped")


def test_old_values_of_an_atomic_are_all_different(crew):
    results = crew.run([ADD_D, ADD_D], ITERATIONS)
    assert len(np.unique(results[:, :, 0])) == 2 * ITERATIONS


def _turns(between):
    """CPU 0 reserves X, lets CPU 1 take its turn, and tries to store; x6: 0 if it could."""
    reserve = [encode("lr.d", 7, X_), *store(Y_), *FENCE]
    wait = [encode("ld", 5, 0, Z_), encode("bne", 5, 9, -4)]
    first = [*reserve, *wait, encode("sc.d", 6, 9, X_)]
    second = [encode("ld", 5, 0, Y_), encode("bne", 5, 9, -4), *between, *FENCE, *store(Z_)]
    return [first, second]


def test_store_conditional_fails_after_a_store_of_another_cpu(crew):
    change = [encode("xori", 8, 9, -1), *store(X_, 8)]
    assert (crew.run(_turns(change), 300)[0, :, 0] == 1).all()


def test_store_conditional_succeeds_when_the_other_cpu_stores_elsewhere(crew):
    """Control."""
    assert (crew.run(_turns([encode("sd", 9, 8, X_)]), 300)[0, :, 0] == 0).all()


# --- code that another CPU changes ----------------------------------------------------------


def test_a_cpu_runs_what_another_one_wrote_before_its_flag(crew):
    """CPU 0 replaces an instruction, then raises the flag; CPU 1 sees the flag, fence.i, and calls it.

    The instruction is addi x7, x0, count in a page that both know as code: the page of CPU 2's program.
    """
    place = BASE + 2 * PAGE_SIZE
    at = [encode("lui", 20, place)]
    make = [encode("lui", 21, 0x7FF << 20), encode("slli", 6, 9, 20), encode("and", 6, 6, 21)]
    make += [encode("addi", 6, 6, 0x393), encode("sw", 6, 0, 20)]  # addi x7, x0, count
    returns = encode("jalr", 0, 0, 22)
    ready = [encode("lui", 5, returns & ~0xFFF), encode("addi", 5, 5, returns & 0xFFF), encode("sw", 5, 4, 20)]
    write = [*at, *ready, *make, *FENCE, *store(Y_), *[encode("ld", 5, 0, Z_), encode("bne", 5, 9, -4)]]
    read = [*at, encode("ld", 6, 0, Y_), encode("bne", 6, 9, -4), encode("fence.i"), encode("jalr", 22, 0, 20)]
    read += [*FENCE, *store(Z_)]
    results = crew.run([write, read], 1500)
    assert (results[1, :, 1] == results[1, :, 0] & 0x7FF).all()
