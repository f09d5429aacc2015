"""All mutants."""

from . import cpu_worker, kernel, machine, shm, time, wakeups

MUTANTS = [*cpu_worker.MUTANTS, *kernel.MUTANTS, *machine.MUTANTS, *shm.MUTANTS, *time.MUTANTS, *wakeups.MUTANTS]
