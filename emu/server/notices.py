"""Lines of the system server for the person: traps of guests, mishaps.

The server never waits for a reader.  A line that the descriptor does not take now is kept, LIMIT_BYTES of them
altogether; what comes on top of that is dropped and counted.  `flush` is called when the descriptor may be ready.
"""

import contextlib

LIMIT_BYTES = 1 << 16


class Notices:
    """Writes to a StreamNode; to None, where the person has closed the stream, nothing is written."""

    def __init__(self, stream):
        self._stream = stream
        self._waiting = bytearray()
        self._dropped = 0

    def say(self, line):
        data = line.encode(errors="replace") + b"\n"
        if self._stream is None:
            return
        if len(self._waiting) + len(data) > LIMIT_BYTES:
            self._dropped += 1
            return
        self._waiting += data
        self.flush()

    def flush(self):
        """Write what the reader takes now; True when nothing is left."""
        if self._waiting:
            with contextlib.suppress(BlockingIOError):
                try:
                    while self._waiting:
                        del self._waiting[: self._stream.write_some(self._waiting)]
                    if self._dropped:
                        dropped, self._dropped = self._dropped, 0
                        self.say(f"emu: {dropped} lines were dropped: nobody read them")
                except BlockingIOError:
                    raise
                except OSError:
                    self._waiting.clear()  # the reader is gone
        return not self._waiting
