"""Starting the machine's processes from a forkserver that is warm already (machine/forkserver.py), and ending them.

Descriptors travel with a process's arguments.  Children run only emu's code and never import the user's main
module, so a script needs no `if __name__ == "__main__"` to use a Machine.  `top` shows each under its own name:
emu-cpu-0.

A process that the user's program forks is not the supervisor: it closes what it has inherited
(`os.register_at_fork`); should it use a Machine, it starts a forkserver of its own.
"""

import atexit
import contextlib
import importlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from ..actor.lifeline import SUPERVISORS, open_process
from ..errors import MachineFailed, refusals_of_the_host
from ..hot import cache
from . import forkserver
from .blas import ONE_BLAS_THREAD
from .host_process import HostTimes, host_times, look_at
from .standard import above_standard, take_closed_standard_descriptors

WORD = forkserver.WORD
PRELOAD = ["emu.machine.preloaded"]  # modules that the forkserver imports
END_S = 1.0  # how long a forkserver has to end when it is told to
_CODE = "import sys; sys.path.insert(0, {!r}); from emu.machine.forkserver import main; main({}, {})"


@contextlib.contextmanager
def started_ignoring():
    """Processes that are started in this block ignore the supervisor's signals from their first instruction on.

    The signals are blocked here, and so in the child, until the child has told the host to ignore them
    (ignore_supervisors_signals).  To ignore them here instead would lose those that come meanwhile.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SUPERVISORS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait_readable(descriptor, timeout_s):
    """Wait until a descriptor is readable, at most `timeout_s` (None: no limit); returns whether it is."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else max(0, timeout_s * 1000)))


class Descriptor:
    """A file descriptor as an argument of a child; there, `detach()` gives its number."""

    _passed = threading.local()  # .list: those of the child that is being started

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def __reduce__(self):
        self._passed.list.append(self._descriptor)
        return Received, (len(self._passed.list) - 1,)


class Received:
    """In a child: a descriptor that came with the arguments."""

    def __init__(self, index):
        self._descriptor = forkserver.received[index]

    def detach(self):
        return above_standard(self._descriptor)


class Child:
    """A process of the machine. `sentinel` is a descriptor that is readable once it has ended."""

    def __init__(self, name, answers):
        self.name, self.sentinel = name, answers
        self.exitcode = None  # as of multiprocessing: minus the signal; 255 when the forkserver died first
        self._times = HostTimes()  # at its end
        self._process = -1
        self.pid = self._read()
        if self.pid is None:
            raise MachineFailed("the forkserver died")
        self._process = open_process(self.pid)

    def _read(self):
        """The next word that the forkserver sends about this process; None when no more will come."""
        data = os.read(self.sentinel, WORD.size)
        return WORD.unpack(data)[0] if len(data) == WORD.size else None

    def is_alive(self):
        self.join(0)
        return self.exitcode is None

    def host_times(self):
        """The HostTimes so far, or up to its end."""
        if self.is_alive():
            times = host_times(self.pid)
            if look_at(self.pid).state:  # it is still in the host's table, so the times read were its own
                return times
            self.join(END_S)  # its answer is on its way
        return self._times

    def join(self, timeout_s=None):
        """Wait for its end; None: without limit."""
        if self.exitcode is None and _wait_readable(self.sentinel, timeout_s):
            status = self._read()
            if status is None and self._process >= 0:  # no forkserver any more: the host kills its children
                _wait_readable(self._process, END_S)
            if status is not None:
                self._times = HostTimes(*(self._read() or 0 for _ in range(3)))
            self.exitcode = 255 if status is None else status
            self.close()

    def kill(self):
        if self.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                if self._process >= 0:
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)
                else:
                    os.kill(self.pid, signal.SIGKILL)

    def close(self):
        """Forget it: give the descriptors back."""
        for descriptor in (self.sentinel, self._process):
            if descriptor >= 0:
                os.close(descriptor)
        self.sentinel = self._process = -1

    def __del__(self):
        self.close()


class _Forkserver:
    """The supervisor's end of a forkserver."""

    def __init__(self):
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lifeline, self._lifeline = os.pipe2(os.O_CLOEXEC)
        code = _CODE.format(str(cache.SOURCE_ROOT.parent), control.fileno(), lifeline)
        flags = subprocess._args_from_interpreter_flags()
        try:
            with started_ignoring():
                self._process = subprocess.Popen(
                    [sys.executable, *flags, "-P", "-c", code], stdin=subprocess.DEVNULL,
                    env=dict([ONE_BLAS_THREAD], **os.environ), pass_fds=(control.fileno(), lifeline),
                )  # fmt: skip
            self._control.send(pickle.dumps((sys.path, PRELOAD)))
        except BaseException:
            self.forget()
            raise
        finally:
            control.close()
            os.close(lifeline)
        self.sentinel = open_process(self._process.pid)

    def is_alive(self):
        return self._process.poll() is None

    def start(self, name, function, arguments):
        Descriptor._passed.list = passed = []
        try:
            folder = os.getcwd()
        except OSError:  # it was removed
            folder = None
        payload = pickle.dumps((name, folder, sys.path)) + pickle.dumps((function, arguments))
        payload_r, payload_w = os.pipe2(os.O_CLOEXEC)
        answers, answers_w = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                socket.send_fds(self._control, [b"+"], [payload_r, answers_w, *passed])
            finally:
                os.close(payload_r)
                os.close(answers_w)
            with open(payload_w, "wb", closefd=False) as file:
                file.write(payload)
        except OSError as error:
            os.close(answers)
            raise MachineFailed(f"the forkserver does not take orders: {error.strerror}") from None
        except BaseException:
            os.close(answers)
            raise
        finally:
            os.close(payload_w)
        return Child(name, answers)

    def end(self):
        """Tell it to end, with all its children, and wait until it has."""
        self.forget()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:  # it is still importing
            self._process.kill()
            self._process.wait()

    def forget(self):
        """Close everything, in a forked child, where the forkserver is the parent's."""
        self._control.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
        self._lifeline = -1
        if getattr(self, "sentinel", -1) >= 0:
            os.close(self.sentinel)
            self.sentinel = -1


_lock = threading.Lock()
_forkserver = None


def start_forkserver():
    """Begin to warm the forkserver, where there is none; it goes on by itself while the caller does other things."""
    global _forkserver
    take_closed_standard_descriptors()
    with _lock:
        if _forkserver is not None and not _forkserver.is_alive():
            _forkserver.forget()
            _forkserver = None
        if _forkserver is None:
            with refusals_of_the_host():
                _forkserver = _Forkserver()
        return _forkserver


def forkserver_is_alive():
    return _forkserver is not None and _forkserver.is_alive()


def forkserver_died(within_s):
    """Whether the forkserver dies within a time, or has died: its children die a moment before it is seen as dead."""
    end = time.monotonic() + within_s
    while forkserver_is_alive():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def end_all(processes, patience_s=0.0):
    """Wait for a dictionary of children to end, in all this long, then kill the others; empties it."""
    end = time.monotonic() + patience_s
    for process in processes.values():
        process.join(max(0.0, end - time.monotonic()))
        process.kill()
    for process in processes.values():
        process.join()
    processes.clear()


def start(name, module, *arguments):
    """Start a child process of the machine: `main` of a module, which need not be imported here."""
    return start_function(name, _main_of, module, *arguments)


def _main_of(module, *arguments):
    take_closed_standard_descriptors()
    importlib.import_module(module).main(*arguments)


def start_function(name, function, *arguments):
    """Start a child process that runs a function of a module; a Child."""
    server = start_forkserver()
    with _lock:
        return server.start(name, function, arguments)


@atexit.register
def _end():
    global _forkserver
    if _forkserver is not None:
        _forkserver.end()
        _forkserver = None


def _in_forked_child():
    """The forkserver is the parent's: without this, it would live as long as this process."""
    global _forkserver, _lock
    _lock = threading.Lock()
    if _forkserver is not None:
        _forkserver.forget()
        _forkserver._process.returncode = 0  # Popen: it is not ours to wait for
        _forkserver = None


os.register_at_fork(after_in_child=_in_forked_child)
