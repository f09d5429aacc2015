"""All mutants."""

from . import cpu_worker, kernel, machine, queues, shm, time, vm, wakeups

MUTANTS = [
    *cpu_worker.MUTANTS, *kernel.MUTANTS, *machine.MUTANTS, *queues.MUTANTS, *shm.MUTANTS, *time.MUTANTS,
    *vm.MUTANTS, *wakeups.MUTANTS,
]  # fmt: skip
