"""The timekeeper as a host process: it runs hot turns (kernel/timekeeper.py), sends messages and sleeps.

If it dies, the machine fails with a message that names it.  It wakes `keeper_spin_ns` before the next deadline, and
the hot half polls for the rest, because the host wakes a process late, never early.  The host's timer slack would
make that later still, so it is set to the least.
"""

import ctypes
import gc
import traceback

from ..kernel.failures import FAIL_CRASH
from ..kernel.ipi import end_park, owed, post
from ..kernel.sleep.heap import NEVER
from ..kernel.timekeeper import PARK, STOPPED, keep
from ..limits import IPI_STOP, SUPERVISOR, TIMEKEEPER
from ..shm.segment import Window
from .mail import Mail
from .prepare import prepare_actor

_PR_SET_TIMERSLACK = 29


def main(config, descriptors):
    """Entry of the timekeeper's process."""
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    mail = Mail(config["directory"], TIMEKEEPER, window.machine)
    try:
        prepare_actor(window, TIMEKEEPER, config["policy"])
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
        gc.freeze()
        _serve(window, mail)
    except Exception:
        traceback.print_exc()
        window.machine["failed_value"] = TIMEKEEPER
        window.machine["failed"] = FAIL_CRASH
        mail.wake(post(window.address, TIMEKEEPER, SUPERVISOR, IPI_STOP))
    finally:
        mail.close()


def _serve(window, mail):
    base = window.address
    while (doing := keep(base, TIMEKEEPER)) != STOPPED:
        mail.wake(owed(base, TIMEKEEPER))
        if doing == PARK:
            deadline_ns = int(window.machine["sleeps_until_ns"])
            spin_ns = int(window.machine["keeper_spin_ns"])
            consumed = mail.sleep(0 if deadline_ns >= NEVER else deadline_ns - spin_ns)
            if end_park(base, TIMEKEEPER, int(consumed)):
                mail.sleep()
                end_park(base, TIMEKEEPER, 1)
