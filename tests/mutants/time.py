"""Faults in the timekeeper's protocols."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

TIMEOUT_RING, KEEPER, TIMEOUTS, UNTIL = (
    f"emu/{name}.py"
    for name in ("kernel/sleep/timeout_ring", "kernel/timekeeper", "kernel/sleep/heap", "kernel/sleep/until")
)
TICKS = "emu/kernel/ticks.py"
LITMUS = "tests/litmus/test_timekeeper.py"
DEADLINES = f"{LITMUS}::test_no_deadline_is_missed_that_is_sent_while_the_timekeeper_goes_to_sleep"

MUTANTS = [
    Mutant("post-timeout-no-fence", TIMEOUT_RING, "    fence()  # before the read; pairs with the fence in go_to_sleep\n", "", DEADLINES),
    Mutant("keeper-sleeps-no-fence", KEEPER, "    fence()  # before the rings are read; pairs with the fence in post\n", "", DEADLINES),
    Mutant("keeper-no-second-look-at-rings", KEEPER, "    if not anything_waits(m):\n        mark_parked", "    if m.failed == 0:\n        mark_parked", DEADLINES),
    Mutant("keeper-no-second-look-at-interrupts", KEEPER, 'if load_seq_cst(m.cpus[me], "pending") == 0 or not cancel_park(m, me):', "if me >= 0:", "tests/kernel/test_timekeeper.py"),
    Mutant("message-published-first", TIMEOUT_RING, "    write_message(ring, head, deadline_ns, address, word, i)\n    store_release(ring, \"head\", head + 1)", "    store_release(ring, \"head\", head + 1)\n    write_message(ring, head, deadline_ns, address, word, i)\n    store_release(ring, \"head\", head + 1)", f"{LITMUS}::test_nor_is_a_message_read_before_it_is_written_whoever_is_held_up"),
    Mutant("message-place-freed-first", KEEPER, "        add_entry(m, message_word(m, actor, 0), address, word, message_word(m, actor, 3))\n    message_taken(m, actor)\n    return True", "        message_taken(m, actor)\n        add_entry(m, message_word(m, actor, 0), address, word, message_word(m, actor, 3))\n        return True\n    message_taken(m, actor)\n    return True", "tests/kernel/test_timekeeper.py::test_due_sleeps_end_in_the_order_of_their_deadlines_a_turns_worth_at_a_time"),
    Mutant("full-ring-overwritten", TIMEOUT_RING, 'if ring.head - ring.seen_tail < TIMEOUT_RING_MESSAGES or load_relaxed(m, "failed") != 0:', "if ring.head >= 0:", "tests/kernel/test_timekeeper.py::test_who_finds_its_ring_full_waits_until_a_message_was_taken"),
    Mutant("half-full-ring-tells-nobody", TIMEOUT_RING, "if deadline_ns < until_ns or (until_ns != 0 and head - ring.seen_tail >= TIMEOUT_RING_MESSAGES // 2):", "if deadline_ns < until_ns:", "tests/kernel/test_timekeeper.py::test_a_ring_that_is_half_full_interrupts_it_so_that_a_full_one_never_waits_for_a_sleeper"),
    Mutant("earlier-deadline-tells-nobody", TIMEOUT_RING, "if deadline_ns < until_ns or (", "if (", "tests/kernel/test_timekeeper.py::test_only_an_earlier_deadline_interrupts_a_timekeeper_that_sleeps"),
    Mutant("lock-released-before-the-sleep", UNTIL, "    word = prepare_sleep(t, reason | SLEEP_TIMED)\n    if unlock_address != 0:\n        release(m, me, unlock_address)\n", "    if unlock_address != 0:\n        release(m, me, unlock_address)\n    word = prepare_sleep(t, reason | SLEEP_TIMED)\n", f"{LITMUS}::test_nor_when_the_sleep_has_a_deadline_and_its_message_comes_late"),
    Mutant("lock-released-before-the-endless-sleep", UNTIL, "    word = prepare_sleep(t, SLEEP_EVENT)\n    if unlock_address != 0:\n        release(m, me, unlock_address)\n", "    if unlock_address != 0:\n        release(m, me, unlock_address)\n    word = prepare_sleep(t, SLEEP_EVENT)\n", f"{LITMUS}::test_clear_timeout_never_misses_a_sleeper_whose_note_it_found"),
    Mutant("expired-entry-stays", KEEPER, "        remove_first(m)\n        if i >= 0:", "        if i >= 0:", "tests/kernel/test_timekeeper.py"),
    Mutant("stale-entry-believed", TIMEOUTS, "        if load_64(first.address) == first.word:\n            return first.deadline_ns", "        if first.word != 0:\n            return first.deadline_ns", "tests/kernel/sleep/test_heap.py tests/kernel/test_timekeeper.py"),
    Mutant("heap-not-sifted", TIMEOUTS, "if m.timeouts[parent].deadline_ns <= deadline_ns:", "if parent >= 0:", "tests/kernel/sleep/test_heap.py"),
    Mutant("heap-wrong-child", TIMEOUTS, "if child + 1 < count and m.timeouts[child + 1].deadline_ns < m.timeouts[child].deadline_ns:", "if child + 1 < 0:", "tests/kernel/sleep/test_heap.py"),
    Mutant("minute-carries-once", TICKS, "hours_of(word) + minutes // 60", "hours_of(word) + (1 if minutes >= 60 else 0)", "tests/kernel/test_ticks.py"),
    Mutant("ticks-go-back", TICKS, "    if late > 0:\n        word = add", "    if late != 0:\n        word = add", "tests/kernel/test_ticks.py"),
    Mutant("real-time-slack", TIMEOUT_RING, "if slack_ns <= 1 or t.realtime > 0:", "if slack_ns <= 1:", "tests/kernel/test_timekeeper.py"),
]  # fmt: skip
