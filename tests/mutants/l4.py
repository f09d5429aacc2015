"""Faults in threads, spaces and pagers that guests steer."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

CONTROL, SUSPEND, PAGER, ENDPOINT, GRANTING, LEAVING = (
    f"emu/kernel/{name}.py"
    for name in ("task/control", "task/suspend", "ipc/pager", "ipc/endpoint", "vm/granting", "thread/leaving")
)
FILE = "tests/systems/test_l4_threads.py"
THREADS = f"{FILE}::test_guests_make_run_suspend_destroy_and_recycle_threads_and_exchange_their_registers"
PAGERS = f"{FILE}::test_faults_go_to_a_pager_and_a_bad_one_ends_its_clients_alone_with_the_reason_in_words"
STOPPING = "tests/kernel/task/test_suspend.py"
HELD = f"{STOPPING}::test_who_is_resumed_while_its_context_is_changed_goes_on_once_that_is_done"

STEERING = "tests/systems/test_steering.py::test_a_thread_suspended_in_a_call_begins_where_its_new_context_says"
KILLS = "tests/systems/test_steering.py::test_a_kill_ends_threads_that_no_signal_interrupts"

MUTANTS = [
    Mutant("context-is-held-by-two", SUSPEND, 'if not compare_exchange(t, "suspend", SUSPENDED, SUSPEND_HELD):\n        return False', 'if load_seq_cst(t, "suspend") < SUSPENDED:\n        return False\n    exchange(t, "suspend", SUSPEND_HELD)', HELD),
    Mutant("woken-thread-is-suspended-before-it-looks-again", "emu/cpu_worker/loop.py", ' and t.restart != RESTART_WOKEN:  # whose', ":  # whose", STEERING),
    Mutant("new-context-in-a-call-that-begins-anew", "emu/kernel/native/thread_control.py", "    settle_call(t)\n    if flags", "    if flags", STEERING),
    Mutant("recycled-in-a-call-that-begins-anew", CONTROL, "    settle_call(t)\n    for k", "    for k", STEERING),
    Mutant("kill-waits-until-it-is-taken", "emu/kernel/task/signals.py", "    if number == SIGKILL:\n        end_task", "    if number == 0:\n        end_task", KILLS),
    Mutant("kill-of-a-thread-waits-until-it-is-taken", "emu/kernel/linux/signals.py", "        elif number == SIGKILL:\n", "        elif number == 0:\n", KILLS),
    Mutant("context-of-a-thread-that-is-still-on-its-cpu", SUSPEND, "    if state_of(t) == BLOCKED:\n        return True\n    let_suspended_go", "    if state_of(t) >= 0:\n        return True\n    let_suspended_go", survives="between the mark and the end of its turn on the CPU the thread changes no register, and is seldom seen there"),
    Mutant("resumed-while-it-is-held-sleeps-on", SUSPEND, '    if not compare_exchange(m.threads[i], "suspend", SUSPEND_HELD, SUSPENDED):\n        _wake(m, me, i)\n', '    compare_exchange(m.threads[i], "suspend", SUSPEND_HELD, SUSPENDED)\n', HELD),
    Mutant("who-is-almost-suspended-is-not-waited-for", SUSPEND, '(joins and load_seq_cst(m.threads[j], "suspend") == SUSPEND_ASKED)', "False", THREADS),
    Mutant("destroyed-thread-sleeps-on", CONTROL, "    interrupt_sleep(m, me, n)\n", "", THREADS),
    Mutant("destroyed-thread-need-not-come", LEAVING, "    return is_told or load_seq_cst", "    return load_seq_cst", f"{STOPPING}::test_a_thread_does_not_stop_that_was_told_to_end_meanwhile"),
    Mutant("strangers-steer", CONTROL, "    if mine == its or load", "    if mine >= 0 or load", THREADS),
    Mutant("recycled-thread-keeps-its-registers", CONTROL, "        t.x[k] = 0\n", "        pass\n", THREADS),
    Mutant("every-suggested-group-is-joined", CONTROL, "group if in_space and suggested == group else", "group if in_space else", THREADS),
    Mutant("fault-answers-a-call", ENDPOINT, "t.partner == i + 1 and m.threads[i].faulting == 0:", "t.partner == i + 1:", PAGERS),
    Mutant("fault-in-a-queue-answers-a-call", ENDPOINT, ".senders) or sender.faulting != 0:", ".senders):", PAGERS),
    Mutant("fault-changes-a-register", PAGER, "    t.x[A0] = t.fault_a0\n", "", PAGERS),
    Mutant("lie-about-a-calls-page-is-believed", PAGER, "    again = 1 if kind == FAULT_CALL else 0", "    again = 0 * kind", PAGERS),
    Mutant("lies-are-believed-for-ever", PAGER, "        if t.fault_tries < PAGER_TRIES:\n", "        if t.fault_tries >= 0:\n", PAGERS),
    Mutant("refused-call-is-made-again", PAGER, "    t.pc += 4  # behind", "    t.pc += 0  # behind", PAGERS),
    Mutant("served-call-does-not-ask", "emu/server/passing_traps.py", "    if missing == 0 or access == NO_ACCESS:\n        return False\n    thread", "    if missing <= 0 or access != -2:\n        return False\n    thread", PAGERS),
    Mutant("stream-is-read-before-its-place-is-there", "emu/server/vfs/transfer.py", "                call.reserve(address, count)\n", "                pass\n", PAGERS),
    Mutant("granted-rights-grow", GRANTING, " | (0 if flags & W else NEVER_WRITE)", "", PAGERS),
    Mutant("private-memory-is-granted", GRANTING, "is_memory = area.flags & SHARED != 0 and ", "is_memory = ", PAGERS),
    Mutant("more-rights-than-the-owners-are-granted", GRANTING, "if not is_memory or area.flags & flags & RWX != flags & RWX:", "if not is_memory:", PAGERS),
    Mutant("partly-unmapped-is-not-said", GRANTING, "        if result == 0 and not whole:\n", "        if result == 0 and not whole and va < 0:\n", PAGERS),
    Mutant("task-without-memory-is-granted-some", GRANTING, "        if m.tasks[other].root >= 0:\n", "        if other >= 0:\n", survives="the other task is held, and ends between two steps of this call only where a kill comes just then"),
]  # fmt: skip
