"""Faults in tasks that fork, wait, stop, execute programs, and in their timers."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

COW, FORKING, LENDING = (f"emu/kernel/vm/{name}.py" for name in ("copy_on_write", "forking", "lending"))
FORK, WAIT, REAPING, STOPPING, EXECUTE, TIMERS = (
    f"emu/kernel/task/{name}.py" for name in ("fork", "wait", "reaping", "stopping", "execute", "timers")
)
LOOP, WAITQUEUE, ENDINGS = "emu/cpu_worker/loop.py", "emu/kernel/sleep/waitqueue.py", "emu/kernel/sleep/endings.py"
EXECUTING = "tests/kernel/task/test_execute.py"
PROGRAM = "tests/guests/test_programs.py::test_program_finds_nothing_wrong"
PROCESSES = "tests/systems/test_processes.py"

TASKS, BEGINNINGS = "emu/kernel/task/records.py", "tests/litmus/test_beginnings.py"

MUTANTS = [
    Mutant(
        "task-is-shown-before-it-is-one",
        TASKS,
        "    t.first_thread = -1\n    t.nr_threads = 0\n",
        '    store_release(t, "state", TASK_ALIVE)\n    t.first_thread = -1\n    t.nr_threads = 0\n',
        survives="who finds it retains it, and so cannot while its references are those of the record's last task; a record that was never used has none, and goes wrong once at most",
    ),
    Mutant(
        "task-is-shown-before-its-references-begin",
        TASKS,
        '    begin_references(m, k)\n    store_release(t, "state", TASK_ALIVE)',
        '    store_release(t, "state", TASK_ALIVE)\n    begin_references(m, k)',
        survives="as the one before",
    ),
    Mutant(
        "killer-retains-nobody",
        TASKS,
        "t.job == job and retain_task(m, k):\n",
        't.job == job:\n            fetch_add(t, "references", 1)\n',
        BEGINNINGS,
    ),
    Mutant(
        "killer-does-not-look-again",
        TASKS,
        '            if load_acquire(t, "state") == TASK_ALIVE and t.job == job:  # until',
        "            if True:  # until",
        survives="the next task of a record is another job's only where two jobs run, and the litmus test has one",
    ),
    Mutant(
        "task-is-given-up-under-its-killer",
        TASKS,
        "        spins = backoff(spins)\n    free_task",
        "        break\n    free_task",
        BEGINNINGS,
    ),
    Mutant(
        "task-that-is-given-up-is-not-killed",
        TASKS,
        "    kill_references(m, me, k)\n    spins = 0\n",
        "    spins = 0\n",
        BEGINNINGS,
    ),
    Mutant(
        "timer-that-was-read-in-vain-has-changed",
        TIMERS,
        "    if count != 0:  # who finds nothing, and waits for a change, has not made one\n        t.expirations = 0\n        t.changes += 1\n",
        "    t.expirations = 0\n    t.changes += 1\n",
        "tests/server/test_waiting.py",
    ),
    Mutant(
        "copied-page-not-shot-down",
        COW,
        "        shoot_down_task(m, me, task)  # nobody reads the old frame from here on\n",
        "",
        f"{PROGRAM}[forkthreads-inko-4]",
    ),
    Mutant(
        "page-copied-beside-other-cpus",
        COW,
        "    elif not may_copy:\n        frame = ELSEWHERE\n",
        "",
        f"{PROGRAM}[forkthreads-inko-4]",
    ),
    Mutant("own-tlb-keeps-the-old-frame", COW, "        _forget(m, me, task, va)\n", "", f"{PROGRAM}[fork-inko-1]"),
    Mutant(
        "fork-leaves-tlbs-that-may-store",
        FORKING,
        "        shoot_down_task(m, me, parent)\n",
        "        pass\n",
        f"{PROGRAM}[fork-inko-1]",
    ),
    Mutant(
        "fork-leaves-pages-writable",
        FORKING,
        "            edit_pages(m, me, parent, area.start, area.end, EDIT_FREEZE, 0)\n",
        "",
        f"{PROGRAM}[fork-inko-1]",
    ),
    Mutant(
        "fork-does-not-share-shared-memory",
        FORKING,
        "area.flags & (SHARED | NEEDS_COPY) == 0",
        "area.flags & NEEDS_COPY == 0",
        f"{PROGRAM}[fork-inko-1]",
    ),
    Mutant(
        "lent-memory-not-shot-down",
        LENDING,
        "    shoot_down_task(m, me, lender)\n",
        "",
        "tests/kernel/task/test_reaping.py::test_lent_memory_comes_back_and_both_tlbs_are_shot_down",
    ),
    Mutant(
        "thread-of-a-killed-task-retains-nothing",
        "emu/kernel/thread/references.py",
        '    fetch_add(m.tasks[k], "references", ONE_RETAIN)\n',
        "    retain_task(m, k)\n",
        "tests/kernel/task/test_reaping.py::test_a_thread_that_joins_a_task_which_was_just_killed_retains_it",
    ),
    Mutant(
        "killed-job-lets-a-child-escape",
        FORK,
        "    if killed != 0:\n",
        "    if killed < 0:\n",
        "tests/kernel/task/test_reaping.py::test_a_child_that_is_forked_while_its_job_is_killed_does_not_escape",
    ),
    Mutant(
        "waiter-not-woken",
        REAPING,
        "        wake_queue(m, me, m.tasks[parent].waiters, ALL_WAITERS)\n        release_task(m, me, parent)\n\n\n@hot\ndef _cares",
        "        release_task(m, me, parent)\n\n\n@hot\ndef _cares",
        f"{PROGRAM}[fork-inko-2]",
    ),
    Mutant(
        "wait-begins-anew-by-signals-first",
        WAITQUEUE,
        "    t.restart = RESTART_WOKEN\n",
        "    t.restart = RESTART_CALL\n",
        f"{PROGRAM}[fork-inko-1]",
    ),
    Mutant(
        "zombies-of-the-dead-stay",
        REAPING,
        "    _free_zombies(m, me, k)\n",
        "",
        f"{PROCESSES}::test_nobody_is_left_of_those_for_whom_nobody_waits",
    ),
    Mutant(
        "stopped-orphan-left-alone",
        REAPING,
        "    _release_stopped(m, me, k)\n    _free",
        "    _free",
        f"{PROGRAM}[jobs-inko-2]",
    ),
    Mutant(
        "last-record-freed-in-silence",
        REAPING,
        "        send_ipi(m, me, SERVER, IPI_CALL)\n        send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)\n",
        "        pass\n",
        "tests/kernel/task/test_reaping.py",
    ),
    Mutant(
        "borrower-believes-a-dead-lender",
        LENDING,
        "    waits = owner.root == LENT and",
        "    waits = owner.root < 0 and",
        "tests/kernel/task/test_reaping.py",
    ),
    Mutant(
        "vfork-does-not-wait",
        REAPING,
        "    end_vfork(m, me, k)\n    tell_parent",
        "    tell_parent",
        f"{PROGRAM}[fork-inko-1]",
    ),
    Mutant(
        "stopped-task-goes-on",
        LOOP,
        "if gate != 0 and not passes_gate(m, me, i, gate):",
        "if gate != 0 and m.failed != 0:",
        f"{PROGRAM}[jobs-inko-2]",
    ),
    Mutant(
        "stopped-task-is-not-killed",
        ENDINGS,
        " | 1 << SLEEP_STOP | 1 << SLEEP_SPARE  # and not by signals",
        " | 1 << SLEEP_SPARE  # and not by signals",
        f"{PROGRAM}[jobs-inko-2]",
    ),
    Mutant(
        "exec-keeps-threads",
        LOOP,
        "    if must_come(m, i):\n        if must_leave(m, i):\n",
        '    if load_relaxed(m.tasks[t.task], "exiting") != 0:\n        if must_leave(m, i):\n',
        f"{PROGRAM}[execve-inko-2]",
    ),
    Mutant(
        "exec-does-not-wake-sleepers",
        EXECUTE,
        "            interrupt_sleep(m, me, n)\n",
        "",
        f"{PROGRAM}[execve-inko-2]",
    ),
    Mutant(
        "exec-not-told-that-it-is-alone",
        "emu/kernel/task/exiting.py",
        "        send_ipi(m, me, SERVER, IPI_CALL)  # it counts who is left; pairs with the lock in execute.py\n",
        "        pass\n",
        f"{EXECUTING}::test_each_that_leaves_tells_the_server",
    ),
    Mutant(
        "exec-waits-for-a-leader-that-has-left",
        EXECUTE,
        "    if not _is_member(m, k, survivor):\n        survivor = i\n",
        "",
        f"{EXECUTING}::test_a_leader_that_leaves_on_its_own_is_replaced_by_who_asks",
    ),
    Mutant(
        "exec-beside-a-suspension",
        "emu/kernel/task/suspend.py",
        'if not must_come(m, i) and compare_exchange(t, "suspend"',
        'if load_seq_cst(m.tasks[t.task], "exiting") == 0 and compare_exchange(t, "suspend"',
        f"{EXECUTING}::test_a_thread_that_is_being_suspended_goes_on_to_leave",
    ),
    Mutant(
        "exec-keeps-the-asker",
        EXECUTE,
        "        survivor = thread_index(m, t.leader)\n",
        "        survivor = i\n",
        f"{PROGRAM}[execve-inko-2]",
    ),
    Mutant(
        "exec-lets-the-asker-leave-first",
        "emu/server/calls/exec.py",
        "        if not execution.has_survivor:\n            raise Alone\n",
        "",
        "",
        survives="the first thread has to be between its last safe point and leaving when the server sets the word",
    ),
    Mutant(
        "timer-of-an-earlier-arming-fires",
        TIMERS,
        "    if t.armed != word:\n",
        "    if t.armed == 0:\n",
        "",
        survives="the heap drops entries of earlier armings before they are due; only a change between its look and timers_lock gets here",
    ),
    Mutant(
        "timer-not-periodic",
        TIMERS,
        "    elif t.interval_ns > 0:\n        now_ns",
        "    elif t.interval_ns < 0:\n        now_ns",
        f"{PROGRAM}[timers-inko-2]",
    ),
    Mutant(
        "stack-of-the-usual-size-whatever-the-limit",
        "emu/server/calls/exec.py",
        "call.credentials, limit_of(task, RLIMIT_STACK)[0],",
        "call.credentials,",
        "tests/guests/test_programs.py::test_program_finds_nothing_wrong[execve-inko-4]",
    ),
    Mutant(
        "message-queues-are-not-counted",
        "emu/server/vfs/mqueue.py",
        "        reserved[maker] += node.reserved()\n",
        "",
        "tests/guests/test_programs.py::test_program_finds_nothing_wrong[mqueue-inko-2]",
    ),
]
