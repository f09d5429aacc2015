"""All mutants."""

from . import cpu_worker, kernel

MUTANTS = [*cpu_worker.MUTANTS, *kernel.MUTANTS]
