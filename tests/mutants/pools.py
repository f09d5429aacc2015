"""Faults in pools of CPUs (who is in one, who is told, what each keeps), and in helpers."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

AFFINITY, POOLS, CORE, RUNQUEUE, LOCAL, MIGRATION, HOTPLUG, EXCLUSIVE, EXECUTE = (
    f"emu/kernel/{name}.py"
    for name in (
        "thread/affinity", "sched/pools", "sched/core", "sched/runqueue", "sched/local_queue", "sched/migration",
        "sched/hotplug", "sched/exclusive", "task/execute",
    )
)  # fmt: skip
PLAYED = "tests/kernel/sched/test_pools.py"
DERIVED = (
    "tests/litmus/test_pools.py::test_who_may_run_it_is_what_was_asked_for_last_within_the_pool_entered_last[locked]"
)
TOLD = "tests/litmus/test_pools.py::test_a_cpu_that_goes_to_sleep_is_told_of_the_thread_that_enters_its_pool"
GUESTS = "tests/systems/test_pools.py"
TAKES_ONE = f"{PLAYED}::test_who_takes_one_of_several_wakes_a_cpu_of_its_own_pool"
IGNORANT = f"{PLAYED}::test_a_policy_that_knows_nothing_of_pools_is_put_right"

IO = "tests/systems/test_async_io.py::test_what_was_submitted_completes_with_a_message"
LEAVERS = "tests/litmus/test_helpers.py::test_the_last_of_several_threads_that_leave_at_once_ends_the_task_of_a_helper"
HELPERS, AIO = "emu/kernel/task/helpers.py", "emu/kernel/native/aio.py"

MUTANTS = [
    Mutant("pool-entered-without-the-tasks-lock", POOLS, "    lock_task(m, me, t.task)\n    t.blocking = blocking\n    allow(m, me, i)\n    unlock_task(m, me, t.task)\n", "    t.blocking = blocking\n    allow(m, me, i)\n", DERIVED),
    Mutant("affinity-set-without-the-tasks-lock", MIGRATION, '    lock_task(m, me, t.task)\n    store_mask(t, "asked_affinity", mask)\n    allow(m, me, i)\n    unlock_task(m, me, t.task)\n', '    store_mask(t, "asked_affinity", mask)\n    allow(m, me, i)\n', DERIVED),
    Mutant("pool-counts-where-nothing-was-asked-for", AFFINITY, "return asked if mask_is_empty(mask_and(allowed, load_mask(m, \"online\"))) else allowed", "return allowed", PLAYED),
    Mutant("new-threads-begin-anywhere", AFFINITY, "    if m.nr_blocking == 0:\n        store_mask", "    if m.nr_blocking >= 0:\n        store_mask", PLAYED),
    Mutant("pool-entered-and-not-moved", "emu/kernel/native/blocking.py", "    t.x[A0] = enter_pool(m, me, i, blocking)\n", "    t.x[A0] = 0\n    t.blocking = blocking\n", f"{GUESTS}::test_between_begin_and_end_a_thread_runs_on_blocking_cpus_only_else_on_primary_ones"),
    Mutant("taker-wakes-the-other-pool", CORE, "wake_idle(m, me, takers(m, queue) if i >= 0 else", "wake_idle(m, me, mask_above(-1) if i >= 0 else", TAKES_ONE),
    Mutant("switcher-wakes-the-other-pool", CORE, "        wake_idle(m, me, takers(m, me))\n", "        wake_idle(m, me, mask_above(-1))\n", TAKES_ONE),
    Mutant("heaviest-queue-of-the-other-pool", CORE, "                queue = _longest(m, me)\n", "                pass\n", IGNORANT),
    Mutant("wrong-pools-go-to-the-first-cpu", RUNQUEUE, "queue = first_cpu(allowed) if m.nr_blocking == 0 else _calmest(m, allowed)", "queue = first_cpu(allowed)", IGNORANT),
    Mutant("pools-need-the-list", LOCAL, " or (m.nr_blocking != 0 and is_confined(m, t, me)):", ":", f"{PLAYED}::test_threads_of_a_pool_need_no_lock_where_queues_have_none"),
    Mutant("last-cpu-of-a-pool-leaves", HOTPLUG, "mask_count(mask_and(load_mask(m, \"online\"), takers(m, cpu))) <= 1", "mask_count(mask_and(load_mask(m, \"online\"), takers(m, GLOBAL_QUEUE))) <= 1", f"{PLAYED}::test_each_pool_keeps_a_cpu_that_takes_threads"),
    Mutant("last-cpu-of-a-pool-is-exclusive", EXCLUSIVE, "takers(m, cpu))", 'load_mask(m, "online"))', f"{PLAYED}::test_neither_pool_gives_its_last_open_cpu_to_one_thread"),
    Mutant("pinned-by-its-pool", EXCLUSIVE, 'asked = load_mask(t, "asked_affinity")', 'asked = load_mask(t, "affinity")', f"{PLAYED}::test_who_asked_for_all_cpus_is_not_pinned_because_its_pool_has_one"),
    Mutant("new-programs-stay-in-the-blocking-pool", EXECUTE, "    forget_blocking(m, me, i)\n", "", f"{GUESTS}::test_pinned_and_exclusive_threads_children_and_new_programs_keep_their_rules[inko]"),
    Mutant("pool-entered-unannounced", "emu/kernel/sched/announcing.py", "    elif queue != me and has_cpu(m, \"idle\", queue):\n        _wake(m, me, queue)\n", "    elif queue != me and has_cpu(m, \"idle\", queue) and m.nr_blocking == 0:\n        _wake(m, me, queue)\n", f"{TOLD}[random]"),
    # --- helpers --------------------------------------------------------------------------------------
    Mutant("helpers-keep-their-task", "emu/kernel/task/exiting.py", "    if m.tasks[k].nr_helpers != 0 and t.helps == 0:\n", "    if m.tasks[k].nr_helpers < 0:\n", survives="the second look, after quit_task, ends the task as well; only the status may be another's"),
    Mutant("last-leaver-counted-without-lock", HELPERS, "    lock_task(m, me, k)\n    m.threads[i].helps = LEAVES\n    task.nr_helpers += 1\n    is_last = task.nr_helpers == task.nr_threads and task.nr_threads > 1\n    unlock_task(m, me, k)\n", "    m.threads[i].helps = LEAVES\n    task.nr_helpers += 1\n    is_last = task.nr_helpers == task.nr_threads and task.nr_threads > 1\n", LEAVERS),
    Mutant("helper-takes-signals", HELPERS, "    new.signal_mask = ALL_SIGNALS\n", "", f"{IO}[errors-one-pool]"),
    Mutant("operation-on-whatever-the-descriptor-is-now", AIO, "        new.held_file = d + 1  # which the call takes up\n", "        drop_description(m, me, d)\n", f"{IO}[errors-one-pool]"),
    Mutant("completion-for-a-full-mailbox-is-lost", AIO, "    if error == -EAGAIN or error == -ENOMEM:\n", "    if error == -ENOMEM:\n", f"{IO}[full-one-pool]"),
    Mutant("anybody-is-a-helper", AIO, "    if tid <= 0:\n", "    if tid < 0:\n", f"{IO}[errors-one-pool]"),
    Mutant("operations-without-bound", "emu/kernel/thread/records.py", "    if t.helps != 0 and k.nr_helpers >= AIO_OPERATIONS:\n", "    if t.helps != 0 and k.nr_helpers < 0:\n", f"{IO}[errors-one-pool]"),
    Mutant("helpers-run-anywhere", HELPERS, "    begin_blocking(m, n)\n", "", "tests/systems/test_async_io.py::test_streams_by_operations_alone_arrive_whole_and_helpers_run_in_the_blocking_pool[inko]"),
]  # fmt: skip
