"""Faults in groups, upcalls and the calls that make them."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

RECORDS, MAILBOX = "emu/kernel/groups/records.py", "emu/kernel/groups/mailbox.py"
OFFERS = "emu/kernel/groups/offers.py"
HANDING, BOUNDARY, RELEASING = (
    "emu/kernel/sched/upcall.py",
    "emu/kernel/upcalls/boundary.py",
    "emu/kernel/upcalls/releasing.py",
)
CALLS, EXITING, CORE = "emu/kernel/native/upcalls.py", "emu/kernel/task/exiting.py", "emu/kernel/sched/core.py"
REGROUPING, SPARES = "emu/kernel/sched/regrouping.py", "emu/kernel/groups/spares.py"
TLB, COPIES = "emu/kernel/vm/tlb.py", "tests/kernel/vm/test_tlb_copies.py"
PLAYED = "tests/kernel/upcalls/test_upcalls.py"
HAMMER = "tests/litmus/test_upcalls.py::test_each_completed_context_is_handed_out_once_and_each_upcall_has_one_owner"

MUTANTS = [
    # --- handing over ---------------------------------------------------------------------------------
    Mutant("late-waker-makes-an-upcall", HANDING, 'is_claimed(load_seq_cst(t, "sleep")) or must_come(m, i)', "must_come(m, i)", PLAYED),
    Mutant("ending-task-makes-upcalls", HANDING, 'is_claimed(load_seq_cst(t, "sleep")) or must_come(m, i)', 'is_claimed(load_seq_cst(t, "sleep"))', PLAYED),
    Mutant("stopped-owner-makes-upcalls", HANDING, "1 << SLEEP_STOP | 1 << SLEEP_RELEASED", "1 << SLEEP_RELEASED", PLAYED),
    Mutant("who-hands-its-cpu-over-makes-no-upcall", CORE, "    if sleeps and m.threads[i].kse != 0:\n        before_sleep(m, me, i)\n", "", PLAYED),
    Mutant("owner-is-named-first", RECORDS, "    t.upcall = u + 1\n    t.patience = -1\n", '    store_release(m.upcalls[u], "owner", n + 1)\n    t.patience = -1\n    t.upcall = u + 1\n', HAMMER),
    Mutant("gift-is-a-store", OFFERS, '    if not compare_exchange(m.threads[n], "offer", offer, u + 1):\n        return False\n', '    if load_seq_cst(m.threads[n], "offer") != offer:\n        return False\n    for _ in range(200):\n        pause()\n    store_release(m.threads[n], "offer", u + 1)\n', HAMMER),
    Mutant("offer-is-closed-by-a-store", OFFERS, 'if offer != 0 and (offer > 0 or not compare_exchange(t, "offer", offer, 0)):\n        _accept(m, i)\n', 'if offer > 0:\n        _accept(m, i)\n    else:\n        store_release(t, "offer", 0)\n', HAMMER),
    Mutant("all-stays-have-the-same-word", OFFERS, '"offer", -t.sleep_sequence)', '"offer", -1)', PLAYED),
    Mutant("gift-is-named-late", OFFERS, '    while load_seq_cst(m.upcalls[u], "owner") != i + 1 and load_relaxed(m, "failed") == 0:\n        pause()  # who gives it is about to\n', "", HAMMER),
    Mutant("gift-is-forgotten-before-it-is-noted", OFFERS, '    t.upcall = u + 1\n    t.patience = -1\n    t.kse = KSE_ENDOWED\n    store_release(t, "offer", 0)\n', '    store_release(t, "offer", 0)\n    t.upcall = u + 1\n    t.patience = -1\n    t.kse = KSE_ENDOWED\n', survives="only a look between two neighbouring stores sees it"),
    Mutant("endowed-thread-sleeps-with-its-upcall", HANDING, "    if t.kse == KSE_ENDOWED:\n        _hand_over(m, me, i, t.user_thread)\n    elif", "    if", PLAYED),
    Mutant("offer-stays-open-in-a-sleep", HANDING, "        count_inside(m, t, -1)\n        close_offer(m, i)\n", "        count_inside(m, t, -1)\n", PLAYED),
    Mutant("endowed-thread-exits-with-its-upcall", EXITING, "        before_exit(m, me, i)\n", "", PLAYED),
    Mutant("woken-thread-of-another-importance-is-endowed", HANDING, " or not has_inherited(m, i, n):", ":", PLAYED),
    Mutant("woken-thread-that-owes-is-endowed", HANDING, " or not owes_nothing(w)", "", PLAYED),
    Mutant("woken-thread-of-another-group-is-endowed", HANDING, " or w.kse_group != t.kse_group", "", PLAYED),
    Mutant("thread-that-waits-elsewhere-is-endowed", HANDING, 'return load_relaxed(w, "where") == waits_here and give', "return waits_here != 0 and give", PLAYED),
    Mutant("endowed-thread-forgets-its-context", BOUNDARY, "        result = _export(m, me, i, t.user_thread)\n        if result != GOES_ON:\n            return result\n        get_out", "        get_out", PLAYED),
    Mutant("endowed-thread-rises-twice", HANDING, "    if rises == 0:\n        fetch_add(g, \"rising\", 1)\n", "    if rises >= 0:\n        fetch_add(g, \"rising\", 1)\n", PLAYED),
    Mutant("who-got-out-is-still-inside", SPARES, "    count_inside(m, t, -1)\n    t.kse = kse\n", "    t.kse = kse\n", PLAYED),
    Mutant("refused-thread-is-kept", HANDING, "            free_thread(m, me, n)\n            return -1\n", "            return -1\n", "tests/systems/test_user_threads.py"),
    Mutant("sleeper-counts-as-inside", HANDING, "        count_inside(m, t, -1)\n        close_offer(m, i)\n", "        close_offer(m, i)\n", HAMMER),
    Mutant("who-stays-awake-is-not-inside", CORE, "        stayed_awake(m, i)\n", "        pass\n", HAMMER),
    Mutant("woken-thread-is-not-inside", "emu/kernel/sched/locked_queue.py", "        open_offer(m, i)\n", "", HAMMER),
    Mutant("woken-thread-is-not-inside-without-locks", "emu/kernel/sched/queues.py", "    open_offer(m, i)\n", "", HAMMER),
    # --- the border -----------------------------------------------------------------------------------
    Mutant("export-by-a-store", BOUNDARY, '    while not compare_exchange(g, "completed", head, user_thread):\n', '    if not compare_exchange(g, "completed", head, user_thread):\n        exchange(g, "completed", user_thread)\n    while False:\n', HAMMER),
    Mutant("export-with-the-former-head", BOUNDARY, '        head = load_seq_cst(g, "completed")\n        if store_context(m, me, t, user_thread, head, 0, 0) < 0:\n            return _without(m, me, t)\n', '        head = load_seq_cst(g, "completed")\n', HAMMER),
    Mutant("fetch-by-a-store", BOUNDARY, '        if head == 0 or compare_exchange(g, "completed", head, 0):\n            return head\n', '        exchange(g, "completed", 0)\n        return head\n', HAMMER),
    Mutant("exporter-wakes-nobody", BOUNDARY, "        wake_released(m, me, g)\n", "", PLAYED),
    Mutant("exporter-wakes-before-it-exports", BOUNDARY, "        result = _export(m, me, i, t.user_thread)\n        if result != GOES_ON:\n            return result\n        wake_released(m, me, g)\n", '        wake_released(m, me, g)\n        for _ in range(300):\n            load_seq_cst(g, "completed")\n        result = _export(m, me, i, t.user_thread)\n        if result != GOES_ON:\n            return result\n', HAMMER),
    Mutant("upcall-before-what-is-inside", BOUNDARY, '    if t.patience > 0 and load_seq_cst(g, "inside") > 0 and others_wait(m, me):\n', "    if t.patience > 1 << 20:\n", PLAYED),
    Mutant("upcall-without-end-of-patience", BOUNDARY, "        t.patience -= 1\n        switch", "        switch", f"{PLAYED}::test_an_upcall_lets_others_leave_first_only_as_often_as_there_are_such"),
    Mutant("owner-fetches-what-another-is-about-to", BOUNDARY, ' and load_relaxed(g, "rising") == 0\n', "\n", PLAYED),
    Mutant("library-is-interrupted", BOUNDARY, "    if current == 0:  # the library", "    if current == 1:  # the library", PLAYED),
    Mutant("quantum-takes-a-wake-up-along", BOUNDARY, '            fetch_and(u, "wanted", ~WANTED_QUANTUM)  # and no', '            u.wanted = wanted & ~WANTED_QUANTUM  # and no', "tests/litmus/test_upcalls.py::test_the_end_of_a_quantum_that_is_no_matter_takes_no_wake_up_along"),
    Mutant("current-thread-stays", MAILBOX, "    store_64(at + CURRENT, 0)\n", "", PLAYED),
    Mutant("times-are-told-twice", BOUNDARY, "    t.told_instructions = t.instructions\n", "", PLAYED),
    Mutant("system-time-is-told-twice", BOUNDARY, "    t.told_system_ns = t.system_ns\n", "", PLAYED),
    Mutant("librarys-time-is-a-user-threads", BOUNDARY, '    fetch_add(g, "rising", -1)\n    _all_told(t)\n', '    fetch_add(g, "rising", -1)\n', PLAYED),
    Mutant("bad-mailbox-is-no-matter", BOUNDARY, "    end_task(m, me, t.task, BAD_MAILBOX_STATUS, KILL_MAILBOX)\n", "", PLAYED),
    Mutant("x0-from-a-mailbox", MAILBOX, "    t.x[0] = 0\n", "", PLAYED),
    Mutant("odd-pc-from-a-mailbox", MAILBOX, "    t.pc &= ~1\n", "", PLAYED),
    Mutant("fcsr-from-a-mailbox", MAILBOX, "    t.fcsr &= FCSR_BITS\n", "", PLAYED),
    Mutant("thread-flag-is-no-matter", MAILBOX, "    if error < 0 or flags & TMF_NOUPCALL == 0:\n", "    if error <= 0:\n", PLAYED),
    Mutant("nobody-is-told-that-an-upcall-was-due", MAILBOX, "    if has_news and flags & TMF_WANTED == 0:\n", "    if has_news and flags < 0:\n", PLAYED),
    Mutant("saved-context-is-believed-anywhere", MAILBOX, "    if flags & TMF_SAVED and load_64(at + SAVED_PC) == t.pc:\n", "    if flags & TMF_SAVED:\n", PLAYED),
    Mutant("stored-context-says-saved", MAILBOX, "        store_64(at + THREAD_FLAGS, flags & ~TMF_SAVED)\n", "", PLAYED),
    # --- spares ---------------------------------------------------------------------------------------
    Mutant("spares-without-end", SPARES, 'SPARES_PER_UPCALL * load_relaxed(g, "nr_upcalls")', "1 << 20", PLAYED),
    Mutant("spare-takes-signals", SPARES, "    t.signal_mask = ALL_SIGNALS\n", "", f"{PLAYED}::test_a_spare_takes_no_signals_and_no_interrupts_of_its_last_call"),
    Mutant("spare-keeps-the-interrupt-of-its-last-call", SPARES, '    exchange(t, "kse_interrupt", 0)\n', "", f"{PLAYED}::test_a_spare_takes_no_signals_and_no_interrupts_of_its_last_call"),
    Mutant("spare-is-listed-without-lock", SPARES, "    _lock(m, me, g)\n    t.wait_next = g.first_spare - 1\n", "    t.wait_next = g.first_spare - 1\n", HAMMER),
    Mutant("spare-may-go-on-before-it-owns", SPARES, '        take(t, load_relaxed(t, "sleep"))  # nobody', '        exchange(t, "sleep", -(1 << 40))  # nobody', HAMMER),
    Mutant("spare-that-a-kill-has-taken-stays-listed", SPARES, "    if won:\n        n = g.first_spare - 1\n", "    if won and i < 0:\n        n = g.first_spare - 1\n", PLAYED),
    Mutant("spare-owes-something", SPARES, "    return has_room and owes_nothing(t)", "    return has_room", f"{PLAYED}::test_a_thread_that_has_promised_something_for_its_exit_exits_and_no_spare_keeps_a_stack_for_signals"),
    Mutant("spare-keeps-a-stack-for-signals", SPARES, "    reset_signal_stack(t)  # that of a user thread, which may be on it\n", "", f"{PLAYED}::test_a_thread_that_has_promised_something_for_its_exit_exits_and_no_spare_keeps_a_stack_for_signals"),
    Mutant("killed-spare-sleeps-on", BOUNDARY, "            if must_come(m, i):\n                interrupt_sleep(m, me, i)  # a kill came before the sleep\n", "", f"{PLAYED}::test_a_thread_that_is_killed_before_it_sleeps_as_a_spare_exits"),
    # --- release --------------------------------------------------------------------------------------
    Mutant("release-looks-before-the-lock", RELEASING, "    lock_waiters(m, me, q)\n    if _has_reason(m, t, g):\n", "    has_reason = _has_reason(m, t, g)\n    lock_waiters(m, me, q)\n    if has_reason:\n", HAMMER),
    Mutant("wanted-after-the-search", RELEASING, '        fetch_or(m.upcalls[u], "wanted", WANTED_WAKEUP)  # before the queue is searched; pairs with _has_reason\n        owner = load_seq_cst(m.upcalls[u], "owner") - 1\n        _wake(m, me, m.groups[m.upcalls[u].group].released, u)\n', '        owner = load_seq_cst(m.upcalls[u], "owner") - 1\n        _wake(m, me, m.groups[m.upcalls[u].group].released, u)\n        fetch_or(m.upcalls[u], "wanted", WANTED_WAKEUP)\n', "tests/litmus/test_upcalls.py::test_no_wake_up_of_an_owner_is_missed"),
    Mutant("wake-up-of-nobody-is-forgotten", RELEASING, '        exchange(m.groups[g], "wakeups", 1)\n', "        pass\n", PLAYED),
    Mutant("wake-up-of-nobody-counts-for-ever", RELEASING, '        exchange(g, "wakeups", 0)\n', "", PLAYED),
    Mutant("woken-owner-finds-no-reason", RELEASING, '        fetch_or(m.upcalls[m.threads[i].upcall - 1], "wanted", WANTED_WAKEUP)\n', "        pass\n", PLAYED),
    Mutant("wanted-counts-for-ever", BOUNDARY, '    exchange(u, "wanted", 0)\n', "", PLAYED),
    Mutant("release-with-a-user-thread", CALLS, "    return -EINVAL if current != 0 else u.mailbox\n", "    return u.mailbox\n", PLAYED),
    # --- create and exit ------------------------------------------------------------------------------
    Mutant("last-upcall-may-go-before-threads", CALLS, 'load_relaxed(g, "nr_threads") - spares > 1 or load_relaxed(g, "completed") != 0', 'load_relaxed(g, "completed") != 0', PLAYED),
    Mutant("last-upcall-may-go-before-contexts", CALLS, 'load_relaxed(g, "nr_threads") - spares > 1 or load_relaxed(g, "completed") != 0', 'load_relaxed(g, "nr_threads") - spares > 1', PLAYED),
    Mutant("group-without-upcalls-goes-on", EXITING, "        if give_up_upcall(m, me, i):\n            shut_group_down(m, me, i)\n", "", PLAYED),
    Mutant("strangers-end-with-a-group", EXITING, "        if n != i and m.threads[n].kse_group == t.kse_group:\n", "        if n != i:\n", PLAYED),
    Mutant("refused-thread-stays-in-its-group", CALLS, "        quit_group(m, me, n)\n        fresh = False", "        fresh = False", PLAYED),
    Mutant("refused-group-is-kept", CALLS, "    if fresh:\n        end_group(m, me, g)\n", "", PLAYED),
    Mutant("groups-without-limit", RECORDS, '    if k.nr_groups >= load_relaxed(m, "max_groups_per_proc"):\n', "    if k.nr_groups < 0:\n", PLAYED),
    Mutant("threads-of-groups-without-limit", "emu/kernel/thread/records.py", '    if k.nr_groups != 0 and k.nr_threads >= load_relaxed(m, "max_threads_per_proc"):\n', "    if k.nr_groups < 0:\n", PLAYED),
    Mutant("group-is-never-given-back", REGROUPING, '    if fetch_add(group, "nr_threads", -1) == 1:\n        end_group(m, me, g)\n', '    fetch_add(group, "nr_threads", -1)\n', PLAYED),
    # --- the kernel's own accesses through the TLB ----------------------------------------------------
    Mutant("tlb-of-another-task", TLB, "    if c.tlb_task != task or c.tlb_active == 0 or", "    if c.tlb_active == 0 or", COPIES),
    Mutant("tlb-that-is-not-in-use", TLB, "    if c.tlb_task != task or c.tlb_active == 0 or", "    if c.tlb_task != task or", COPIES),
    Mutant("tlb-beyond-the-page", TLB, " or count > PAGE_SIZE - (va & (PAGE_SIZE - 1)):", ":", COPIES),
    Mutant("tlb-of-reads-for-a-store", TLB, "    if access == ACCESS_WRITE:\n        return va + c.write_tlb", "    if access == -1:\n        return va + c.write_tlb", COPIES),
    # --- user threads ---------------------------------------------------------------------------------
    Mutant("sleeper-with-an-interrupt-sleeps-on", "emu/cpu_worker/asking.py", ' | load_seq_cst(t, "kse_interrupt")) != 0', ") != 0", "tests/systems/test_upcalls.py"),
    Mutant("interrupted-call-begins-anew", "emu/cpu_worker/loop.py", '        if not is_paged and load_relaxed(t, "kse_interrupt") == INTR_INTERRUPT:\n', "        if is_paged and t.pc == 0:\n", "tests/systems/test_upcalls.py"),
    Mutant("interrupt-ends-no-sleep", CALLS, "        interrupt_sleep(m, me, n)\n", "", PLAYED),
]  # fmt: skip
