"""A paused machine executes nothing (kernel/pausing.py), wherever its CPUs are when it is paused."""

from emu.testing.crew import CONTROL_S

MODULE = "tests.litmus.pausing"


def run_rounds(crew, workers, pauser, cpu, rounds, bound_s, least=0):
    run = crew(workers)

    def enough():
        return min(run.results()) >= least

    run.run(MODULE, [(pauser, (rounds,))] + [(cpu, (rounds,))] * (workers - 1), bound_s=bound_s, enough=enough)
    return run


def test_no_instruction_is_executed_between_pause_and_go_on(crew, workers):
    run = run_rounds(crew, workers, "pauser", "cpu", 20_000, bound_s=3.0, least=50)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_a_pauser_that_does_not_wait_for_the_cpus_sees_them_execute(crew):
    assert run_rounds(crew, 2, "bad_pauser", "cpu", 100_000_000, bound_s=CONTROL_S).violations > 0


def test_control_a_cpu_without_a_fence_before_its_look_executes_in_a_pause(crew):
    assert run_rounds(crew, 2, "pauser", "bad_cpu", 100_000_000, bound_s=CONTROL_S).violations > 0


def test_who_is_told_that_a_cpu_stands_finds_that_it_does_and_no_interrupt_is_slept_through(crew):
    run = run_rounds(crew, 2, "sleeper", "parker", 20_000, bound_s=3.0, least=50)
    assert run.violations == 0 and run.machine["failed"] == 0


def test_control_a_cpu_that_says_so_before_it_stands_lets_the_pauser_sleep(crew):
    assert run_rounds(crew, 2, "sleeper", "bad_parker", 100_000_000, bound_s=CONTROL_S).violations > 0
