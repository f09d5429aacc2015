"""Faults in containers and capabilities, in what threads accept, and in virtual timers."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

POOLS, CONTAINERS, CAPABILITIES = (
    f"emu/kernel/containers/{name}.py" for name in ("pools", "containers", "capabilities")
)
CONFINING, CONTROL = "emu/kernel/sched/confining.py", "emu/kernel/native/control_calls.py"
ACCEPTING, REFUSING = "emu/kernel/ipc/accepting.py", "emu/kernel/ipc/refusing.py"
LITMUS = "tests/litmus/test_containers.py"
CHARGED = f"{LITMUS}::test_no_more_is_ever_charged_than_there_is_in_a_replica_or_in_all_of_them[4-processes]"
LIVES = f"{LITMUS}::test_a_pool_whose_record_is_used_again_is_not_charged_for_the_one_before"
CONFINED = "tests/litmus/test_confining.py"
ASKED = f"{CONFINED}::test_a_thread_that_asks_for_cpus_as_its_container_loses_some_gets_no_other_and_all_that_are_left[locked]"
STARTED = f"{CONFINED}::test_a_thread_that_is_started_as_its_container_loses_cpus_runs_on_those_that_are_left"
UNIT, ACCEPTED = "tests/kernel/containers/test_capabilities.py", "tests/kernel/ipc/test_accepting.py"
PROGRAM = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[capabilities-inko-2]"

MUTANTS = [
    Mutant("pool-has-no-size", POOLS, " or pool_used(word) >= pool_size(word):", ":", CHARGED),
    Mutant("pool-takes-one-too-many", POOLS, "pool_used(word) >= pool_size(word)", "pool_used(word) > pool_size(word)", CHARGED),
    Mutant("pool-life-is-not-looked-at", POOLS, "pool_life(word) != life or ", "", LIVES),
    Mutant("closed-pool-is-charged", POOLS, "pool_closed(word) != 0 or pool_used", "pool_used", f"{UNIT}::test_a_replica_of_a_closed_pool_is_charged_no_more"),
    Mutant("parent-is-not-charged", POOLS, "    while above >= 0:\n        if not", "    while above >= MOST:\n        if not", CHARGED),
    Mutant("refused-charge-stays-below", POOLS, "            _give_back_below(m, me, p, above)\n", "", f"{UNIT}::test_a_replica_is_charged_to_its_pool_too_and_all_together_pass_no_limit"),
    Mutant("closed-pool-is-never-freed", POOLS, "        if pool_closed(word) != 0 and pool_used(word) == 0:\n            lock", "        if False:\n            lock", f"{UNIT}::test_a_pool_that_is_closed_while_used_goes_with_its_last_user_and_so_does_its_parent"),
    Mutant("last-capability-does-not-close", CONTAINERS, "    if pool.holders == 0:\n", "    if False:\n", CHARGED),
    Mutant("child-is-in-no-container", CONTAINERS, "    m.tasks[k].container = container\n    unlock_containers(m, me)\n    pool = ", "    unlock_containers(m, me)\n    pool = ", f"{UNIT}::test_who_leaves_gives_its_charges_back_before_anybody_is_told"),
    Mutant("shrinking-passes-what-is-used", CAPABILITIES, "        if pool_size(word) - less < pool_used(word):\n            return -EBUSY\n", "", f"{UNIT}::test_split_parts_add_up_and_nothing_shrinks_below_what_is_used"),
    Mutant("contained-task-makes-capabilities", CONTROL, " if by == 0 else -EPERM", "", PROGRAM),
    Mutant("container-around-a-running-task", CONTROL, "if m.tasks[task].nr_threads == 1 else -EBUSY", "if m.tasks[task].nr_threads >= 1 else -EBUSY", survives="a fork at the same moment would have to be cut in two"),
    Mutant("foreign-capability", CAPABILITIES, "(container, n) if by == 0 or by == container else (-EPERM, 0)", "(container, n)", f"{UNIT}::test_who_is_in_a_container_acts_on_its_own_and_passes_on_only_where_it_may_send"),
    Mutant("anybody-may-be-reached", CAPABILITIES, "            if value == wanted and", "            if", f"{UNIT}::test_who_is_in_a_container_acts_on_its_own_and_passes_on_only_where_it_may_send"),
    Mutant("threads-stay-on-cpus-that-were-taken", CONTROL, "        confine_all(m, me)\n", "        pass\n", f"{UNIT}::test_the_call_that_changes_the_cpus_of_a_container_moves_its_threads"),
    Mutant("affinity-is-not-cut", CONFINING, "    restrict(m, me, i, mask_and(asked, cpus))\n", "    restrict(m, me, i, asked)\n    return 0\n", f"{UNIT}::test_threads_are_cut_to_the_cpus_of_their_container_and_none_asks_for_more"),
    Mutant("new-thread-does-not-look-again", CONFINING, "        start_thread(m, me, n)\n        _confine(m, me, handle)\n", "        start_thread(m, me, n)\n", STARTED),
    Mutant("affinity-is-not-looked-at-again", CONFINING, "    _cut(m, me, i)  # `cpus` may have changed meanwhile\n", "", ASKED),
    Mutant("confiner-looks-before-it-has-stored", CONFINING, "    fence()  # `cpus` is stored before any thread is looked at; pairs with those named in the header\n", "", ASKED),
    Mutant("cut-to-cpus-that-changed-meanwhile", CONFINING, "        restrict_within(m, me, i, cpus)\n", "        restrict_within(m, me, i, _confined_to(m, i))\n", ASKED),
    Mutant("cut-is-reckoned-without-the-tasks-lock", "emu/kernel/sched/migration.py", '    lock_task(m, me, t.task)  # what is asked for meanwhile would be lost\n    both = mask_and(load_mask(t, "asked_affinity"), cpus)\n', '    both = mask_and(load_mask(t, "asked_affinity"), cpus)\n    lock_task(m, me, t.task)\n', ASKED),
    Mutant("waiting-sender-is-not-refused", REFUSING, "    while accepted != ACCEPT_ANYBODY and _refuse_unwanted(m, me, i):\n", "    while False:\n", f"{ACCEPTED}::test_who_waits_to_send_is_told_that_it_is_accepted_no_more"),
    Mutant("other-tasks-are-accepted", ACCEPTING, " or t.task != receiver.task", "", f"{ACCEPTED}::test_a_task_accepts_its_own_or_nobodys_messages_but_always_a_faults"),
    Mutant("periods-are-not-remembered", "emu/kernel/sleep/periods.py", "    t.periods_taken = over\n", "", PROGRAM),
    Mutant("thread-keeps-its-charge", "emu/kernel/task/exiting.py", "    give_thread_back(m, me, i)  # before", "    pass  # before", f"{UNIT}::test_who_leaves_gives_its_charges_back_before_anybody_is_told"),
    Mutant("task-keeps-its-charge", "emu/kernel/task/reaping.py", "    leave_container(m, me, k)\n", "", f"{UNIT}::test_who_leaves_gives_its_charges_back_before_anybody_is_told"),
    Mutant("area-keeps-its-charge", "emu/kernel/vm/areas.py", "        give_back(m, me, m.areas[a].pool)\n", "", f"{UNIT}::test_areas_are_charged_when_mapped_and_given_back_when_unmapped"),
    Mutant("mail-leaves-a-container", "emu/kernel/ipc/mailbox.py", "    if mine != 0 and not _may_reach(m, mine, tid):\n", "    if mine < 0:\n", "tests/systems/test_capabilities.py"),
    Mutant("channels-lead-out-of-a-container", "emu/kernel/ipc/channel.py", "    if mine != 0 and owner != 0 and not may_reach(m, mine, m.tasks[owner - 1].container):\n", "    if mine < 0:\n", "tests/systems/test_capabilities.py"),
]  # fmt: skip
