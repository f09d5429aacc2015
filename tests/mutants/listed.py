"""All mutants."""

from . import cpu_worker, files, kernel, machine, processes, queues, shm, sync, time, vm, wakeups

MUTANTS = [
    *cpu_worker.MUTANTS, *files.MUTANTS, *kernel.MUTANTS, *machine.MUTANTS, *processes.MUTANTS, *queues.MUTANTS,
    *shm.MUTANTS, *sync.MUTANTS, *time.MUTANTS, *vm.MUTANTS, *wakeups.MUTANTS,
]  # fmt: skip
