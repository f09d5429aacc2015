"""All mutants."""

from . import cpu_worker, events, files, kernel, machine, messages, processes, queues, shm, sync, time, vm, wakeups

MUTANTS = [
    *cpu_worker.MUTANTS, *events.MUTANTS, *files.MUTANTS, *kernel.MUTANTS, *machine.MUTANTS, *messages.MUTANTS,
    *processes.MUTANTS, *queues.MUTANTS, *shm.MUTANTS, *sync.MUTANTS, *time.MUTANTS, *vm.MUTANTS, *wakeups.MUTANTS,
]  # fmt: skip
