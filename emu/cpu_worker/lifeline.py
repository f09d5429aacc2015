"""A child's tie to the supervisor: when the supervisor is gone, however it went, so is the child.

Two ties: the host's parent-death signal for the death of the forkserver, and a
thread that waits on the pipe whose other end only the supervisor holds.  The thread
works while hot code runs, since hot code does not hold the interpreter lock.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading

_PR_SET_PDEATHSIG = 1
ORPHANED = 3  # exit status of a child whose supervisor is gone


def tie_to_supervisor():
    """Call first thing in a child process. Ctrl-C is the supervisor's business alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    sentinel = multiprocessing.parent_process().sentinel

    def watch():
        multiprocessing.connection.wait([sentinel])
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
