"""What ties a machine's processes to the supervisor: when it has ended, however it ended, they end too.

There are three ties.  Each is enough by itself, but fails in some case in which another holds:

* a pipe whose writing end only the supervisor holds.  A child that C code forks from the supervisor
  holds it too (Python's children close it, machine/children.py), and keeps it open;
* a pidfd of the supervisor, readable once it has ended.  Hosts before Linux 5.3 have none;
* the host's parent-death signal, by which the forkserver's end is its children's (not the forkserver's own
  tie: the host sends it when the *thread* that started a process ends).

A child watches pipe and pidfd from a thread, which works while hot code runs, since that does not hold
the interpreter lock; the forkserver has them in its loop.

SIGINT, SIGTERM and SIGHUP are the supervisor's business alone.  Its children ignore them, and stay in its process
group: Ctrl-C, `timeout` and a closed terminal signal the whole group, and a child that died of it would be taken
for a failure; Ctrl-Z and `fg`, which nobody handles, then stop and continue all of them.
"""

import contextlib
import ctypes
import os
import select
import signal
import threading

SUPERVISORS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ORPHANED = 3  # exit status of a child whose supervisor is gone
_PR_SET_PDEATHSIG = 1


def ignore_supervisors_signals():
    """Called first in a process that is started with these signals blocked (machine/children.py): none gets through."""
    for number in SUPERVISORS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SUPERVISORS)


def open_process(pid):
    """A descriptor that is readable once a process has ended; -1 where the host has none, or it is gone."""
    with contextlib.suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return -1


def end_with_parent(parent):
    """Have the host kill this process when its parent, whose pid is given, ends. Exits if that has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(ORPHANED)


def watch(descriptors):
    """Exit as soon as one of these says that the supervisor is gone."""

    def wait():
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        poll.poll()
        os._exit(ORPHANED)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
