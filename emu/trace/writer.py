"""Writing a trace file (file.py says what one looks like) so that it can be read after any crash."""

import contextlib
import os
import stat
import struct

import msgpack

from ..errors import TraceError

BIN_32 = struct.Struct(">BI")  # msgpack's head of a byte string: type, length


class TraceWriter:
    """A trace file that is being written. OSError when the host takes no more; what was written stays readable."""

    def __init__(self, path):
        try:
            if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode) and not _is_device(path):
                raise TraceError(f"trace file {path}: not a regular file")
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise TraceError(f"trace file {path}: cannot be written: {error.strerror}") from None
        self._whole_bytes = 0

    def write(self, frame):
        """Append a frame whole, or not at all."""
        self._append([memoryview(msgpack.packb(frame))])

    def write_round(self, cut_ns, failed, rings):
        """Append a round; rings: [(actor, first, lost, records as bytes)], which are not copied."""
        packer = msgpack.Packer(autoreset=False)
        packer.pack_map_header(3)
        for word in ("cut_ns", cut_ns, "failed", failed, "rings"):
            packer.pack(word)
        packer.pack_array_header(len(rings))
        pieces = []
        for actor, first, lost, records in rings:
            packer.pack_array_header(4)
            for word in (actor, first, lost):
                packer.pack(word)
            pieces += [memoryview(packer.bytes() + BIN_32.pack(0xC6, len(records))), memoryview(records)]
            packer.reset()
        self._append(pieces or [memoryview(packer.bytes())])

    def _append(self, pieces):
        size = sum(len(piece) for piece in pieces)
        try:
            while pieces:
                written = os.writev(self._descriptor, pieces)
                while pieces and written >= len(pieces[0]):
                    written -= len(pieces.pop(0))
                if pieces:
                    pieces[0] = pieces[0][written:]
        except OSError:
            with contextlib.suppress(OSError):  # a device has no end to cut off
                os.ftruncate(self._descriptor, self._whole_bytes)
                os.lseek(self._descriptor, 0, os.SEEK_END)
            raise
        self._whole_bytes += size

    @property
    def size(self):
        """Bytes written so far."""
        return self._whole_bytes

    def close(self):
        os.close(self._descriptor)


def _is_device(path):
    return stat.S_ISCHR(os.stat(path).st_mode)
