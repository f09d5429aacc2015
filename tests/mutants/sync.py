"""Faults in futexes that inherit priorities, in waits for several words, barriers, and what processes share by key."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

PI, INHERITANCE, VECTOR, FUTEX = (
    f"emu/kernel/sleep/{name}.py" for name in ("pi_futex", "inheritance", "futex_vector", "futex")
)
UNIT = "tests/kernel/sleep/test_pi_futex.py"
PROGRAM = "tests/guests/test_programs.py::test_program_finds_nothing_wrong"
IPC = f"{PROGRAM}[ipc-inko-2]"

MUTANTS = [
    Mutant("pi-others-wait-for-the-former-owner", PI, "        if waits_here(t, space, address) and t.waits_for != 0:\n            wait_for_another(m, me, i, heir)\n", "        pass\n", f"{UNIT}::test_unlocking_hands_over_to_the_highest_priority_and_then_in_order"),
    Mutant("pi-first-come-first-served", PI, "(best < 0 or t.realtime > m.threads[best].realtime)", "best < 0", f"{UNIT}::test_unlocking_hands_over_to_the_highest_priority_and_then_in_order"),
    Mutant("pi-circle-is-not-found", INHERITANCE, "        if owner == i:\n            return True\n", "", f"{UNIT}::test_a_circle_is_refused"),
    Mutant("pi-chain-ends-after-one", INHERITANCE, "        i = t.waits_for - 1\n        if i < 0:\n            return\n", "        return\n", f"{UNIT}::test_the_owner_has_the_highest_priority_of_those_that_wait_along_the_whole_chain"),
    Mutant("pi-leaver-still-owns", INHERITANCE, '    store_relaxed(m.threads[i], "may_own", 0)\n', "    pass\n", f"{UNIT}::test_an_owner_that_leaves_hands_over_and_says_that_it_died"),
    Mutant("pi-taken-waiter-is-still-inherited", FUTEX, "            if t.waits_for != 0:\n                stop_waiting(m, me, i)\n", "", f"{UNIT}::test_the_owner_has_the_highest_priority_of_those_that_wait_along_the_whole_chain"),
    Mutant("pi-plain-wake-of-a-waiter", FUTEX, "        if i >= 0 and m.threads[i].futex_kind != FUTEX_PLAIN:\n", "        if False:\n", f"{UNIT}::test_plain_wake_ups_are_refused_where_threads_wait_for_an_owner"),
    Mutant("pi-owner-of-the-word-is-believed", PI, "    elif heir >= 0 and m.threads[heir].waits_for != i + 1:\n", "    elif False:\n", f"{UNIT}::test_a_word_that_says_another_owner_than_the_one_waited_for_is_refused"),
    Mutant("vector-mark-is-not-looked-at", VECTOR, "    if woken != 0 and take(t, word):\n", "    if False:\n", "tests/litmus/test_vectors.py::test_who_waits_for_several_words_is_woken_by_each"),
    Mutant("vector-records-stay-in-buckets", VECTOR, "            if v.bucket == b:  # it has not been moved meanwhile\n                _take_out(m, b, r)\n", "            store_release(v, \"bucket\", -1)\n", f"{PROGRAM}[futex-inko-2]"),
    Mutant("vector-that-was-moved-is-not-looked-for", VECTOR, "            b = load_acquire(v, \"bucket\")\n        _free(m", "            b = -1\n        _free(m", "tests/litmus/test_vectors.py::test_a_record_that_is_moved_while_its_wait_ends_is_taken_out_where_it_is"),
    Mutant("vectors-are-not-moved", FUTEX, "    if 0 <= moved < move_count and not same:\n", "    if False:\n", f"{PROGRAM}[futex-inko-2]"),
    Mutant("membarrier-does-nothing", "emu/kernel/linux/barriers.py", "        shoot_down_task(m, me, k)\n        return 0\n", "        return 0\n", "tests/litmus/test_membarrier.py::test_a_membarrier_orders_another_threads_store_and_load"),
    Mutant("undo-comes-with-the-reaping", "emu/server/ipc/semaphores.py", "                each.undo_for(task)\n\n    def undo_for", "                pass\n\n    def undo_for", survives="the server reaps a task before its parent's next call in all but rare orders"),
    Mutant("removed-set-is-found-by-sleepers", "emu/server/ipc/semaphores.py", "        if self.removed:\n            raise LinuxError(EIDRM)\n", "", IPC),
    Mutant("semaphores-half-done", "emu/server/ipc/semaphores.py", "            values[number] = value + change\n", "            values[number] = self.values[number] = value + change\n", IPC),
]  # fmt: skip
