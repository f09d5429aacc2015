"""All mutants."""

from . import (
    containers,
    cpu_worker,
    events,
    files,
    kernel,
    machine,
    processes,
    program,
    queues,
    shm,
    sync,
    time,
    vm,
    wakeups,
)

MUTANTS = [
    *containers.MUTANTS, *cpu_worker.MUTANTS, *events.MUTANTS, *files.MUTANTS, *kernel.MUTANTS, *machine.MUTANTS,
    *processes.MUTANTS, *program.MUTANTS, *queues.MUTANTS, *shm.MUTANTS, *sync.MUTANTS, *time.MUTANTS, *vm.MUTANTS,
    *wakeups.MUTANTS,
]  # fmt: skip
