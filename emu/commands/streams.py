"""The command's own standard streams: what it prints may find no reader, a full disk, or a closed descriptor.

    with standard_streams():
        command()

A reader of standard output that leaves ends the command silently with 128 + SIGPIPE, as it ends other programs; an
output that cannot be written is one line and status 2.  Standard error carries messages only: when nobody takes
them the command goes on, and its status is what it would have been.
"""

import contextlib
import os
import sys

from emu.machine.standard import take_closed_standard_descriptors

BROKEN_PIPE, CANNOT_WRITE = 128 + 13, 2


class _Guarded:
    """A text stream whose failures end as the header says."""

    def __init__(self, stream, on_error):
        self._stream = stream
        self._on_error = on_error

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed(error)
            return len(text)

    def flush(self):
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error):
        """Nothing more is written; what is buffered goes nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        self._on_error(error)


def _output_failed(error):
    if isinstance(error, BrokenPipeError):
        sys.exit(BROKEN_PIPE)
    print(f"emu: standard output cannot be written: {error.strerror}", file=sys.stderr)
    sys.exit(CANNOT_WRITE)


@contextlib.contextmanager
def standard_streams():
    """Around a whole command."""
    take_closed_standard_descriptors()
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w") as nowhere:  # for those that were closed when Python started
        sys.stderr = _Guarded(sys.stderr or nowhere, lambda error: None)
        sys.stdout = _Guarded(sys.stdout or nowhere, _output_failed)
        try:
            yield
        finally:
            try:
                sys.stdout.flush()
            finally:
                sys.stderr.flush()
                sys.stdout, sys.stderr = before
