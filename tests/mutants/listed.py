"""All mutants."""

from . import (
    containers,
    cpu_worker,
    events,
    exploring,
    files,
    groups,
    ipc,
    kernel,
    l4,
    machine,
    messages,
    pools,
    processes,
    program,
    queues,
    shm,
    sync,
    time,
    translated,
    translator,
    upcalls,
    vm,
    wakeups,
    watching,
)

MUTANTS = [
    *containers.MUTANTS, *cpu_worker.MUTANTS, *events.MUTANTS, *exploring.MUTANTS,
    *files.MUTANTS, *groups.MUTANTS, *ipc.MUTANTS,
    *kernel.MUTANTS, *l4.MUTANTS, *machine.MUTANTS, *messages.MUTANTS, *pools.MUTANTS, *processes.MUTANTS,
    *program.MUTANTS, *queues.MUTANTS, *shm.MUTANTS, *sync.MUTANTS, *time.MUTANTS, *translated.MUTANTS,
    *translator.MUTANTS,
    *upcalls.MUTANTS, *vm.MUTANTS, *wakeups.MUTANTS, *watching.MUTANTS,
]  # fmt: skip
