"""The forkserver: a warm process that forks all others of a machine, so that they start in milliseconds.

The supervisor (machine/children.py) sends one message for each child, with its descriptors: a pipe with what to
execute, a pipe for the answer (process number, later exit status and what the host gave it), and those that are
arguments.  The children inherit what is imported and compiled here.  Python's own forkserver is not used: a program
has only one of those, which its own pools use too (their workers have to die of SIGTERM, emu's must not), and
everything that the program forks would hold emu's lifeline (actor/lifeline.py) open.

When it ends, all its children end (lifeline.py); it ends when the supervisor closes the socket, after them, or is gone.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback

from ..actor.lifeline import ORPHANED, end_with_parent, ignore_supervisors_signals, open_process, watch
from .host_process import host_times

WORD = struct.Struct("<q")  # of the answers
MAX_DESCRIPTORS = 64  # of one child
MAX_MESSAGE_BYTES = 1 << 16
_PR_SET_NAME = 15
received = []  # in a child: the descriptors that are its arguments


def main(control, lifeline):
    """Entry; the arguments are descriptors."""
    ignore_supervisors_signals()
    supervisor = os.getppid()
    ties = [lifeline, open_process(supervisor)]
    if os.getppid() != supervisor:
        os._exit(ORPHANED)
    ties = [tie for tie in ties if tie >= 0]
    control = socket.socket(fileno=control)
    sys.path[:], modules = pickle.loads(control.recv(MAX_MESSAGE_BYTES) or os._exit(ORPHANED))
    gc.disable()  # what is imported is kept
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # pages that the children share stay shared: the collector does not touch them
    gc.enable()
    _serve(control, ties)


def _serve(control, ties):
    news, news_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(news_w, warn_on_full_buffer=False)
    children = {}  # process -> where its exit status goes
    poll = select.poll()
    for descriptor in (control.fileno(), news, *ties):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if not ready.isdisjoint(ties):
            _end(children, ORPHANED)
        if news in ready:
            os.read(news, 1 << 16)
            _reap(children)
        if control.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, MAX_DESCRIPTORS)
            if not message:
                _end(children, 0)
            payload, answers, *passed = descriptors
            parent, pid = os.getpid(), os.fork()
            if pid == 0:
                for descriptor in (control.detach(), news, news_w, answers, *children.values()):
                    os.close(descriptor)
                _become(parent, ties, payload, passed)
            children[pid] = answers
            _tell(answers, pid)
            for descriptor in (payload, *passed):
                os.close(descriptor)


def _end(children, status):
    """Exit once all children have: who waits for this process may say then that nothing is left."""
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)
    os._exit(status)


def _reap(children):
    """Take the exit statuses of children that have ended and what the host gave them, and pass them on."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        times = host_times(ended.si_pid)  # the host forgets them when the status is taken
        pid, status = os.waitpid(ended.si_pid, 0)
        answers = children.pop(pid)
        _tell(answers, os.waitstatus_to_exitcode(status), times.cpu_ns, times.waited_ns, times.involuntary)
        os.close(answers)


def _tell(answers, *words):
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(answers, b"".join(map(WORD.pack, words)))


def _become(parent, ties, payload, passed):
    """In the new process: execute what it is for, and exit."""
    status = 1
    try:
        end_with_parent(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        watch(ties)
        received[:] = passed
        with open(payload, "rb") as file:
            name, folder, path = pickle.load(file)
            ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())
            sys.path[:] = path
            if folder is not None:
                os.chdir(folder)
            function, arguments = pickle.load(file)
        function(*arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
