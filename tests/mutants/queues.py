"""Faults in kernel mutexes, wait queues, signals' queues and suspension."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

MUTEX, WAITQUEUE, SIGINFO, SIGNALS, SUSPEND, EXITING, NATIVE = (
    f"emu/{name}.py"
    for name in (
        "kernel/sleep/mutex",
        "kernel/sleep/waitqueue",
        "kernel/task/siginfo",
        "kernel/task/signals",
        "kernel/task/suspend",
        "kernel/task/exiting",
        "kernel/native/threads",
    )
)
HANDED = "tests/litmus/test_mutexes.py::test_who_wakes_with_0_owns_the_mutex_who_is_interrupted_is_gone_from_it_and_no_list_is_ever_wrong"
LOCKED, LOCK_FREE = f"{HANDED}[locked]", f"{HANDED}[lock-free]"
HEIR = "tests/litmus/test_mutexes.py::test_whose_sleep_is_claimed_owns_the_mutex_and_is_in_no_list_where_one_that_is_claimed_first_may_not_be"
PLAYED = "tests/kernel/sleep/test_mutex.py"
KMUTEX = "tests/systems/test_blocking.py::test_a_mutex_goes_from_hand_to_hand_and_no_wake_up_is_lost_while_sleepers_are_signalled_and_suspended"
QUEUED = "tests/litmus/test_siginfo.py::test_each_queued_signal_is_taken_once_and_in_its_senders_order"
SIGNALLED = "tests/kernel/task/test_signals.py"
TOLD = "tests/kernel/task/test_suspend.py"
NEXT_STOP = "tests/litmus/test_suspending.py::test_who_asks_again_while_a_resumed_thread_is_on_its_way_to_sleep_is_told_at_the_next_stop"

IMPORTANCE = "emu/kernel/sched/importance.py"
MUTANTS = [
    Mutant("time-of-a-yield-serves-later-switches", "emu/kernel/sched/local_queue.py", "    c.just_now_ns = 0\n", "", "tests/kernel/sched/test_queue_time.py"),
    Mutant("cpus-run-thread-0-before-they-start", "emu/machine/filling.py", "for actor in (*range(config.cpus), SUPERVISOR,", "for actor in (SUPERVISOR,", "tests/machine/test_boot.py"),
    # --- mutexes --------------------------------------------------------------------------------------
    Mutant("mutex-woken-without-owning", MUTEX, "        _own(m, heir, n, q)  # before its sleep is claimed: it may run at once\n", "", LOCKED),
    Mutant("mutex-owned-after-the-wake-up", MUTEX, "        _own(m, heir, n, q)  # before its sleep is claimed: it may run at once\n        claim_first(m, me, q)\n", "        claim_first(m, me, q)\n        _own(m, heir, n, q)\n", HEIR),
    Mutant("mutex-handed-over-in-two-steps", MUTEX, "        claim_first(m, me, q)\n", "        unlock_waiters(m, me, q)\n        lock_waiters(m, me, q)\n        claim_first(m, me, q)\n", LOCKED),
    Mutant("mutex-heir-left-asleep", MUTEX, "    if heir >= 0:\n        make_runnable(m, me, heir)\n", "", f"{PLAYED} {LOCKED}"),
    Mutant("mutex-unlocked-by-anybody", MUTEX, "    if q.owner != i + 1:\n", "    if q.owner == 0:\n", PLAYED),
    Mutant("mutex-barged", MUTEX, "    q.owner = 0\n    heir = q.head - 1\n", "    q.owner = 0\n    unlock_waiters(m, me, q)\n    lock_waiters(m, me, q)\n    heir = q.head - 1\n", LOCKED),
    Mutant("mutexes-of-a-leaver-kept", EXITING, "    if t.mutexes != 0:\n", "    if t.mutexes < 0:\n", PLAYED),
    # --- wait queues ----------------------------------------------------------------------------------
    Mutant("queue-joined-without-lock", WAITQUEUE, "    lock_waiters(m, me, q)\n    word = append_waiter(m, me, i, q)\n    unlock_waiters(m, me, q)\n    return word", "    return append_waiter(m, me, i, q)", LOCKED),
    Mutant("queue-woken-without-lock", WAITQUEUE, "        lock_waiters(m, me, q)\n        i = claim_first(m, me, q)\n        unlock_waiters(m, me, q)\n", "        i = claim_first(m, me, q)\n", LOCKED),
    Mutant("queue-interrupted-without-lock", WAITQUEUE, '        lock_waiters(m, me, q)\n        won = load_relaxed(t, "wait_queue") == at and take(t, word)\n        if won:\n            remove_waiter(m, me, i, q)\n        unlock_waiters(m, me, q)\n', '        won = load_relaxed(t, "wait_queue") == at and take(t, word)\n        if won:\n            remove_waiter(m, me, i, q)\n', LOCK_FREE),
    Mutant("queue-taken-waiter-stays-listed", WAITQUEUE, "        if won:\n            remove_waiter(m, me, i, q)\n", "", LOCKED),
    Mutant("queue-claimed-before-unlisted", WAITQUEUE, '        remove_waiter(m, me, i, q)\n        word = load_relaxed(m.threads[i], "sleep")\n        claim(m.threads[i], word)  # nobody else can: it was in the list\n', '        word = load_relaxed(m.threads[i], "sleep")\n        claim(m.threads[i], word)\n        remove_waiter(m, me, i, q)\n', HEIR),
    Mutant("queue-taken-without-a-second-look", WAITQUEUE, 'won = load_relaxed(t, "wait_queue") == at and take(t, word)', "won = take(t, word)", survives="a sleep is in one queue from its beginning to its end, unlike a futex's, which is moved: while its word stands, so does the queue, and `take` compares the word under the lock"),
    Mutant("queue-sleeper-lets-go-first", NATIVE, "    join_queue(m, me, i, m.tasks[t.task].wait_queues[n])\n    if mutex != NO_MUTEX:\n        mutex_unlock(m, me, i, mutex)\n", "    if mutex != NO_MUTEX:\n        mutex_unlock(m, me, i, mutex)\n    join_queue(m, me, i, m.tasks[t.task].wait_queues[n])\n", "tests/litmus/test_mutexes.py::test_who_finds_the_sleepers_note_under_the_mutex_finds_it_in_the_queue_where_one_that_unlocks_first_is_not"),
    # --- queued signals -------------------------------------------------------------------------------
    Mutant("signal-taken-without-lock", SIGNALS, "    lock_signals(m, me, t.task)\n    number = take(m, me, t.task, t, numbers)\n", "    number = take(m, me, t.task, t, numbers)\n", f"{QUEUED}[one-taker]"),
    Mutant("real-time-signals-come-once", SIGINFO, '    if number < SIGRTMIN and load_relaxed(pending, "signals") & mine:\n', '    if load_relaxed(pending, "signals") & mine:\n', f"{QUEUED}[one-taker]"),
    Mutant("signal-record-taken-without-lock", SIGINFO, "    acquire(m, me, lock, lockrank.SIGINFOS)\n    record = m.free_siginfo\n", "    record = m.free_siginfo\n", f"{QUEUED}[two-takers]"),
    Mutant("signal-record-freed-without-lock", SIGINFO, "    acquire(m, me, lock, lockrank.SIGINFOS)\n    m.siginfos[record - 1].next = m.free_siginfo\n", "    m.siginfos[record - 1].next = m.free_siginfo\n", f"{QUEUED}[two-takers]"),
    Mutant("signal-queue-not-limited", SIGINFO, "    if task.nr_siginfos >= task.max_siginfos and not beyond_limit:\n", "    if task.nr_siginfos < 0 and not beyond_limit:\n", SIGNALLED),
    Mutant("discarded-signals-keep-their-records", SIGINFO, "        if (numbers >> ((r.words[0] & 0xFFFFFFFF) - 1)) & 1:\n", "        if numbers == 0:\n", SIGNALLED),
    Mutant("blocked-signal-not-handed-on", SIGNALS, "    if newly_blocked != 0:\n", "    if m.failed != 0:\n", SIGNALLED),
    Mutant("mask-set-without-a-fence", SIGNALS, "        fence()  # the mask before the task's bits; pairs with fetch_or in post\n", "", survives="the mask would have to stay in the processor's store buffer from before the poster's fetch_or until it looks at the masks, which is two locks later: no test on x86-64 sees that in a time worth it"),
    Mutant("leaver-hands-no-signal-on", SIGNALS, "    _hand_on(m, me, i, taken_by(t))\n", "", SIGNALLED),
    # --- suspension -----------------------------------------------------------------------------------
    Mutant("second-suspender-told-too-early", SUSPEND, 'if slept or suspender == asker or not compare_exchange(t, "suspender", NOBODY, suspender):', "if suspender != NOBODY:", NEXT_STOP),
    Mutant("second-suspender-forgotten", SUSPEND, 'if slept or suspender == asker or not compare_exchange(t, "suspender", NOBODY, suspender):', "if slept or suspender == asker:", NEXT_STOP),
    Mutant("resumer-tells-nobody", SUSPEND, "    if old != 0:\n        tell_suspender", "    if old > SUSPENDED:\n        tell_suspender", TOLD),
    Mutant("leaver-tells-no-suspender", EXITING, "    tell_suspender(m, me, i, -ESRCH, NO_MORE)\n", "", TOLD),
    Mutant("leaver-lets-suspenders-come", EXITING, "    tell_suspender(m, me, i, -ESRCH, NO_MORE)\n", "    tell_suspender(m, me, i, -ESRCH, 0)\n", TOLD),
    Mutant("refused-suspender-stays", SUSPEND, '    if asked:\n        compare_exchange(m.threads[j], "suspender", mine, NOBODY)\n', "", TOLD),
    Mutant("needless-suspender-stays", SUSPEND, '        compare_exchange(m.threads[i], "suspender", tell, NOBODY)  # there is nothing to be told\n', "        pass\n", TOLD),
    Mutant("resumer-looks-and-stores", SUSPEND, '    old = exchange(t, "suspend", 0)\n', '    old = load_seq_cst(t, "suspend")\n    exchange(t, "suspend", 0)\n', "tests/litmus/test_suspending.py"),
    Mutant("waiting-thread-keeps-its-place", IMPORTANCE, "        enqueue(m, me, queue, i, ENQUEUE_MOVE)", "        m.queues[queue].nr_runnable = before", "tests/kernel/sched/test_importance.py"),
    Mutant("changed-before-it-leaves", IMPORTANCE, "        call_hook(m, me, DEQUEUE, queue, i)\n        m.queues[queue].nr_runnable = before - 1\n        _store(t, nice, realtime)\n", "        _store(t, nice, realtime)\n        m.queues[queue].nr_runnable = before - 1\n", "tests/kernel/sched/test_importance.py"),
    Mutant("running-thread-goes-on", IMPORTANCE, "            m.cpus[queue].resched = 1\n", "            m.cpus[queue].resched = 0\n", "tests/kernel/sched/test_importance.py"),
    Mutant("weight-of-before", "emu/policies/eevdf.py", "        if t.policy[OWN_WEIGHT] != _weight(m, t):  # its importance has changed while it ran", "        if t.policy[OWN_WEIGHT] < 0:", "tests/kernel/sched/test_importance.py"),
]  # fmt: skip
