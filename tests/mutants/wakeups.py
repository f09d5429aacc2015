"""Faults in passing on a wake-up (the invariant is in emu/kernel/sched/announcing.py)."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

QUEUES = "emu/kernel/sched/queues.py"
HOTPLUG, MIGRATION, EXCLUSIVE, SCHED = (
    f"emu/{name}.py"
    for name in ("kernel/sched/hotplug", "kernel/sched/migration", "kernel/sched/exclusive", "kernel/sched/core")
)
ANNOUNCING = "emu/kernel/sched/announcing.py"
OWED = "tests/kernel/sched/test_owed_looks.py"
OWED_RACE = (
    "tests/litmus/test_owed_looks.py::test_no_thread_waits_beside_an_idle_cpu_because_another_cpu_was_told_of_it"
)

MUTANTS = [
    Mutant("not-idle-pays-no-look", "emu/cpu_worker/loop.py", "        pay_look(m, me)\n", "        pass\n", f"{OWED_RACE}[inko-gets-another-thread]"),
    Mutant("exit-tells-nobody", HOTPLUG, "        pass_on(m, me)  # who", "        # who", f"{OWED}::test_a_cpu_that_exits_gives_up_its_idle_bit_and_tells_another_cpu"),
    Mutant("exit-keeps-its-idle-bit", HOTPLUG, '        clear_cpu(m, "idle", me)', "        # idle", f"{OWED}::test_a_cpu_that_exits_gives_up_its_idle_bit_and_tells_another_cpu"),
    Mutant("evacuate-announces-nothing", HOTPLUG, "announce(m, me, GLOBAL_QUEUE, i)", "pass", f"{OWED}::test_a_leaving_cpu_tells_those_who_may_run_a_thread_only_because_it_leaves"),
    Mutant("busy-cpu-passes-nothing-on", SCHED, "# nothing that this CPU may run\n    pass_on(m, me)", "# nothing that this CPU may run", f"{OWED}::test_a_cpu_that_got_another_thread_meanwhile_tells_of_the_first"),
    Mutant("barred-cpu-passes-nothing-on", SCHED, "takers(m, queue) if i >= 0 else mask_and(mask_above(me), queues.passed_over(m, me, queue))", "takers(m, queue) if i >= 0 else mask_above(m.nr_cpus)", f"{OWED}::test_a_cpu_to_which_the_thread_is_barred_tells_one_that_may_run_it"),
    Mutant("barred-from-is-forgotten", QUEUES, 'return load_mask(m.cpus[me], "barred_from")', 'return load_mask(m.cpus[m.nr_cpus], "barred_from")', f"{OWED}::test_a_cpu_to_which_the_thread_is_barred_tells_one_that_may_run_it"),
    Mutant("barred-thief-looks-at-no-list", QUEUES, "return local_queue.listed_for(m, me, queue)", 'return load_mask(m.cpus[me], "barred_from")', f"{OWED}::test_a_cpu_to_which_the_thread_is_barred_tells_one_that_may_run_it"),
    Mutant("barred-cpus-tell-each-other", SCHED, "mask_and(mask_above(me), queues.passed_over(m, me, queue))", "queues.passed_over(m, me, queue)", f"{OWED}::test_and_nobody_where_that_would_not_end"),
    Mutant("exclusive-cpus-are-told", "emu/kernel/sched/runqueue.py", 'return mask_minus(mask_and(mask, load_mask(m, "online")), load_mask(m, "exclusive"))', "return mask", f"{OWED}::test_an_exclusive_cpu_tells_one_that_takes_others_threads"),
    Mutant("wider-affinity-is-not-announced", MIGRATION, "    if where_state(where) == RUNNABLE:\n        announce", "    if False:\n        announce", f"{OWED}::test_a_thread_that_more_cpus_may_run_from_now_on_is_announced_anew"),
    Mutant("exclusive-no-more-does-not-look", EXCLUSIVE, "if cpu != me:", "if False:", f"{OWED}::test_a_cpu_that_is_exclusive_no_more_looks_at_the_queues"),
    Mutant("affinity-keeps-a-lock", "emu/kernel/sched/pools.py", "        unlock_queue(m, me, queue)\n", "", f"{OWED_RACE}[codezero-is-barred]"),
    Mutant("waker-gives-up-at-the-first-cpu", ANNOUNCING, "    while cpu >= 0 and not _wake(m, me, cpu):\n", "    if cpu >= 0 and not _wake(m, me, cpu):\n", "tests/litmus/test_waking.py::test_two_wakers_wake_two_cpus"),
    Mutant("own-queue-announces-late", ANNOUNCING, "(0 if m.cpus[me].current >= 0 else 1)", "1", "tests/kernel/sched/test_core.py::test_an_idle_cpu_is_interrupted_once_when_there_is_something_to_steal"),
    Mutant("pass-on-stops-at-the-first", ANNOUNCING, "            announce(m, me, where_queue(where), i)\n", "            announce(m, me, where_queue(where), i)\n            return\n", f"{OWED}::test_all_that_waits_is_passed_on"),
    Mutant("pass-on-without-a-fence", ANNOUNCING, "    fence()  # this CPU's bit is gone before the queues are read; pairs with the fence in announce\n", "", survives="every caller has just given up its idle bit, or a queue's lock, by an atomic operation that is a full fence on x86-64 and between sequentially consistent accesses elsewhere"),
]  # fmt: skip
