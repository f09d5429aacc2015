"""Threads of programs in Python on two CPUs: locks exclude, atomics count, stacks are used again, futexes wake."""

import pytest

from emu import guest
from emu.actor.policies import BUILTIN
from emu.program.threads import MAX_LIVING

from .runs import numbers, run_python

COUNT, LOCK, ADDED, SWAPPED, TURN, ENDED = range(0, 48, 8)  # words in lines of their own
THREADS = 4
shared = guest.words(64)
tids = guest.words(THREADS)


def count(times):
    for _ in range(times):
        guest.lock(shared, LOCK)
        shared[COUNT] += 1
        guest.unlock(shared, LOCK)
        guest.add(shared, ADDED, 1)
        old = guest.load(shared, SWAPPED)
        while not guest.compare_exchange(shared, SWAPPED, old, old + 1):
            old = guest.load(shared, SWAPPED)
    guest.add(shared, ENDED, 1)


def count_together(times):
    for k in range(THREADS):
        tids[k] = guest.spawn(count, times)
        if tids[k] < 0:
            guest.exit(2)
    for k in range(THREADS):
        guest.join(tids[k])
    guest.print_int(guest.load(shared, ENDED))
    guest.print_int(shared[COUNT])
    guest.print_int(guest.load(shared, ADDED))
    guest.print_int(guest.exchange(shared, SWAPPED, 0))


@pytest.mark.parametrize("policy", BUILTIN)
def test_locks_exclude_and_atomics_lose_nothing_under_each_policy(policy, warm):
    times = 2000
    assert numbers(count_together, times, policy=policy) == [THREADS, *[THREADS * times] * 3]


def hammer(times):
    for _ in range(times):
        guest.lock(shared, LOCK)
        shared[COUNT] += 1
        guest.unlock(shared, LOCK)


def hammer_together(times):
    other = guest.spawn(hammer, times)
    hammer(times)
    guest.join(other)
    guest.print_int(shared[COUNT])


def test_a_lock_is_never_had_by_two_cpus(warm):
    assert numbers(hammer_together, 200_000) == [400_000]


def take(times):
    for _ in range(times):
        guest.lock(shared, LOCK)
        guest.add(shared, COUNT, 1)
        guest.unlock(shared, LOCK)
        while guest.load(shared, TURN) == 0:
            guest.yield_()
        guest.store(shared, TURN, 0)


def keep_and_give_back(times):
    """Each time the other is about to sleep, or sleeps, when the lock is given back: the word says so."""
    guest.lock(shared, LOCK)
    other = guest.spawn(take, times)
    for k in range(times):
        while guest.load(shared, LOCK) != 2:
            guest.yield_()
        guest.unlock(shared, LOCK)
        while guest.load(shared, COUNT) == k:
            guest.yield_()
        guest.lock(shared, LOCK)
        guest.store(shared, TURN, 1)
    guest.unlock(shared, LOCK)
    guest.join(other)
    guest.print_int(guest.load(shared, COUNT))


def test_who_sleeps_for_a_lock_is_woken_when_it_is_given_back(warm):
    assert numbers(keep_and_give_back, 300) == [300]


def play(me):
    for _ in range(500):
        while guest.load(shared, TURN) != me:
            guest.wait(shared, TURN, 1 - me)
        guest.store(shared, TURN, 1 - me)
        guest.wake(shared, TURN, 1)


def play_both(_):
    other = guest.spawn(play, 1)
    play(0)
    guest.join(other)
    return guest.load(shared, TURN)


def test_two_threads_take_turns_by_wait_and_wake(warm):
    assert run_python(play_both, 0) == (0, [])


def tree(depth):
    """A thread that starts two of its kind."""
    if depth > 0:
        left, right = guest.spawn(tree, depth - 1), guest.spawn(tree, depth - 1)
        guest.join(left)
        guest.join(right)
    guest.add(shared, ENDED, 1)


def grow(depth):
    tree(depth)
    return guest.load(shared, ENDED)


def test_a_function_may_start_threads_of_itself(warm):
    assert run_python(grow, 5) == (63, [])


def touch_the_stack(_):
    guest.now_ns()


def one_after_another(times):
    for _ in range(times):
        tid = guest.spawn(touch_the_stack, 0)
        if tid < 0:
            return 1
        guest.join(tid)
        guest.join(tid)  # it has ended
    return 0


def test_stacks_of_threads_that_ended_are_used_again(warm):
    """The machine has memory for fewer stacks than threads that touch theirs."""
    assert run_python(one_after_another, MAX_LIVING + 500, memory="16M") == (0, [])


def set_word(me):
    guest.now_ns()
    guest.store(shared, me, 1)


def start_many(me):
    for _ in range(1000):
        guest.join(guest.spawn(set_word, me))
        if guest.exchange(shared, me, 0) != 1:
            guest.exit(3)


def start_many_together(_):
    other = guest.spawn(start_many, COUNT)
    start_many(LOCK)
    guest.join(other)


def test_two_threads_that_start_others_at_once_join_their_own(warm):
    assert run_python(start_many_together, 0) == (0, [])


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def call_each_other(n):
    return even(n)


def test_functions_call_themselves_and_each_other(warm):
    assert run_python(call_each_other, 100) == (1, []) and run_python(call_each_other, 101) == (0, [])


def deep(n):
    return deep(n + 1) + n if n >= 0 else 0


def thread_that_goes_too_deep(n):
    guest.join(guest.spawn(deep_as_thread, n))


def deep_as_thread(n):
    guest.print_int(deep(n))


def test_a_stack_that_grows_too_long_is_a_trap(warm):
    for function in (deep, thread_that_goes_too_deep):
        status, [said] = run_python(function, 1)
        assert status == 139 and said.startswith(f"emu: {function.__name__}: SIGSEGV"), said


def descend(n):
    """A call in a call, each with a frame of its own: the exclusive or keeps LLVM from making a loop of it."""
    return descend(n - 1) ^ 3 * descend(n - 12_001) if n > 0 else 1


def wait_and_end(_):
    while guest.load(shared, SWAPPED) == 0:
        guest.wait(shared, SWAPPED, 0)


def stack_beside_others(_):
    """The thread that goes too deep has the highest stack; below it lie those of others, which have ended."""
    first = guest.spawn(wait_and_descend, 0)
    for k in range(THREADS):
        tids[k] = guest.spawn(wait_and_end, 0)
    guest.store(shared, SWAPPED, 1)
    guest.wake(shared, SWAPPED, THREADS)
    for k in range(THREADS):
        guest.join(tids[k])
    guest.store(shared, TURN, 1)
    guest.wake(shared, TURN, 1)
    guest.join(first)


def wait_and_descend(_):
    while guest.load(shared, TURN) == 0:
        guest.wait(shared, TURN, 0)
    guest.print_int(descend(12_000))


def test_a_stack_does_not_grow_into_that_of_another_thread(warm):
    status, [said] = run_python(stack_beside_others, 0)
    assert status == 139 and said.startswith("emu: stack_beside_others: SIGSEGV"), said


def bad_address(at):
    return guest.peek(at)


def test_a_bad_address_is_the_signal_and_the_line_that_it_is_for_programs_in_c(warm):
    status, [said] = run_python(bad_address, 0x3000000000)
    assert status == 139
    assert said.startswith(
        "emu: bad_address: SIGSEGV: load from memory that is not readable (address 0x3000000000) at pc="
    )


def naps(time_ns):
    start = guest.now_ns()
    guest.sleep(time_ns)
    guest.yield_()
    return guest.now_ns() - start >= time_ns and guest.gettid() == guest.call(178)


def test_sleep_lasts_as_long_as_it_says(warm):
    assert run_python(naps, 2_000_000) == (1, [])
