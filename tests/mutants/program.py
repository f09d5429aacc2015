"""Faults in emu/program: the protocols of programs in Python, and their arithmetic."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

THREADS, MEMORY, ARITHMETIC = "emu/program/threads.py", "emu/program/memory.py", "emu/program/arithmetic.py"
EXECUTABLE = "emu/program/executable.py"
TESTS = "tests/program/test_threads.py"
LOCKS = f"{TESTS}::test_locks_exclude_and_atomics_lose_nothing_under_each_policy"
CHANGES = "tests/machine/test_programs.py::test_a_change_of_what_a_program_names_is_noticed"

MUTANTS = [
    Mutant("guest-lock-does-not-say-that-it-waits", THREADS, "        if state != 2:\n            state = exchange_half(word, 2)\n        while state != 0:\n            call(_FUTEX, word, _WAIT, 2)\n            state = exchange_half(word, 2)\n", "        while state != 0:\n            call(_FUTEX, word, _WAIT, 1)\n            state = exchange_half(word, 1)\n", f"{TESTS}::test_who_sleeps_for_a_lock_is_woken_when_it_is_given_back"),
    Mutant("guest-unlock-wakes-nobody", THREADS, "        call(_FUTEX, word, _WAKE, 1)\n\n\ndef wait", "        pass\n\n\ndef wait", f"{TESTS}::test_who_sleeps_for_a_lock_is_woken_when_it_is_given_back"),
    Mutant("guest-lock-taken-by-a-store", THREADS, "    state = compare_exchange_half(word, 0, 1)\n", "    state = load_half(word)\n    exchange_half(word, 1)\n", f"{TESTS}::test_a_lock_is_never_had_by_two_cpus"),
    Mutant("guest-add-is-no-atomic", MEMORY, '        return builder.atomic_rmw("add", pointer, value, "seq_cst")\n', "        old = builder.load(pointer)\n        builder.store(builder.add(old, value), pointer)\n        return old\n", LOCKS),
    Mutant("guest-slot-claimed-by-two", THREADS, "        if compare_exchange_half(address(_tids, slot), 0, _CLAIMED) == 0:\n", "        if load_half(address(_tids, slot)) == 0:\n", f"{TESTS}::test_two_threads_that_start_others_at_once_join_their_own"),
    Mutant("guest-stacks-not-kept", THREADS, "        store(_stacks, slot, stack)\n", "", f"{TESTS}::test_stacks_of_threads_that_ended_are_used_again"),
    Mutant("guest-stack-without-end", THREADS, "    call(_MPROTECT, lowest, GUARD_BYTES, 0)\n", "", f"{TESTS}::test_a_stack_does_not_grow_into_that_of_another_thread"),
    Mutant("guest-join-does-not-wait", THREADS, "        while load_half(word) == tid:\n", "        while load_half(word) == tid and tid < 0:\n", LOCKS),
    Mutant("guest-shift-beyond-63", ARITHMETIC, "builder.select(is_long, _I64(63), count)", "builder.and_(count, _I64(63))", "tests/program/test_arithmetic.py"),
    Mutant("guest-program-key-without-numbers", EXECUTABLE, '{value!r}" if type(value) in (int, float, bool, tuple)', '" if type(value) in (int, float, bool, tuple)', CHANGES),
    Mutant("guest-program-key-without-words", EXECUTABLE, 'parts.append(f"words {value.content}")', 'parts.append("words")', CHANGES),
]  # fmt: skip
