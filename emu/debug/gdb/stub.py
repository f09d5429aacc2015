"""What each packet of gdb's means (gdb manual, appendix E), for one Target: `Stub.execute` gives the answer.

gdb runs in all-stop mode: while the task goes on it sends nothing but Ctrl-C, and once a thread has stopped all have.
Of threads that have stopped at the same time one is told; the others come to their breakpoint again when they go on,
and what cannot happen twice (the end of a step, an access to what is watched) is told at the next `continue`.

A packet that is malformed gets an error (E01), one that is not known an empty answer, as the protocol has it.
"""

import re
from xml.sax.saxutils import quoteattr

from ...kernel.task.debugging import WATCH_READ, WATCH_WRITE
from . import registers
from .packets import PACKET_BYTES, escape, unescape
from .signals import to_gdb, to_linux
from .target import Action, Kind

OK, UNKNOWN = b"OK", b""
MALFORMED, FAULT = b"E01", b"E0e"
ALL, ANY = -1, 0  # thread ids that name no thread
WATCHES = {2: WATCH_WRITE, 3: WATCH_READ, 4: WATCH_READ | WATCH_WRITE}
WATCH_WORDS = {WATCH_WRITE: b"watch", WATCH_READ: b"rwatch", WATCH_READ | WATCH_WRITE: b"awatch"}
AT_NULL = 0
AUXV_BYTES = 1024
NOTHING = object()  # no answer yet: it is the next stop, or the end

FEATURES = (
    f"PacketSize={PACKET_BYTES:x};QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;QPassSignals+;"
    "qXfer:features:read+;qXfer:threads:read+;qXfer:auxv:read+;qXfer:exec-file:read+"
).encode()


class Stub:
    """The state of one session. `goes_on`: the task runs. `leaves`: set once the client wants to be left alone."""

    def __init__(self, target):
        self.target = target
        self.goes_on = self.leaves = False
        self.acknowledges = True
        self._swbreak = False
        self._general = self._continuing = ANY  # threads chosen by H
        self._told = target.threads()[:1][0]  # the thread of the last stop
        self._last_stop = b"T05thread:%x;" % self._told
        self._auxv = self._read_auxv()
        self._transfers = {}  # object -> its bytes, while it is read piece by piece

    # --- stops ------------------------------------------------------------------------------

    def tell(self, stop):
        """The packet that tells a Stop."""
        self.target.take_told(stop.tid)
        return self._stopped(stop.tid, to_gdb(stop.signal), self._reason(stop))

    def tell_interrupt(self):
        """The packet after Ctrl-C."""
        threads = self.target.threads()
        return self._stopped(self._told if self._told in threads else threads[0], to_gdb(2), b"")

    def tell_end(self):
        """The packet that ends a session whose task has ended."""
        status = self.target.wait_status
        return b"X%02x" % to_gdb(status & 0x7F) if status & 0x7F else b"W%02x" % (status >> 8 & 0xFF)

    def _reason(self, stop):
        if stop.kind == Kind.WATCH:
            kinds = next((k for a, _, k in self.target.watchpoints if a == stop.address), WATCH_WRITE)
            return b"%b:%x;" % (WATCH_WORDS[kinds], stop.address)
        return b"swbreak:;" if stop.kind == Kind.BREAK and self._swbreak else b""

    def _stopped(self, thread, signal, reason):
        self.goes_on = False
        self._transfers = {}
        self._told = self._general = thread
        record = self.target.record(thread)
        known = b"".join(
            b"%02x:%b;" % (n, registers.read(record, n).to_bytes(8, "little").hex().encode())
            for n in (registers.PC, registers.SP, registers.FP)
        )
        self._last_stop = b"T%02x%bthread:%x;%b" % (signal, reason, thread, known)
        return self._last_stop

    # --- packets ------------------------------------------------------------------------------

    def execute(self, data):
        """The answer to a packet, or NOTHING."""
        try:
            return self._execute(data)
        except (ValueError, KeyError, IndexError, OverflowError):  # numbers that are none, threads that have left
            return MALFORMED

    def _execute(self, data):
        first, rest = data[:1].decode("latin-1"), data[1:]
        handler = getattr(self, f"_packet_{first}", None) if first.isalpha() else None
        if first == "?":
            return self._last_stop
        if first == "!" or handler is None:
            return UNKNOWN
        return handler(rest)

    def _packet_g(self, rest):
        return registers.read_all(self._record()).hex().encode()

    def _packet_G(self, rest):
        data = bytes.fromhex(rest.decode("latin-1"))
        for number in range(registers.COUNT):
            size = registers.size_of(number)
            value, data = data[:size], data[size:]
            if len(value) < size:
                return MALFORMED
            self._write(number, int.from_bytes(value, "little"))
        return OK

    def _packet_p(self, rest):
        number = int(rest, 16)
        if not 0 <= number < registers.COUNT:
            return MALFORMED
        return registers.read(self._record(), number).to_bytes(registers.size_of(number), "little").hex().encode()

    def _packet_P(self, rest):
        number, _, value = rest.partition(b"=")
        number, value = int(number, 16), bytes.fromhex(value.decode("latin-1"))
        if not 0 <= number < registers.COUNT or len(value) != registers.size_of(number):
            return MALFORMED
        self._write(number, int.from_bytes(value, "little"))
        return OK

    def _packet_m(self, rest):
        address, count = self._range(rest)
        data = self.target.peek(address, min(count, PACKET_BYTES // 2 - 8))
        return data.hex().encode() if data or count == 0 else FAULT

    def _packet_M(self, rest):
        where, _, data = rest.partition(b":")
        return self._store(where, bytes.fromhex(data.decode("latin-1")))

    def _packet_X(self, rest):
        where, _, data = rest.partition(b":")
        return self._store(where, unescape(data))

    def _store(self, where, data):
        address, count = self._range(where)
        if count != len(data):
            return MALFORMED
        return OK if not data or self.target.poke(address, data) else FAULT

    def _packet_Z(self, rest):
        kind, address, size = self._point(rest)
        if kind in (0, 1):
            return OK if self.target.add_breakpoint(address) else FAULT
        if kind in WATCHES:
            return OK if self.target.add_watchpoint(address, size, WATCHES[kind]) else FAULT
        return UNKNOWN

    def _packet_z(self, rest):
        kind, address, size = self._point(rest)
        if kind in (0, 1):
            self.target.remove_breakpoint(address)
        elif kind in WATCHES:
            self.target.remove_watchpoint(address, size, WATCHES[kind])
        else:
            return UNKNOWN
        return OK

    def _packet_H(self, rest):
        thread = self._thread_id(rest[1:])
        if thread not in (ALL, ANY):
            self.target.record(thread)
        if rest[:1] == b"g":
            self._general = thread
        else:
            self._continuing = thread
        return OK

    def _packet_T(self, rest):
        self.target.record(self._thread_id(rest))
        return OK

    def _packet_c(self, rest):
        return self._resume_chosen(rest, 0, False)

    def _packet_s(self, rest):
        return self._resume_chosen(rest, 0, True)

    def _packet_C(self, rest):
        signal, _, address = rest.partition(b";")
        return self._resume_chosen(address, int(signal, 16), False)

    def _packet_S(self, rest):
        signal, _, address = rest.partition(b";")
        return self._resume_chosen(address, int(signal, 16), True)

    def _packet_D(self, rest):
        self.leaves = True
        return OK

    def _packet_k(self, rest):
        self.target.kill()
        self.leaves = True
        return NOTHING

    def _packet_v(self, rest):
        if rest == b"Cont?":
            return b"vCont;c;C;s;S;t;r"
        if rest.startswith(b"Cont;"):
            return self._resume([self._action(text) for text in rest[5:].split(b";")])
        if rest.startswith(b"Kill"):
            self._packet_k(rest)
            return OK
        return UNKNOWN

    # --- q and Q --------------------------------------------------------------------------------

    def _packet_q(self, rest):
        name, _, arguments = rest.partition(b":")
        if name == b"Supported":
            self._swbreak = b"swbreak+" in arguments.split(b";")
            return FEATURES
        if name == b"Xfer":
            return self._transfer(*self._parts(arguments, 4))
        if name == b"C":
            return b"QC%x" % self._told
        if name == b"fThreadInfo":
            return b"m" + b",".join(b"%x" % number for number in self.target.threads())
        if name == b"sThreadInfo":
            return b"l"
        if name.startswith(b"ThreadExtraInfo"):
            cpu, title, doing = self.target.describe(self._thread_id(rest.partition(b",")[2]))
            return self._text(title, doing, cpu).encode().hex().encode()
        return {b"Attached": b"0", b"Symbol": OK}.get(name, UNKNOWN)

    def _packet_Q(self, rest):
        name, _, arguments = rest.partition(b":")
        if name == b"StartNoAckMode":
            self.acknowledges = False
            return OK
        if name == b"PassSignals":
            numbers = [to_linux(int(text, 16)) for text in filter(None, arguments.split(b";"))]
            self.target.pass_signals(number for number in numbers if 0 < number <= 64)
            return OK
        return UNKNOWN

    def _transfer(self, what, verb, annex, span):
        if verb != b"read":
            return UNKNOWN
        offset, count = (int(text, 16) for text in span.split(b","))
        if offset == 0 or what not in self._transfers:
            data = self._object(what, annex)
            if data is None:
                return UNKNOWN if what not in (b"features",) else b"E00"
            self._transfers[what] = data
        data = self._transfers[what]
        piece = data[offset : offset + min(count, PACKET_BYTES // 2)]
        return (b"l" if offset + len(piece) >= len(data) else b"m") + escape(piece)

    def _object(self, what, annex):
        if what == b"features":
            return registers.DESCRIPTION if annex == b"target.xml" else None
        if what == b"threads":
            return self._threads()
        if what == b"auxv":
            return self._auxv
        if what == b"exec-file":
            return (self.target.program or "").encode(errors="surrogateescape")
        return None

    def _threads(self):
        lines = ['<?xml version="1.0"?>', "<threads>"]
        for number in self.target.threads():
            cpu, title, doing = self.target.describe(number)
            core = f' core="{cpu}"' if cpu >= 0 else ""
            name = quoteattr(title.encode("ascii", "replace").decode())
            lines.append(f'<thread id="{number:x}"{core} name={name}>{doing}</thread>')
        return "\n".join([*lines, "</threads>"]).encode()

    def _text(self, title, doing, cpu):
        return f"{title}: {doing}" + (f", CPU {cpu}" if cpu >= 0 else "")

    def _read_auxv(self):
        """The auxiliary vector, which lies above the arguments and the environment when a program begins."""
        sp = registers.read(self.target.record(self._told), registers.SP)
        words = self.target.peek(sp, AUXV_BYTES * 8)
        words = [int.from_bytes(words[k : k + 8], "little") for k in range(0, len(words) - 7, 8)]
        try:
            at = words.index(0, words[0] + 1)  # behind the arguments
            at = words.index(0, at + 1) + 1  # behind the environment
            end = next(k for k in range(at, len(words) - 1, 2) if words[k] == AT_NULL) + 2
        except (ValueError, IndexError, StopIteration):
            return b""
        return b"".join(word.to_bytes(8, "little") for word in words[at:end])

    # --- going on ---------------------------------------------------------------------------------

    def _action(self, text):
        """(thread id, Action) of one action of vCont; None to leave the thread alone."""
        text, _, thread = text.partition(b":")
        verb, argument = text[:1], text[1:]
        thread = self._thread_id(thread) if thread else ALL
        if verb in b"cs" and len(verb) == 1:
            return thread, Action(steps=verb == b"s")
        if verb in b"CS" and len(verb) == 1:
            return thread, Action(to_linux(int(argument, 16)), steps=verb == b"S")
        if verb == b"r":
            low, high = (int(part, 16) for part in argument.split(b","))
            return thread, Action(steps=True, low=low, high=high)
        if verb == b"t":
            return thread, None
        raise ValueError(verb)

    def _resume(self, actions):
        """Let threads go on; of the actions of each the first one counts."""
        if not actions:
            return MALFORMED
        chosen = {}
        for number in self.target.threads():
            action = next((a for thread, a in actions if thread in (ALL, ANY, number)), None)
            if action is not None:
                chosen[number] = action
        if not chosen:
            return MALFORMED
        if self.target.go_on(chosen):
            self.goes_on = True
            return NOTHING
        return self.tell(next(stop for stop in self.target.stops() if stop.tid in chosen))

    def _resume_chosen(self, address, signal, steps):
        """The old packets c and s: all threads go on; the chosen one steps, or takes the signal."""
        thread = self._continuing if self._continuing not in (ALL, ANY) else self._told
        if address:
            self.target.set_pc(thread, int(address, 16))
        mine = (thread, Action(to_linux(signal) if signal else 0, steps))
        return self._resume([mine, (ALL, Action())] if self._continuing in (ALL, ANY) else [mine])

    # --- parts of packets --------------------------------------------------------------------------

    def _record(self):
        return self.target.record(self._told if self._general in (ALL, ANY) else self._general)

    def _write(self, number, value):
        record = self._record()
        if number == registers.PC:
            self.target.set_pc(self._told if self._general in (ALL, ANY) else self._general, value)
        else:
            registers.write(record, number, value)

    @staticmethod
    def _thread_id(text):
        text = re.sub(rb"^p[0-9a-f-]*\.", b"", text)
        return ALL if text == b"-1" else int(text, 16)

    @staticmethod
    def _parts(text, count):
        parts = text.split(b":")
        if len(parts) != count:
            raise ValueError(text)
        return parts

    @staticmethod
    def _range(text):
        address, count = text.split(b",")
        return int(address, 16), int(count, 16)

    @staticmethod
    def _point(text):
        kind, address, size = text.split(b";")[0].split(b",")
        return int(kind, 16), int(address, 16), int(size, 16)
