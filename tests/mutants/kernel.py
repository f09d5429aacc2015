"""Faults in emu/kernel: interrupts, sleeping and waking, run queues, threads and tasks."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

EXITING, EXCLUSIVE, FUTEX, HANDLES = (
    f"emu/{name}.py"
    for name in ("kernel/task/exiting", "kernel/sched/exclusive", "kernel/sleep/futex", "kernel/thread/handles")
)
HOTPLUG, IPI, LOCAL, MIGRATION = (
    f"emu/{name}.py"
    for name in ("kernel/sched/hotplug", "kernel/ipi", "kernel/sched/local_queue", "kernel/sched/migration")
)
LOCKED = "emu/kernel/sched/locked_queue.py"
REFERENCES, RUNQUEUE, SCHED, SIGNALS = (
    f"emu/{name}.py"
    for name in ("kernel/thread/references", "kernel/sched/runqueue", "kernel/sched/core", "kernel/task/signals")
)
SLEEPING, SPARES, SUSPEND, TASK = (
    f"emu/{name}.py"
    for name in ("kernel/sleep/endings", "kernel/thread/spares", "kernel/task/suspend", "kernel/task/records")
)
ANNOUNCING = "emu/kernel/sched/announcing.py"
THREAD, WAIT, RING, REAPING = (
    f"emu/{name}.py"
    for name in ("kernel/thread/records", "kernel/thread/sleep_word", "kernel/server_ring", "kernel/thread/reaping")
)

BLOCKING = "tests/litmus/test_blocking.py::test_no_event_is_lost_that_comes_just_before_a_sleep"
CHURN = "tests/litmus/test_runqueues.py::test_no_thread_is_lost_and_none_runs_on_two_cpus"
DELETED = "tests/litmus/test_reaping.py::test_a_held_thread_stays_what_it_is_and_its_scheduler_stays_until_it_is_given_back[4-processes]"
FUTEXES = "tests/litmus/test_futexes.py"
HOLDING = "tests/server/test_holding.py"
PINNED_ONLY = (
    "tests/policies/test_inko.py::test_an_exclusive_cpu_runs_pinned_threads_only_and_a_pinned_thread_nowhere_else"
)
INTERRUPTS = "tests/systems/test_interrupts.py"
LEAVING = "tests/litmus/test_leaving.py::test_who_was_held_up_between_place_and_lock_looks_again"
LEFT = "tests/systems/test_leaving_threads.py"
PARKING = "tests/litmus/test_parking.py::test_no_interrupt_is_lost_and_messages_sent_are_messages_consumed"
SUSPENDING = (
    "tests/litmus/test_suspending.py::test_a_suspender_is_told_when_the_thread_has_stopped_and_a_resume_is_never_lost"
)
SLEEPS = "tests/litmus/test_sleeps.py::test_sleeper_and_wakers_never_miss_each_other_and_one_waker_wins"
WAKING = (
    "tests/litmus/test_waking.py::test_the_last_look_or_the_waker_sees_the_other_where_without_a_fence_neither_does"
)

SIGINFO = "emu/kernel/task/siginfo.py"
SIBLINGS = (
    "tests/litmus/test_siblings.py::test_a_tasks_list_and_count_are_those_of_its_threads_who_join_and_quit_at_once"
)
QUEUED = "tests/litmus/test_siginfo.py::test_each_queued_signal_is_taken_once_and_in_its_senders_order"

MUTANTS = [
    # --- interrupts and parking -------------------------------------------------------------------
    Mutant("mark-parked-no-fence", IPI, 'exchange(m.cpus[me], "parked", PARKED)', "m.cpus[me].parked = PARKED", f"{WAKING}[parker-sender]"),
    Mutant("send-ipi-looks-first", IPI,
           '    fetch_or(t, "pending", vector)  # pairs with the exchange of `parked` in begin_park\n    if load_seq_cst(t, "parked") == PARKED and',
           '    parked = load_seq_cst(t, "parked")\n    fetch_or(t, "pending", vector)\n    if parked == PARKED and', "tests/litmus/test_waking.py::test_a_sender_held_up_wakes_who_parks_meanwhile_where_one_that_looks_first_does_not"),
    Mutant("cancel-park-by-store", IPI, 'return compare_exchange(m.cpus[me], "parked", PARKED, AWAKE)',
           'exchange(m.cpus[me], "parked", AWAKE)\n    return True', "tests/litmus/test_waking.py::test_messages_sent_are_messages_consumed"),
    Mutant("send-ipi-claims-by-store", IPI, 'compare_exchange(t, "parked", PARKED, MESSAGE_COMING)',
           'exchange(t, "parked", MESSAGE_COMING) < 9', "tests/litmus/test_waking.py::test_one_of_two_who_interrupt_a_parked_cpu_owes_it_a_message_where_without_a_swap_both_do"),
    Mutant("begin-park-no-second-look", IPI, 'if load_seq_cst(m.cpus[me], "pending") == 0:\n        return ASLEEP', "if me >= 0:\n        return ASLEEP",
           "tests/kernel/test_ipi.py::test_who_finds_an_interrupt_does_not_sleep"),
    Mutant("end-park-leaves-a-message", IPI, "if consumed == 0 and not cancel_park(m, me):", "if consumed > 1 and not cancel_park(m, me):",
           "tests/kernel/test_ipi.py::test_who_wakes_by_itself_has_to_take_a_message_that_is_on_its_way"),
    Mutant("kicks-not-reset", IPI, "    m.cpus[me].kicks = 0\n", "", "tests/kernel/test_ipi.py::test_a_parked_actor_gets_one_message_from_the_first_sender_only"),
    # --- the last look before a sleep, and its partners -----------------------------------------------
    Mutant("prepare-sleep-no-fence", WAIT, 'exchange(t, "sleep", word)  # before the event', 'store_relaxed(t, "sleep", word)  # before the event',
           "tests/litmus/test_blocking.py::test_a_sleep_is_seen_where_one_declared_without_a_fence_is_not"),
    Mutant("announce-no-fence", ANNOUNCING, "fence()  # RUNNABLE before", "# RUNNABLE before", f"{WAKING}[idler-waker]"),
    Mutant("block-no-second-look", LOCKED, "if consume_claim(t):\n        unlock_queue(m, me, me)\n        return False\n    now", "now", f"{SLEEPS}[2-processes-locked]"),
    Mutant("block-lock-free-no-second-look", LOCAL, 'return CLAIMED if is_claimed(load_seq_cst(t, "sleep")) else ASLEEP', "return ASLEEP", f"{SLEEPS}[2-processes-lock-free]"),
    Mutant("block-lock-free-no-fence", LOCAL, "exchange_where(m, t, BLOCKED, me)  # S1", "set_where(m, t, BLOCKED, me)  # S1", f"{SLEEPS}[2-processes-lock-free]"),
    Mutant("wake-of-a-runner", LOCKED, "woken = state_of(t) == BLOCKED and consume_claim(t)", "woken = consume_claim(t)", f"{SLEEPS}[2-processes-locked]"),
    Mutant("wake-lock-free-of-a-runner", LOCAL, 'if not is_claimed(word) or where_state(load_seq_cst(t, "where")) != BLOCKED:', "if not is_claimed(word):", f"{SLEEPS}[2-processes-lock-free]"),
    Mutant("win-wake-by-store", LOCAL, 'return compare_exchange(t, "sleep", word, 0)', 't.sleep = 0\n    return True', f"{SLEEPS}[2-processes-lock-free]"),
    Mutant("claim-by-look-and-store", WAIT, 'return compare_exchange(t, "sleep", word, claimed(word))',
           'if load_seq_cst(t, "sleep") != word:\n        return False\n    exchange(t, "sleep", claimed(word))\n    return True', f"{SLEEPS}[4-processes-locked]"),
    Mutant("claims-without-a-name", WAIT, "return -(word | ANY_REASON)", "return -0x1FF", "tests/litmus/test_sleeps.py::test_a_waker_that_is_held_up_before_it_wins_wakes_no_running_thread"),
    Mutant("take-is-a-claim", WAIT, 'return compare_exchange(t, "sleep", word, SLEEP_SERVED)', "return claim(t, word)",
           "tests/litmus/test_sleeps.py::test_an_interrupted_sleeper_finds_its_result"),
    Mutant("take-by-look-and-store", WAIT, 'return compare_exchange(t, "sleep", word, SLEEP_SERVED)',
           'if load_seq_cst(t, "sleep") != word:\n        return False\n    exchange(t, "sleep", SLEEP_SERVED)\n    return True',
           "tests/litmus/test_sleeps.py::test_an_interrupter_that_comes_second_leaves_the_thread_alone"),
    Mutant("sleep-names-used-again", WAIT, "    t.sleep_sequence += 1\n", "", f"{SLEEPS}[2-processes-locked] tests/kernel/sched/test_core.py::test_one_of_several_wakers_wins_and_a_late_one_does_nothing"),
    Mutant("interrupt-result-after-hand-over", SLEEPING, "    t.x[A0] = result\n    hand_over(t)\n", "    hand_over(t)\n    t.x[A0] = result\n",
           "tests/litmus/test_sleeps.py::test_an_interrupted_sleeper_finds_its_result"),
    Mutant("interrupt-of-a-trap", SLEEPING, "if word == 0 or reason == SLEEP_KERNEL:", "if word == 0:", "tests/kernel/sleep/test_endings.py"),
    Mutant("interrupt-of-a-suspended-thread", SLEEPING, 'if by_kills and not must_come(m, i):',
           'if by_kills and m.failed != 0:', "tests/kernel/sleep/test_endings.py"),
    Mutant("suspended-sleep-begins-anew", SLEEPING, "    t.resume_deadline_ns = t.deadline_ns if word", "    t.resume_deadline_ns = 0 if word",
           f"{INTERRUPTS}::test_a_sleep_that_was_suspended_goes_on_until_its_old_deadline"),
    Mutant("timed-wait-restarts", SLEEPING, "RESTART_UNHANDLED if word & SLEEP_TIMED else RESTART_CALL", "RESTART_CALL",
           "tests/kernel/sleep/test_futex.py::test_an_interrupted_wait_with_a_time_out_begins_anew_until_its_deadline_where_no_handler_runs"),
    Mutant("signal-posted-without-lock", SIGINFO, "    lock_signals(m, me, k)\n    if number < SIGRTMIN and", "    if number < SIGRTMIN and", QUEUED),
    Mutant("signal-bit-cleared-although-more-wait", SIGINFO, "    if not more:\n        fetch_and", "    if number > 0:\n        fetch_and", QUEUED),
    # --- run queues -----------------------------------------------------------------------------------
    Mutant("is-open-always", RUNQUEUE, "return queue == GLOBAL_QUEUE or m.queues[queue].life == LIFE_RUNNING", "return queue >= 0", LEAVING),
    Mutant("spawn-no-second-look", LOCKED, "        if is_open(m, queue) or must_stay(m, m.threads[i]):\n            return queue\n", "        if queue >= 0:\n            return queue\n", LEAVING),
    Mutant("wake-no-second-look-at-the-queue", LOCKED, "        if is_open(m, queue) or must_stay(m, t):\n            break\n        unlock_two(m, me, old, queue)",
           "        if queue >= 0:\n            break\n        unlock_two(m, me, old, queue)", LEAVING),
    Mutant("steal-ignores-pins", RUNQUEUE, "if mask_has(allowed, me):", "if me >= 0:", "tests/kernel/sched/test_core.py::test_nor_where_queues_have_locks"),
    Mutant("steal-lock-free-ignores-pins", LOCAL, 'while i >= 0 and queue != me and not has_cpu(m.threads[i], "affinity", me):', "while i >= 0 and queue > 99:",
           "tests/kernel/sched/test_core.py::test_a_pinned_thread_is_not_stolen_and_does_not_hide_the_one_behind_it"),
    Mutant("put-local-ignores-pins", LOCAL, 'if has_all_cpus(t, "affinity", m.nr_cpus) or (m.nr_blocking != 0 and is_confined(m, t, me)):', "if m.nr_cpus != 0:",
           "tests/kernel/sched/test_core.py::test_a_pinned_thread_is_not_stolen_and_does_not_hide_the_one_behind_it"),
    Mutant("lock-thread-no-second-look", RUNQUEUE,
           '        lock_two(m, me, queue, other)\n        if queue_of(t) == queue or load_relaxed(m, "failed") != 0:', "        lock_two(m, me, queue, other)\n        if queue >= 0:", f"{CHURN}[4-processes-codezero]"),
    Mutant("lock-two-out-of-order", RUNQUEUE, "    lock_queue(m, me, min(a, b))\n    if a != b:\n        lock_queue(m, me, max(a, b))\n",
           "    lock_queue(m, me, a)\n    if a != b:\n        lock_queue(m, me, b)\n", f"{CHURN}[4-processes-codezero]"),
    Mutant("pull-locks-its-own-queue-only", LOCKED, "    lock_two(m, me, me, queue)\n    i = _take(m, me, queue, mark_two(m, me, queue, me))\n    unlock_two(m, me, me, queue)",
           "    lock_queue(m, me, me)\n    i = _take(m, me, queue, mark_two(m, me, queue, me))\n    unlock_queue(m, me, me)", f"{CHURN}[4-processes-codezero]"),
    Mutant("leave-keeps-its-registration", LOCKED, "    m.queues[me].nr_threads -= 1\n    unlock_queue(m, me, me)\n\n\n@hot\ndef give_way_here", "    unlock_queue(m, me, me)\n\n\n@hot\ndef give_way_here",
           "tests/kernel/sched/test_core.py::test_a_started_thread_runs_sleeps_wakes_and_leaves"),
    Mutant("wake-of-a-cpu-twice", ANNOUNCING, 'if not clear_cpu(m, "idle", cpu):\n        return False', 'clear_cpu(m, "idle", cpu)',
           "tests/litmus/test_waking.py::test_two_wakers_wake_two_cpus"),
    Mutant("time-goes-back-under-a-lock", RUNQUEUE, "q.now_ns = max(now_ns(m), q.now_ns + 1)", "q.now_ns = now_ns(m)", "tests/kernel/sched/test_queue_time.py"),
    Mutant("time-goes-back-between-queues", RUNQUEUE, "now = max(now_ns(m), max(m.queues[a].now_ns, m.queues[b].now_ns) + 1)", "now = max(now_ns(m), m.queues[b].now_ns + 1)", "tests/kernel/sched/test_queue_time.py"),
    Mutant("pick-believes-the-policy", RUNQUEUE, "if i == -1 or not is_runnable(m, i, queue):\n        return -1\n    q.nr_runnable -= 1", "if i == -1:\n        return -1\n    q.nr_runnable -= 1",
           "tests/kernel/sched/test_core.py::test_a_policy_whose_pick_finds_none_harms_no_thread_record tests/systems/test_misbehaving_policies.py::test_a_wrong_answer_is_caught_by_the_core"),
    Mutant("exclusive-cpu-pulls", RUNQUEUE, 'return not has_cpu(m, "exclusive", me)', "return me >= 0", PINNED_ONLY),
    Mutant("placement-ignores-exclusive", RUNQUEUE, 'allowed = mask_minus(mask_and(affinity, online), load_mask(m, "exclusive"))', "allowed = mask_and(affinity, online)", PINNED_ONLY),
    Mutant("switch-keeps-the-reservation", SCHED, "    c.reservation = 0\n", "", "tests/systems/test_placement.py::test_a_reservation_does_not_outlive_a_switch"),
    Mutant("become-registers-late", LOCAL, '    fetch_add(m.queues[queue], "nr_threads", 1)\n    exchange_where(m, t, state, queue)\n', '    exchange_where(m, t, state, queue)\n    fetch_add(m.queues[queue], "nr_threads", 1)\n', survives="whoever makes a thread one of another CPU's queue has that queue's lock, as has `retire`, and a CPU does not retire while it makes one its own: nobody who decides by the count can look in between"),
    Mutant("own-sleeper-without-a-look", LOCAL, 'if word != 0 and not is_claimed(word) and load_seq_cst(t, "where") == pack_where(RUNNING, me):', "if word != 0:", f"{CHURN}[4-processes-inko]"),
    Mutant("move-sleeper-no-second-look", MIGRATION, '    if is_claimed(load_seq_cst(t, "sleep")):  # S2', '    if m.failed != 0:  # S2', f"{CHURN}[4-processes-inko]"),
    # --- CPUs that come and go ----------------------------------------------------------------------------
    Mutant("retire-with-threads", HOTPLUG, 'load_seq_cst(q, "nr_threads") == 0 and q.nr_dead', "q.nr_dead", "tests/kernel/sched/test_hotplug.py"),
    Mutant("last-thread-leaves-a-leaving-cpus-queue-unheard", "emu/kernel/sched/runqueue.py", "        tell_if_empty(m, me, old)\n", "", "tests/kernel/sched/test_hotplug.py"),
    Mutant("last-thread-leaves-a-leaving-cpu-unheard", LOCAL, "        tell_if_empty(m, me, old)\n", "", "tests/kernel/sched/test_hotplug.py"),
    Mutant("thread-without-a-cpu-moves-for-ever", RUNQUEUE, "        return not mask_has(allowed_cpus(m, t), me)\n", "        return True\n", "tests/systems/test_no_cpu.py"),
    Mutant("retire-though-waited-for", HOTPLUG, 'q.nr_dead == 0 and not _is_waited_for(m, me)', "q.nr_dead == 0", "tests/kernel/sched/test_hotplug.py"),
    Mutant("retire-counts-by-store", HOTPLUG, 'if fetch_add(m, "nr_active", -1) == 1:', 'left = m.nr_active - 1\n    clear_cpu(m, "idle", me)\n    m.nr_active = left\n    if left == 0:', "tests/litmus/test_exits.py::test_exactly_one_scheduler_sees_itself_last"),
    Mutant("evacuate-leaves-sleepers", HOTPLUG, "elif leaving and where_state(where) == BLOCKED:", "elif leaving and where < 0:", "tests/systems/test_hotplug.py::test_cpus_come_and_go_under_load_and_nothing_is_lost"),
    # --- threads and tasks ----------------------------------------------------------------------------------
    Mutant("exclusive-not-ended-at-exit", EXITING, "    end_exclusive(m, me, i)\n", "", f"{LEFT}::test_exclusive_mode_ends_with_the_thread_that_has_it"),
    Mutant("release-before-leave", EXITING, "    leave(m, me, i)\n", "    release_task(m, me, k)\n    leave(m, me, i)\n", "tests/litmus/test_exiting.py::test_no_thread_of_a_task_is_alive_when_the_task_is_taken_apart"),
    Mutant("spare-not-closed-at-exit", SPARES, 'spare = exchange(t, "spare", SPARE_CLOSED)', 'spare = exchange(t, "spare", SPARE_NONE)', "tests/litmus/test_spares.py::test_no_record_leaks_when_a_thread_and_its_children_exit_at_once"),
    Mutant("spare-of-a-dead-thread-kept", SPARES, "    if spare >= 0:\n        free_thread(m, me, spare)\n    creator", "    creator", "tests/litmus/test_spares.py::test_no_record_leaks_between_a_thread_and_its_exiting_children"),
    Mutant("spare-attached-by-store", SPARES, 'if spare >= 0 and not compare_exchange(t, "spare", SPARE_NONE, spare):\n        free_thread(m, me, spare)',
           'if spare >= 0:\n        exchange(t, "spare", spare)', "tests/litmus/test_spares.py::test_no_record_leaks_between_a_thread_and_its_exiting_children"),
    Mutant("spare-keeps-its-generation", SPARES, "        next_generation(t)\n", "", "tests/kernel/thread/test_recycling.py"),
    Mutant("spare-not-reset", SPARES, "        reset_thread(m, n, t.task)\n", "        m.threads[n].task = t.task\n", "tests/kernel/thread/test_recycling.py"),
    Mutant("thread-keeps-its-generation", THREAD, "    next_generation(t)\n", "", "tests/kernel/thread/test_handles.py::test_a_freed_threads_handle_and_tid_are_stale_also_when_its_record_is_used_again"),
    Mutant("thread-limit-not-kept", THREAD, 'if k.nr_threads >= load_relaxed(m, "max_threads_per_task"):', "if k.nr_threads < 0:", "tests/systems/test_failure.py::test_threads_beyond_the_limit_are_refused_counted_and_the_limit_can_be_raised"),
    Mutant("task-keeps-its-generation", TASK, "    t.generation += 1\n", "", "tests/kernel/thread/test_handles.py::test_a_dead_tasks_handle_kills_nobody"),
    Mutant("end-task-looks-first", TASK, '    if not compare_exchange(m.tasks[k], "exiting", 0, wait_status + 1):\n        return\n',
           '    if m.tasks[k].exiting != 0:\n        return\n    i = m.tasks[k].first_thread\n    interrupt_sleep(m, me, i)\n    if not compare_exchange(m.tasks[k], "exiting", 0, wait_status + 1) or m.failed == 0:\n        return\n', f"{BLOCKING}[kill]"),
    Mutant("no-interrupt-to-a-runner", TASK, "if state_of(t) == RUNNING and queue_of(t) != me:", "if queue_of(t) < 0:", f"{INTERRUPTS}::test_a_running_thread_is_interrupted_in_the_middle_of_its_budget"),
    Mutant("first-exit-status-lost", TASK, 'if not compare_exchange(m.tasks[k], "exiting", 0, wait_status + 1):\n        return', 'exchange(m.tasks[k], "exiting", wait_status + 1)', "tests/kernel/thread/test_recycling.py"),
    Mutant("suspender-not-told", SUSPEND, "    if suspender > 0:\n", "    if suspender > 99:\n", "tests/kernel/task/test_suspend.py"),
    Mutant("suspender-told-too-early", SUSPEND, "    slept = block(m, me, i)\n", "    _tell(m, me, suspender, 0)\n    slept = block(m, me, i)\n", "tests/litmus/test_suspending.py::test_who_asks_again_while_a_resumed_thread_is_on_its_way_to_sleep_is_told_at_the_next_stop"),
    Mutant("suspended-before-asleep", SUSPEND,
           '    word = prepare_sleep(t, SLEEP_SUSPEND)\n    if not must_come(m, i) and compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED):\n',
           '    won = compare_exchange(t, "suspend", SUSPEND_ASKED, SUSPENDED)\n    word = prepare_sleep(t, SLEEP_SUSPEND)\n    if won and not must_come(m, i):\n', SUSPENDING),
    Mutant("suspend-of-an-ending-task", SUSPEND, 'if not must_come(m, i) and compare_exchange(t, "suspend"', 'if compare_exchange(t, "suspend"', "tests/kernel/task/test_suspend.py::test_a_thread_does_not_stop_whose_task_was_killed_meanwhile"),
    Mutant("suspend-marks-late", SUSPEND, '    if not compare_exchange(m.threads[i], "suspend", 0, SUSPEND_ASKED):  # pairs with prepare_sleep in the sleeper\n        return False\n    interrupt_sleep(m, me, i)\n',
           '    interrupt_sleep(m, me, i)\n    if not compare_exchange(m.threads[i], "suspend", 0, SUSPEND_ASKED):\n        return False\n', f"{BLOCKING}[suspend]"),
    Mutant("signal-posted-late", SIGNALS, "    error = post(m, me, t.task, t, number)\n    if error == 0:\n        _interrupt(m, me, i, mine)\n    return error",
           "    _interrupt(m, me, i, mine)\n    return post(m, me, t.task, t, number)", f"{BLOCKING}[signal]"),
    # --- the end of a thread's record -------------------------------------------------------------------------
    Mutant("thread-retained-by-store", REAPING, 'if compare_exchange(t, "references", word, word + 1):\n            break', 'store_relaxed(t, "references", word + 1)\n        break', DELETED),
    Mutant("thread-retained-after-its-end", REAPING, "if reference_generation(word) != generation or reference_count(word) == 0:", "if reference_generation(word) != generation:", DELETED),
    Mutant("thread-retained-of-any-generation", REAPING, "if reference_generation(word) != generation or reference_count(word) == 0:", "if reference_count(word) == 0:", DELETED),
    Mutant("dead-thread-retained", REAPING, "    if exists(t):\n        return i\n    drop_thread(m, me, i)  # dead, and held by others\n    return -1", "    return i", "tests/kernel/thread/test_reaping.py::test_a_dead_thread_that_is_held_is_deleted_by_its_scheduler_after_the_last_drop"),
    Mutant("dead-thread-not-counted", REAPING, "    m.queues[me].nr_dead += 1  # before the drop", "    m.queues[me].nr_dead += 0  # before the drop", DELETED),
    Mutant("dead-list-emptied-by-store", REAPING, 'i = exchange(m.queues[me], "dead", 0) - 1', 'i = load_relaxed(m.queues[me], "dead") - 1\n    fetch_add(m.queues[me], "life", 0)\n    store_relaxed(m.queues[me], "dead", 0)', "tests/litmus/test_deadlist.py::test_every_dead_thread_comes_back"),
    Mutant("dead-thread-pushed-by-store", REAPING, 'if compare_exchange(q, "dead", last, i + 1):', 'store_relaxed(q, "dead", i + 1)\n        if last >= 0:', "tests/litmus/test_deadlist.py::test_every_dead_thread_comes_back"),
    Mutant("held-thread-deleted-by-any-cpu", REAPING, "    if owner == me:\n        _delete", "    if owner >= 0:\n        _delete", DELETED),
    Mutant("retire-with-dead-threads", HOTPLUG, "q.nr_dead == 0 and not _is_waited_for(m, me)", "not _is_waited_for(m, me)", "tests/kernel/thread/test_reaping.py::test_no_scheduler_exits_while_a_dead_thread_of_its_own_is_held"),
    # --- references and handles ----------------------------------------------------------------------------------
    Mutant("hold-of-a-killed-task", REFERENCES, "        if word & KILLED:\n            return False\n        if compare_exchange(t, \"references\", word, word + ONE_HOLD):",
           "        if compare_exchange(t, \"references\", word, word + ONE_HOLD):", f"{HOLDING}::test_a_scope_in_a_killed_task_ends_the_thread"),
    Mutant("retain-of-a-killed-task", REFERENCES, "if word & KILLED and word & HOLDS == 0:", "if word < 0:", f"{HOLDING}::test_a_killed_task_that_nobody_holds_cannot_be_retained"),
    Mutant("release-by-store", REFERENCES, 'if compare_exchange(t, "references", word, word + by):', 'if store_release(t, "references", word + by) is None:', "tests/litmus/test_references.py::test_a_killed_task_is_given_away_once_and_never_while_it_is_retained_or_held"),
    Mutant("kill-without-last-look", REFERENCES, "            if word == 0:\n                ask_to_reap(m, me, k)\n            return True", "            return True", "tests/litmus/test_references.py::test_a_killed_task_is_given_away_once_and_never_while_it_is_retained_or_held"),
    Mutant("hold-handle-no-second-look", REFERENCES, "    if task_index(m, handle) != k:  # its record", "    if k < 0:  # its record", survives="an actor would have to be held up between two loads while the task is killed, reaped and its record used again; nothing in emu calls hold_handle"),
    Mutant("handle-generation-ignored", HANDLES, "if i >= MAX_THREADS or m.threads[i].generation != handle_generation(handle):", "if i >= MAX_THREADS:", "tests/kernel/thread/test_handles.py::test_a_freed_threads_handle_and_tid_are_stale_also_when_its_record_is_used_again"),
    Mutant("handle-bound", HANDLES, "if k >= MAX_TASKS or m.tasks[k].generation != handle_generation(handle):", "if m.tasks[k].generation != handle_generation(handle):", "tests/kernel/thread/test_handles.py::test_what_is_no_handle_names_nothing"),
    Mutant("tid-generation-ignored", HANDLES, "if not exists(m.threads[i]) or tid_of(m, i) != tid:", "if not exists(m.threads[i]):", "tests/kernel/thread/test_handles.py::test_a_freed_threads_handle_and_tid_are_stale_also_when_its_record_is_used_again"),
    # --- futexes and the server's ring -----------------------------------------------------------------------
    Mutant("futex-compares-before-the-lock", FUTEX, "    lock_bucket(m, me, b)\n    word = 0\n    if load_int32_in(m, entry, va) == expected:\n",
           "    same = load_int32_in(m, entry, va) == expected\n    lock_bucket(m, me, b)\n    word = 0\n    if same:\n", survives="whoever wakes in the same task takes mm_lock, which the waiter holds, for the key before it takes the bucket; only two tasks that share the word could show it"),
    Mutant("futex-taken-waiter-stays-listed", FUTEX, "            remove_waiter(m, i)\n            if t.waits_for != 0:\n", "            if t.waits_for != 0:\n", "tests/kernel/sleep/test_futex.py::test_an_interrupt_ends_the_wait_and_unlists_the_thread"),
    Mutant("futex-taken-from-another-bucket", FUTEX, "won = t.bucket == b and take(t, word)", "won = take(t, word)", f"{FUTEXES}::test_a_waiter_that_is_moved_while_it_is_interrupted_is_on_no_list_afterwards"),
    Mutant("futex-requeue-no-second-compare", FUTEX, "        if entry <= 0 or load_int32_in(m, entry, va) != expected:\n", "        if entry <= 0:\n", f"{FUTEXES}::test_a_comparing_requeue_moves_nobody_who_came_with_the_new_value"),
    Mutant("ring-place-by-store", RING, 'position = fetch_add(m, "server_head", 1) & (SERVER_RING - 1)', 'position = m.server_head & (SERVER_RING - 1)\n    m.server_head += 1', "tests/litmus/test_rings.py::test_every_request_is_read_once_and_in_its_writers_order"),
    Mutant("ring-slot-not-emptied", RING, "        store_64(slot, NOTHING)\n", "", "tests/litmus/test_rings.py::test_every_request_is_read_once_and_in_its_writers_order"),
    Mutant("ring-does-not-wait-for-the-slot", RING, "    if request != NOTHING:\n        store_64(slot, NOTHING)\n        m.server_tail += 1\n", "    store_64(slot, NOTHING)\n    m.server_tail += 1\n", "tests/litmus/test_rings.py::test_every_request_is_read_once_and_in_its_writers_order"),
    # --- what locks a spawn takes; the kernel's own task (rust-8, alux-10) -----------------------------------------
    Mutant("spawn-locks-the-spawners-queue", LOCKED, "        lock_queue(m, me, queue)\n        if is_open(m, queue) or must_stay(m, m.threads[i]):\n            return queue\n", "        lock_two(m, me, queue, me)\n        if me != queue:\n            unlock_queue(m, me, me)\n        if is_open(m, queue) or must_stay(m, m.threads[i]):\n            return queue\n", "tests/kernel/sched/test_core.py::test_spawning_does_not_need_the_spawners_queue"),
    Mutant("spawn-locks-nothing", LOCKED, "        queue = place(m, me, i, reason)\n        lock_queue(m, me, queue)\n", "        queue = place(m, me, i, reason)\n", "tests/kernel/sched/test_core.py::test_spawning_waits_for_the_new_threads_queue"),
    Mutant("task-joined-without-lock", THREAD, "    lock_task(m, me, t.task)\n    if not _has_room(m, k):", "    if not _has_room(m, k):", SIBLINGS),
    Mutant("task-left-without-lock", THREAD, "    lock_task(m, me, t.task)\n    if t.sibling_previous >= 0:", "    if t.sibling_previous >= 0:", SIBLINGS),
    Mutant("kernel-task-given-away", TASK, "elif m.fresh_task < KERNEL_TASK:", "elif m.fresh_task <= KERNEL_TASK:", "tests/kernel/thread/test_handles.py::test_a_machine_has_room_for_so_many_jobs_and_says_so"),
    Mutant("kernel-threads-given-away", THREAD, "elif m.fresh_thread < MAX_THREADS - KERNEL_THREADS:", "elif m.fresh_thread < MAX_THREADS:", "tests/kernel/thread/test_handles.py::test_all_records_and_no_more_can_be_used"),
    # --- calls that have to wait in the server --------------------------------------------------------------
    Mutant("interrupted-write-begins-anew", SLEEPING, "if reason == SLEEP_SERVER and t.sleep_done > 0:", "if reason == SLEEP_SERVER and t.sleep_done < 0:", "tests/kernel/sleep/test_endings.py"),
    Mutant("write-forgets-what-it-has-done", "emu/server/vfs/transfer.py", "        blocked.done = done\n", "", "tests/server/calls/test_streams.py::test_long_output_into_a_slow_pipe_arrives_complete_and_once"),
]  # fmt: skip
