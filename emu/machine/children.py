"""Starting the machine's processes from a forkserver that is warm already.

Descriptors travel with a process's arguments.  The user's main module is hidden
while a process starts: children run only emu's code, so a script needs no
`if __name__ == "__main__"` to use a Machine.  `top` shows each under its own name: emu-cpu-0.
"""

import contextlib
import ctypes
import importlib
import multiprocessing
import signal
import sys
import threading
import types
from multiprocessing import forkserver, reduction

from .standard import above_standard, take_closed_standard_descriptors

context = multiprocessing.get_context("forkserver")
_HELD = (signal.SIGINT, signal.SIGTERM)
_PR_SET_NAME = 15
PRELOAD = ["emu.cpu_worker.preloaded"]  # modules that the forkserver imports


class Descriptor:
    """A file descriptor as an argument of a child; there, `detach()` gives its number."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def __getstate__(self):
        return reduction.DupFd(self._descriptor)

    def __setstate__(self, duplicate):
        self._duplicate = duplicate

    def detach(self):
        return above_standard(self._duplicate.detach())


@contextlib.contextmanager
def _main_hidden():
    real = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = real


@contextlib.contextmanager
def uninterrupted():
    """Hold back Ctrl-C and SIGTERM (in the main thread) until the block is done.

    By handlers, not by the signal mask: a library's thread may take the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived = []
    previous = {n: signal.signal(n, lambda *arguments: arrived.append(arguments)) for n in _HELD}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    for number, frame in arrived:
        if callable(previous[number]):
            previous[number](number, frame)


def start_forkserver():
    """Begin to warm the forkserver; it goes on by itself while the caller does other things."""
    take_closed_standard_descriptors()
    forkserver.set_forkserver_preload(PRELOAD)
    if threading.current_thread() is not threading.main_thread():
        forkserver.ensure_running()
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is not its business
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, previous)


def start(name, module, *arguments):
    """Start a child process of the machine: `main` of a module, which need not be imported here."""
    return start_function(name, _main_of, module, *arguments)


def _main_of(module, *arguments):
    take_closed_standard_descriptors()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, multiprocessing.current_process().name.encode())
    importlib.import_module(module).main(*arguments)


def start_function(name, target, *arguments):
    """Start a child process that runs a function."""
    process = context.Process(target=target, args=arguments, name=name, daemon=True)
    with _main_hidden():
        process.start()
    return process
