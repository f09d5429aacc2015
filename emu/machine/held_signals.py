"""Signals of the user's process are held back while a machine is at work, and let go where nothing is half done.

Python runs a signal's handler between any two instructions, and most handlers raise (Ctrl-C: KeyboardInterrupt),
perhaps between the sending of a message and the note that it was sent.  So during every call of a machine, signals that
have a handler in Python only note their arrival and make a descriptor readable; `let_go`, called where the machine
waits and at the end, runs the handlers.  A handler with the attribute `raises_nothing` is left alone.  A signal whose
default is to end the process still does, and then everything ends with it (actor/lifeline.py).

The signal mask would not do: another thread, a library's, may take the signal.
"""

import contextlib
import os
import signal
import threading

HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2)


class HeldSignals:
    """A context manager, reentrant. `poke` may be called from anywhere. Only the main thread holds any."""

    def __init__(self):
        self._depth = 0
        self._arrived = []
        self._handlers = {}
        self.descriptor, self._poked = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            if self._depth == 0:
                self._hold()
            self._depth += 1
        return self

    def __exit__(self, *exception):
        if threading.current_thread() is threading.main_thread():
            self._depth -= 1
            if self._depth == 0:
                self._restore()
                self._run_handlers(signal.getsignal)

    def _hold(self):
        try:
            for number in HELD:
                handler = signal.getsignal(number)
                if callable(handler) and not getattr(handler, "raises_nothing", False):
                    self._handlers[number] = handler  # first: from the next line on it may be called
                    signal.signal(number, self._note)
        except BaseException:  # a handler that was still in place
            self._restore()
            raise

    def _restore(self):
        try:
            while self._handlers:
                signal.signal(*self._handlers.popitem())
        finally:
            if self._handlers:  # one that was in place again has raised
                self._restore()

    def _note(self, number, frame):
        if all(number != noted for noted, _ in self._arrived):  # like the host, keep one of each kind
            self._arrived.append((number, frame))
        self.poke()

    def poke(self):
        """Make `descriptor` readable until the next `let_go`."""
        with contextlib.suppress(OSError):  # full: it is readable; or closed
            os.write(self._poked, b"!")

    def let_go(self):
        """Run the handlers of what has arrived; called where an exception does no harm."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 1 << 12)
        if threading.current_thread() is threading.main_thread():
            self._run_handlers(self._handlers.get)

    def _run_handlers(self, handler_of):
        while self._arrived:
            number, frame = self._arrived.pop(0)
            if callable(handler := handler_of(number)):
                handler(number, frame)

    def close(self):
        for descriptor in (self.descriptor, self._poked):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self._poked = -1


@contextlib.contextmanager
def held_signals():
    """Hold signals back during a block that waits for nothing."""
    signals = HeldSignals()
    try:
        with signals:
            yield
    finally:
        signals.close()
