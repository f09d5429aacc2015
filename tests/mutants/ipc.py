"""Faults in IPC, in handing a CPU over, and in the translations that a CPU keeps."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

ENDPOINT, ENDING, TRANSFER, UTCB = (f"emu/kernel/ipc/{name}.py" for name in ("endpoint", "ending", "transfer", "utcb"))
NATIVE, HAND_OVER, CORE = "emu/kernel/native/ipc.py", "emu/kernel/sched/hand_over.py", "emu/kernel/sched/core.py"
TLB, SHOOTDOWN = "emu/kernel/vm/tlb.py", "emu/kernel/vm/shootdown.py"
LITMUS = "tests/litmus/test_messages.py"
ONCE = f"{LITMUS}::test_each_message_arrives_once_and_in_order_whoever_is_interrupted"
LEFT = f"{LITMUS}::test_nobody_waits_for_a_thread_that_has_left"
UNIT = "tests/kernel/sched/test_hand_over.py"
WOKEN = "tests/litmus/test_handing_over.py::test_a_wake_up_that_comes_while_a_cpu_is_handed_over_is_not_lost"
KEPT, PLAYED = "tests/litmus/test_kept.py", "tests/kernel/vm/test_tlb.py"
SYSTEM = "tests/systems/test_messages.py"
PROGRAM = f"{SYSTEM}::test_a_program_that_uses_each_line_of_the_contract_breaks_no_rule_of_traces"
CPU, MOVED = "tests/kernel/ipc/test_endpoint.py", "tests/kernel/ipc/test_transfer.py"

MUTANTS = [
    # --- the rendezvous
    Mutant("ipc-sender-does-not-look-again", ENDPOINT, "    elif _waits_for(m, r, i) != 0:\n        found = NOT_THERE\n", "", ONCE),
    Mutant("ipc-receiver-looks-and-sleeps-in-two-steps", ENDPOINT, "        return _sleep_to_receive(m, me, i, source, x, deadline_ns)\n", "        unlock_senders(m, me, t)\n        lock_senders(m, me, t)\n        return _sleep_to_receive(m, me, i, source, x, deadline_ns)\n", ONCE),
    Mutant("ipc-sends-to-who-has-left", ENDPOINT, "    if not is_thread(m, r, to):\n        found = -ESRCH\n    elif", "    if", LEFT),
    Mutant("ipc-receives-from-who-has-left", ENDPOINT, "        if is_thread(m, x, source):\n", "        if True:\n", LEFT),
    Mutant("ipc-kernel-threads-are-partners", ENDPOINT, "return n < FIRST_KERNEL_THREAD and ", "return ", f"{CPU}::test_kernel_threads_are_nobodys_partners"),
    Mutant("ipc-leaver-forgets-its-senders", ENDING, "    s = t.senders.head - 1\n", "    s = -1\n", LEFT),
    Mutant("ipc-leaver-forgets-its-callers", ENDING, "    s = t.callers.head - 1\n", "    s = -1\n", LEFT),
    Mutant("ipc-suspend-is-forgotten", ENDPOINT, '    if must_come(m, s) or signal_waits(m, sender) or load_seq_cst(sender, "suspend") != 0:\n', "    if False:\n", f"{LITMUS}::test_a_suspend_that_comes_while_a_callers_message_is_taken_is_not_forgotten"),
    Mutant("ipc-caller-waits-later", ENDPOINT, "    elif wanted == tid_of(m, i):\n", "    elif False:\n", f"{LITMUS}::test_an_answer_never_comes_too_early_for_who_calls"),
    Mutant("ipc-callers-list-is-changed-without-its-lock", ENDPOINT, '        lock_waiters(m, me, t.callers)\n        won = load_relaxed(receiver, "wait_queue") == address_of(t.callers) and take(receiver, word)\n        if won:\n            remove_waiter(m, me, r, t.callers)\n        unlock_waiters(m, me, t.callers)\n', '        won = load_relaxed(receiver, "wait_queue") == address_of(t.callers) and take(receiver, word)\n        if won:\n            remove_waiter(m, me, r, t.callers)\n', LITMUS),
    Mutant("ipc-caller-joins-without-the-lock", ENDPOINT, "    lock_waiters(m, me, t.callers)\n    sender.partner = i + 1\n    word = sleep_in(m, me, s, t.callers, SLEEP_RECEIVE_FROM, deadline_ns)\n    unlock_waiters(m, me, t.callers)\n", "    sender.partner = i + 1\n    word = sleep_in(m, me, s, t.callers, SLEEP_RECEIVE_FROM, deadline_ns)\n", f"{LITMUS}::test_callers_that_nobody_answers_join_and_leave_their_queue_at_the_same_time"),
    Mutant("ipc-size-is-refused-of-another-sleep", ENDPOINT, 'return error if load_seq_cst(receiver, "sleep") == word else NOT_THERE', "return error", survives="the receiver has to end one call and begin another between two loads, and the answer is then that of the call before"),
    Mutant("ipc-tid-is-not-compared", ENDPOINT, "    if tid_of(m, r) != to:\n        return -ESRCH\n    error =", "    error =", CPU),
    Mutant("ipc-named-takes-the-first", ENDPOINT, "            s = x if _sends_to(m, x, i, source) else -1\n", "            s = t.senders.head - 1\n", CPU),
    Mutant("ipc-who-waits-for-another-takes-it", ENDPOINT, "reason == SLEEP_RECEIVE_FROM and t.partner == i + 1 and", "reason == SLEEP_RECEIVE_FROM and", f"{CPU}::test_who_waits_for_another_ones_message_takes_nobody_elses"),
    Mutant("ipc-reply-waits", NATIVE, "waits and not is_reply(flags)", "waits", CPU),
    Mutant("ipc-call-begins-anew-without-its-deadline", ENDPOINT, "    t.resume_deadline_ns = t.deadline_ns\n", "    t.resume_deadline_ns = 0\n", CPU),
    Mutant("ipc-message-is-sent-again", ENDPOINT, "    sender.sleep_done |= SENT\n", "", CPU),
    Mutant("ipc-sent-is-not-said-where-receiving-is-refused", ENDPOINT, "    note_sent(t, t.sleep_done & SENT)\n    if source != ANYBODY and (source <= 0 or x == i):\n        return -EDEADLK if source > 0 and tid_of(m, i) == source else -ESRCH\n", "    if source != ANYBODY and (source <= 0 or x == i):\n        return -EDEADLK if source > 0 and tid_of(m, i) == source else -ESRCH\n    note_sent(t, t.sleep_done & SENT)\n", PROGRAM),
    Mutant("ipc-nothing-counts-as-sent", NATIVE, "        t.x[A0] = 0\n        t.x[PHASE] = t.sleep_done & SENT\n", "        t.x[A0] = 0\n        t.x[PHASE] = 1\n", PROGRAM),
    Mutant("ipc-leaver-is-unlisted-late", "emu/kernel/task/exiting.py", "    left = quit_task(m, me, i)\n    end_endpoint(m, me, i, status & 0xFF)\n", "    end_endpoint(m, me, i, status & 0xFF)\n    left = quit_task(m, me, i)\n", survives="who joins its queue has to come within the few instructions between the two; the litmus test leaves in the right order itself"),
    # --- what is moved
    Mutant("ipc-full-without-a-utcb", TRANSFER, "(r.utcb != 0 if kind == FULL else size_of(flags) <= room_of(r.ipc_flags))", "(kind == FULL or size_of(flags) <= room_of(r.ipc_flags))", MOVED),
    Mutant("ipc-room-is-not-compared", TRANSFER, "(r.utcb != 0 if kind == FULL else size_of(flags) <= room_of(r.ipc_flags))", "(r.utcb != 0 or kind != FULL)", MOVED),
    Mutant("ipc-sizes-are-not-bounded", TRANSFER, "    return size_of(flags) <= EXTENDED_BYTES and room_of(flags) <= EXTENDED_BYTES\n", "    return True\n", PROGRAM),
    Mutant("ipc-room-ends-in-another-page", TRANSFER, " and may_store(m, me, t.task, at + room - 1)", "", MOVED),
    Mutant("ipc-no-byte-needs-a-buffer", TRANSFER, "    if size == 0:\n        return True  # wherever that is\n", "", MOVED),
    Mutant("ipc-wild-addresses-are-looked-up", TRANSFER, "    if size == 0:\n        return True  # wherever that is\n    if at < 0 or at > USER_TOP:\n        return False\n", "    if size == 0:\n        return True  # wherever that is\n", survives="resolve refuses addresses outside of user space too; the look is for sums that overflow"),
    Mutant("utcb-outlives-its-thread", "emu/kernel/task/exiting.py", "    if t.utcb != 0:\n        drop_utcb(m, me, i)\n", "", PROGRAM),
    Mutant("utcb-outlives-its-program", "emu/kernel/task/execute.py", "    t.utcb = 0\n", "", PROGRAM),
    Mutant("utcb-of-all-threads-is-one", UTCB, "    va = UTCB_FIRST + i * PAGE_SIZE\n", "    va = UTCB_FIRST\n", MOVED),
    # --- handing over
    Mutant("heir-is-less-important", HAND_OVER, "pack_where(BLOCKED, me) or h.realtime < t.realtime", "pack_where(BLOCKED, me)", f"{UNIT}::test_not_to_a_less_important_thread"),
    Mutant("heir-comes-before-a-preemption", HAND_OVER, "h.realtime < t.realtime or c.resched != 0:", "h.realtime < t.realtime:", f"{UNIT}::test_not_where_the_running_thread_has_to_give_way"),
    Mutant("heir-may-not-run-here", HAND_OVER, "life != LIFE_RUNNING or may_not_stay(m, me, h)", "life != LIFE_RUNNING", f"{UNIT}::test_not_where_the_heir_may_not_run_any_more"),
    Mutant("sender-waits-where-it-may-not-run", HAND_OVER, "    if not sleeps and may_not_stay(m, me, t):\n", "    if False:\n", f"{UNIT}::test_a_sender_that_may_not_run_here_any_more_does_not_wait_here"),
    Mutant("leaving-cpu-is-handed-over", HAND_OVER, " or m.queues[me].life != LIFE_RUNNING", "", f"{UNIT}::test_not_on_a_cpu_that_leaves"),
    Mutant("heir-of-another-cpu", HAND_OVER, '    if load_relaxed(h, "where") != pack_where(BLOCKED, me) or h.realtime', "    if h.realtime", f"{UNIT}::test_not_to_one_that_slept_on_another_cpu"),
    Mutant("heir-begins-a-slice", HAND_OVER, "        c.slice_start_ns = slice_start_ns\n", "        pass\n", f"{UNIT}::test_the_slice_goes_on_where_the_client_left_it"),
    Mutant("heir-has-no-end-of-slice", CORE, "    c.slice_end_ns = slice_end_ns\n    if became == CLAIMED:", "    if became == CLAIMED:", f"{UNIT}::test_the_slice_goes_on_where_the_client_left_it"),
    Mutant("woken-client-sleeps-locked", HAND_OVER, ' or (sleeps and is_claimed(load_relaxed(t, "sleep")))', "", WOKEN),
    Mutant("woken-client-sleeps-lock-free", HAND_OVER, 'return CLAIMED if is_claimed(load_seq_cst(t, "sleep")) else ASLEEP', "return ASLEEP", WOKEN),
    Mutant("checking-build-forbids-handing-over", "emu/kernel/thread/states.py", "(RUNNABLE, BLOCKED, RUNNING)", "(RUNNABLE, BLOCKED)", "tests/systems/test_checking_build.py"),
    Mutant("codezero-granularity-begins-with-each-heir", "emu/policies/codezero.py", "m.cpus[queue].slice_start_ns", "m.cpus[queue].started_ns", UNIT),
    Mutant("codezero-heir-without-a-share", "emu/policies/codezero.py", "    if t.policy[LEFT_NS] <= 0 and q.nr_runnable > 0:\n        return 0  # its", "    if False:\n        return 0  # its", survives="the granularity, which goes on with the slice, ends such a turn too"),
    Mutant("bsd4-quantum-begins-with-each-heir", "emu/policies/bsd4.py", "m.cpus[queue].slice_start_ns", "m.cpus[queue].started_ns", survives="the usage of two that call each other grows until a thread that waits comes before them"),
    Mutant("eevdf-heir-is-not-eligible", "emu/policies/eevdf.py", "    if t.policy[LAG] < -_virtual(m.parameters[SLICE], _weight(m, t)) and m.queues[queue].nr_runnable > 0:\n        return 0", "    if False:\n        return 0", UNIT),
    # --- translations
    Mutant("first-tlb-knows-page-0", "emu/actor/prepare.py", "        record[part] = NO_PAGE", "        record[part] = 0", f"{SYSTEM}::test_the_first_access_of_a_cpu_to_page_0_is_the_guests_fault"),
    Mutant("kept-is-put-back-always", TLB, "            if c.kept[s].generation == c.tlb_generation:\n", "            if True:\n", KEPT),
    Mutant("kept-survives-a-shoot-down", SHOOTDOWN, "    forget_kept(m, task)  # a full fence", "    # a full fence", KEPT),
    Mutant("kept-survives-a-copy-on-write", "emu/kernel/vm/copy_on_write.py", "    forget_kept(m, task)\n", "", f"{PLAYED}::test_a_copy_on_write_without_a_shoot_down_takes_away_what_is_kept_of_the_shared_page"),
    Mutant("generation-is-read-before-the-bit", TLB, '    c.tlb_task = task\n    set_cpu(m.tasks[task], "cpus", me)  # before the first lookup; pairs with the mask\'s reader in shootdown.py\n    use_window(m, me, task)\n    c.tlb_generation = load_seq_cst(m.tasks[task], "tlb_generation")\n', '    c.tlb_task = task\n    c.tlb_generation = load_seq_cst(m.tasks[task], "tlb_generation")\n    set_cpu(m.tasks[task], "cpus", me)\n    use_window(m, me, task)\n', KEPT),
    Mutant("emptied-tlb-keeps-the-rest", TLB, "    for s in range(KEPT_SPACES):\n        c.kept[s].task = -1\n    if", "    if", f"{PLAYED}::test_emptying_a_tlb_forgets_what_is_kept"),
    Mutant("emptied-tlb-is-of-the-old-generation", TLB, '    if c.tlb_task >= 0:\n        c.tlb_generation = load_seq_cst(m.tasks[c.tlb_task], "tlb_generation")\n', "", f"{PLAYED}::test_after_a_shoot_down_here_what_is_filled_anew_can_be_kept"),
    Mutant("more-is-kept-than-there-is-room-for", TLB, "        if c.nr_filled <= KEPT_ENTRIES:\n            _keep(c, old)\n", "        _keep(c, old)\n", PLAYED),
    Mutant("much-filled-is-half-emptied", TLB, "    if c.nr_filled <= KEPT_ENTRIES:\n        for k in range(c.nr_filled):\n            _clear(c, c.filled[k])\n    else:\n", "    for k in range(min(c.nr_filled, KEPT_ENTRIES)):\n        _clear(c, c.filled[k])\n    if False:\n", f"{PLAYED}::test_more_translations_than_can_be_kept_are_all_forgotten"),
    Mutant("killed-lender-is-not-shot-down", "emu/kernel/vm/address_space.py", "        shoot_down_task(m, me, task)  # TLBs may hold", "        pass  # TLBs may hold", f"{PLAYED}::test_the_record_of_a_task_that_ended_while_its_memory_was_lent_finds_nothing_of_it {SYSTEM}::test_the_memory_of_a_killed_parent_of_a_vfork_is_not_seen_by_the_next_task_in_its_record"),
]  # fmt: skip
