"""Faults in emu/shm: locks, rings, deques, events, decoded code; and in emu/kernel/vm."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

SPINLOCK, DEQUE, EVENTS, DECODED = (
    f"emu/{name}.py" for name in ("shm/spinlock", "shm/deque", "shm/events", "shm/decoded")
)
SHOOTDOWN, FRAMES = (f"emu/{name}.py" for name in ("kernel/vm/shootdown", "kernel/vm/frames"))
RINGS = "tests/litmus/test_eventrings.py"
SHOOTING = "tests/litmus/test_shootdowns.py::test_no_translation_is_used_after_it_was_shot_down"
STEALING = "tests/litmus/test_deques.py"

MUTANTS = [
    Mutant("lock-tested-then-set", SPINLOCK, "        if compare_exchange_64(address, 0, me + 1):\n            return", "        store_release_at(address, me + 1)\n        return", "tests/litmus/test_locks.py::test_no_two_processes_hold_a_lock_at_once"),
    Mutant("waiter-of-a-failed-machine", SPINLOCK, '            if load_relaxed(m, "failed") != 0:\n                return\n', "", "tests/shm/test_spinlock.py::test_a_waiter_gives_up_when_the_machine_has_failed"),
    Mutant("second-failure-kept", SPINLOCK, '    if load_relaxed(m, "failed") == 0:\n        m.failed_value = value', "    if code != 0:\n        m.failed_value = value", "tests/shm/test_spinlock.py::test_the_first_failure_is_kept"),
    Mutant("deque-taken-by-store", DEQUE, 'if compare_exchange(d, "head", head, head + 1):', 'd.head = head + 1\n        if head >= 0:', STEALING),
    Mutant("deque-tail-before-the-slot", DEQUE, '    store_64(slot_address(d, tail), i)\n    store_release(d, "tail", tail + 1)', '    store_release(d, "tail", tail + 1)\n    store_64(slot_address(d, tail), i)\n    store_release(d, "tail", tail + 1)', STEALING),
    Mutant("deque-looks-at-tail-first", DEQUE, '        head = load_acquire(d, "head")  # a tail as new as what its taker saw; pairs with the swap below\n        if load_acquire(d, "tail") - head <= 0:', '        tail = load_acquire(d, "tail")\n        head = load_acquire(d, "head")\n        if tail == head:', f"{STEALING}::test_a_taker_held_up_between_its_looks_takes_nothing_where_one_that_looks_at_tail_first_does"),
    Mutant("event-published-first", EVENTS, "    slot.time_ns = time_ns\n    slot.word = word\n", "    store_release(c, \"events_head\", head + 1)\n    slot.time_ns = time_ns\n    slot.word = word\n", RINGS),
    Mutant("event-room-believed", EVENTS, 'if c.events_head >= c.events_limit and not _find_room(m, me, time_ns):', "if me < 0 and not _find_room(m, me, time_ns):", f"{RINGS} tests/shm/test_events.py"),
    Mutant("events-read-before-copied", EVENTS, '    ring = field_address(c, "events")\n', '    ring = field_address(c, "events")\n    store_release(c, "events_tail", head)\n', RINGS),
    Mutant("loss-without-its-slot", EVENTS, "if room <= (1 if c.losing > 0 else 0):", "if room <= 0:", "tests/shm/test_events.py::test_a_loss_and_an_event_need_two_slots"),
    Mutant("invalidate-one-parcel-short", DECODED, "first = max(offset // 2 - 1, 0)", "first = offset // 2", "tests/shm/test_decoded.py::test_invalidate_clears_the_parcels_that_a_store_touched"),
    Mutant("shoot-down-does-not-wait", SHOOTDOWN, "        _await(m, me, cpu)\n        cpu = mask_first(mask_and(mask, mask_above(cpu)))\n    if crowded:\n        fetch_add(m, \"shooting\", -1)", "        cpu = mask_first(mask_and(mask, mask_above(cpu)))\n    if crowded:\n        fetch_add(m, \"shooting\", -1)", f"{SHOOTING}[2-processes]"),
    Mutant("shoot-down-answered-before-the-flush", SHOOTDOWN, "        flush_tlb(m, cpu)\n        c.reservation = 0\n        store_release(c, \"tlb_done\", request)", "        store_release(c, \"tlb_done\", request)\n        flush_tlb(m, cpu)\n        c.reservation = 0\n        store_release(c, \"tlb_done\", request)", survives="between answer and flush the answering CPU uses no translation, since it does both in one go; the order would matter only to a CPU that is killed there, which fails the machine"),
    Mutant("tlb-active-no-fence", SHOOTDOWN, 'exchange(c, "tlb_active", 1)', 'store_release(c, "tlb_active", 1)', f"{SHOOTING}[2-processes]"),
    Mutant("tlb-active-no-second-look", SHOOTDOWN, '        exchange(c, "tlb_active", 1)  # pairs with fetch_add of tlb_request in shoot_down\n        answer_shootdowns(m, cpu)\n', '        exchange(c, "tlb_active", 1)\n', f"{SHOOTING}[2-processes]"),
    Mutant("shooter-does-not-answer", SHOOTDOWN, "        if me < m.nr_cpus:\n            answer_shootdowns(m, me)\n        if beside", "        if beside", f"{SHOOTING}[4-processes]"),
    Mutant("frame-list-unlocked", FRAMES, "    acquire(m, me, lock, lockrank.FRAMES)\n    frame = m.free_frame\n", "    acquire(m, me, lock, lockrank.FRAMES)\n    release(m, me, lock)\n    frame = m.free_frame\n", "tests/litmus/test_framesrace.py::test_no_frame_is_handed_out_twice_and_all_come_back"),
    Mutant("frame-dropped-by-store", FRAMES, 'references = frame_references(fetch_add(f, "word", -ONE_REFERENCE))', 'word = load_relaxed(f, "word")\n    store_relaxed(f, "word", word - ONE_REFERENCE)\n    references = word >> 8', "tests/litmus/test_framesrace.py::test_no_frame_is_handed_out_twice_and_all_come_back"),
    Mutant("frame-not-zeroed", FRAMES, "    if frame >= 0 and not zeroed:\n", "    if frame < 0:\n", "tests/kernel/vm/test_frames.py::test_a_frame_that_was_used_comes_back_zeroed"),
    Mutant("frame-code-kept", FRAMES, 'if load_relaxed(f, "word") & FRAME_CODE:\n        forget_frame(m, frame)', 'if frame < 0:\n        forget_frame(m, frame)', "tests/kernel/vm/test_frames.py"),
]  # fmt: skip
