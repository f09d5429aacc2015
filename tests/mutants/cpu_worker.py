"""Faults in emu/cpu_worker."""
# ruff: noqa: E501  (texts as they stand)

from .kernel import BLOCKING, WAKING
from .mutant import Mutant

LOOP, ASKING, TLB = "emu/cpu_worker/loop.py", "emu/cpu_worker/asking.py", "emu/kernel/vm/tlb.py"
PROFILING, FORK = "emu/cpu_worker/profiling.py", "emu/kernel/task/fork.py"
IDLE_TLB = "tests/cpu_worker/test_loop.py::test_nobody_waits_for_an_idle_cpus_tlb_and_everybody_for_one_that_found_work"
IDLES = "tests/cpu_worker/test_loop.py::test_a_cpu_that_becomes_idle_looks_once_more_at_what_others_may_have_put_there_before_its_bit_was_seen"
YIELDS = "tests/cpu_worker/test_loop.py::test_a_yield_gives_the_hosts_core_away_where_another_cpu_may_need_it_for_what_the_thread_waits_for"
SAMPLES = "tests/cpu_worker/test_profiling.py"
STEPS = "tests/machine/test_profile.py::test_blocks_are_not_taken_for_those_that_follow_and_a_loop_in_step_with_the_tick_is_seen_whole"

MUTANTS = [
    Mutant("system-call-no-look-for-signals", ASKING,
           "elif must_come(m, i) or signal_waits(m, t) or (load",
           "elif must_come(m, i) or (load", f"{BLOCKING}[signal]"),
    Mutant("system-call-no-look-for-kill", ASKING,
           "elif must_come(m, i) or signal_waits(m, t) or (load",
           "elif signal_waits(m, t) or (load", f"{BLOCKING}[kill]"),
    Mutant("system-call-no-look-for-suspend", ASKING,
           '(load_seq_cst(t, "suspend") | load_seq_cst(t, "kse_interrupt")) != 0:',
           'load_seq_cst(t, "kse_interrupt") != 0:', f"{BLOCKING}[suspend]"),
    Mutant("park-no-second-look", LOOP, "if found < 0:\n        c.parks", "if True:\n        c.parks",
           f"{WAKING}[parker-sender]"),
    Mutant("park-looks-before-it-marks", LOOP, "    mark_parked(m, me)\n    found = _found(m, me)\n",
           "    found = _found(m, me)\n    mark_parked(m, me)\n", f"{WAKING}[parker-sender]"),
    Mutant("park-cancelled-without-swap", LOOP, "return found if cancel_park(m, me) or found == EXITED else PARK",
           "cancel_park(m, me)\n    return found",
           "tests/litmus/test_waking.py::test_messages_sent_are_messages_consumed"),
    Mutant("yield-keeps-the-hosts-core", LOOP, "if switch(m, me, i, True) == i and m.nr_cpus > m.host_cores:",
           "if switch(m, me, i, True) == i and m.failed != 0:", YIELDS),
    Mutant("yield-to-another-gives-the-hosts-core-away", LOOP, "if switch(m, me, i, True) == i and m.nr_cpus > m.host_cores:",
           "if switch(m, me, i, True) >= 0 and m.nr_cpus > m.host_cores:", YIELDS),
    Mutant("yield-gives-a-core-of-its-own-away", LOOP, "if switch(m, me, i, True) == i and m.nr_cpus > m.host_cores:",
           "if switch(m, me, i, True) == i:", YIELDS),
    Mutant("other-task-with-old-translations", TLB, "    _empty(c)\n    c.tlb_task = task\n", "    c.tlb_task = task\n",
           "tests/machine/test_jobs.py tests/systems/test_placement.py"),
    Mutant("idle-cpu-is-waited-for", LOOP, "    deactivate_tlb(m, me)  # nobody need wait for a CPU that runs no guest\n", "", IDLE_TLB),
    Mutant("busy-cpu-is-not-waited-for", LOOP, "    activate_tlb(m, me)\n    if not clear_cpu", "    if not clear_cpu", IDLE_TLB),
    Mutant("idle-cpu-looks-once-for-ever", LOOP, "    c.looked = 0\n", "", IDLES),
    Mutant("idle-cpu-does-not-look", LOOP, "    if c.looked == 0 and work_for(m, me):\n", "    if m.failed != 0:\n", IDLES),
    Mutant("sample-is-what-follows-the-block", PROFILING, "    elif c.instructions > p.target:\n        p.step = STEP_NONE\n",
           "    elif c.instructions > p.target:\n        p.step = STEP_NONE\n        p.block = m.threads[i].pc\n", STEPS),
    Mutant("samples-keep-step-with-the-tick", PROFILING, "1 + random_below(m, me, JITTER)", "1", STEPS),
    Mutant("sample-of-a-block-that-another-ran", PROFILING, "        if _block_was_run(m, me):\n", "        if m.nr_cpus > 0:\n", SAMPLES),
    Mutant("sample-that-was-retired-before", PROFILING, "        while p.wanted + margin < c.instructions:", "        while p.wanted + margin < 0:", SAMPLES),
    Mutant("forked-task-executes-nothing", FORK, "    t.program = p.program\n", "",
           "tests/machine/test_profile.py::test_samples_belong_to_the_program_that_ran_then"),
]  # fmt: skip
