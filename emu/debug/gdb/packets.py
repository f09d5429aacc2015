"""Packets of gdb's remote serial protocol as bytes: `$` data `#` checksum, acknowledged by `+` until gdb asks not to.

`Packets.feed` takes what has come from the client, in whatever pieces, and gives what is complete.  Nothing that a
client sends makes it keep more than MAX_BYTES, or raise anything but ProtocolError.
"""

PACKET_BYTES = 0x4000  # the longest packet that this side takes, as gdb is told
MAX_BYTES = 4 * PACKET_BYTES  # of a packet that has not ended
MAX_REFUSED = 16  # packets in a row whose checksum is wrong
INTERRUPT = object()  # Ctrl-C: a byte outside of packets
_ESCAPE, _ESCAPED = 0x7D, b"#$}*"


class ProtocolError(Exception):
    """The client does not speak the protocol; the message says what came."""


def escape(data):
    """Binary data as it stands in a packet."""
    return b"".join(bytes([_ESCAPE, byte ^ 0x20]) if byte in _ESCAPED else bytes([byte]) for byte in data)


def unescape(data):
    found, escaped = bytearray(), False
    for byte in data:
        if byte == _ESCAPE and not escaped:
            escaped = True
        else:
            found.append(byte ^ 0x20 if escaped else byte)
            escaped = False
    return bytes(found)


def packet(data):
    """A packet of data that is escaped where it has to be."""
    return b"$%b#%02x" % (data, sum(data) & 0xFF)


class Packets:
    """What has come in. `answers` is what has to be sent back at once."""

    def __init__(self):
        self.acknowledges = True
        self.answers = b""
        self.last = b""  # the last packet sent, which the client may ask for again
        self._kept = b""
        self._refused = 0

    def feed(self, data):
        """The packets (bytes) and INTERRUPTs that `data` completes."""
        self._kept += data
        found = []
        while self._kept:
            first = self._kept[:1]
            if first == b"\x03":
                found.append(INTERRUPT)
                self._kept = self._kept[1:]
            elif first in b"+-":
                if first == b"-":
                    self.answers += self.last
                self._kept = self._kept[1:]
            elif first != b"$":
                raise ProtocolError(f"byte {first[0]:#04x} outside of a packet")
            elif (end := self._kept.find(b"#")) < 0 or len(self._kept) < end + 3:
                if len(self._kept) > MAX_BYTES:
                    raise ProtocolError(f"a packet of more than {MAX_BYTES} bytes")
                break
            else:
                self._take(self._kept[1:end], self._kept[end + 1 : end + 3], found)
                self._kept = self._kept[end + 3 :]
        return found

    def _take(self, data, checksum, found):
        if self.acknowledges and checksum.lower() != b"%02x" % (sum(data) & 0xFF):
            self.answers += b"-"
            self._refused += 1
            if self._refused > MAX_REFUSED:
                raise ProtocolError(f"{MAX_REFUSED} packets in a row with a wrong checksum")
            return
        self._refused = 0
        if self.acknowledges:
            self.answers += b"+"
        found.append(data)
