"""Faults in emu/cpu_worker."""
# ruff: noqa: E501  (texts as they stand)

from .kernel import BLOCKING, WAKING
from .mutant import Mutant

LOOP = "emu/cpu_worker/loop.py"

MUTANTS = [
    Mutant("system-call-no-look-for-signals", LOOP,
           "if is_ending(m, t.task) or signal_waits(m, t):\n            interrupt_sleep",
           "if is_ending(m, t.task):\n            interrupt_sleep", f"{BLOCKING}[signal]"),
    Mutant("system-call-no-look-for-kill", LOOP,
           "if is_ending(m, t.task) or signal_waits(m, t):\n            interrupt_sleep",
           "if signal_waits(m, t):\n            interrupt_sleep", f"{BLOCKING}[kill]"),
    Mutant("system-call-no-look-for-suspend", LOOP,
           'elif load_seq_cst(t, "suspend") != 0:\n            interrupt_sleep(m, me, i)',
           "elif m.failed != 0:\n            interrupt_sleep(m, me, i)", f"{BLOCKING}[suspend]"),
    Mutant("park-no-second-look", LOOP, "if found < 0:\n        c.parks", "if True:\n        c.parks",
           f"{WAKING}[parker-sender]"),
    Mutant("park-looks-before-it-marks", LOOP, "    mark_parked(m, me)\n    found = _found(m, me)\n",
           "    found = _found(m, me)\n    mark_parked(m, me)\n", f"{WAKING}[parker-sender]"),
    Mutant("park-cancelled-without-swap", LOOP, "return found if cancel_park(m, me) or found == EXITED else PARK",
           "cancel_park(m, me)\n    return found",
           "tests/litmus/test_waking.py::test_messages_sent_are_messages_consumed"),
]  # fmt: skip
