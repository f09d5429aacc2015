"""Faults in emu/kernel."""
# ruff: noqa: E501  (texts as they stand)

from .cpu_worker import BLOCKING, WAKING
from .mutant import Mutant

IPI, SCHED, WAIT = "emu/kernel/ipi.py", "emu/kernel/sched.py", "emu/kernel/wait.py"

MUTANTS = [
    Mutant("mark-parked-no-fence", IPI, 'exchange(m.cpus[me], "parked", PARKED)',
           'm.cpus[me].parked = PARKED', f"{WAKING}[parker-sender]"),
    Mutant("announce-no-fence", SCHED, "fence()  # RUNNABLE before", "# RUNNABLE before", f"{WAKING}[idler-waker]"),
    Mutant("prepare-sleep-no-fence", WAIT, 'exchange(t, "sleep", word)  # before the event',
           'store_relaxed(t, "sleep", word)  # before the event', f"{BLOCKING}[signal]"),
    Mutant("send-ipi-looks-first", IPI,
           '    fetch_or(t, "pending", vector)  # pairs with the exchange of `parked` in begin_park\n    if load_seq_cst(t, "parked") == PARKED and',
           '    parked = load_seq_cst(t, "parked")\n    fetch_or(t, "pending", vector)\n    if parked == PARKED and',
           f"{WAKING}[parker-sender]"),
]  # fmt: skip
