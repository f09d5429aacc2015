"""The table of served Linux calls: `@served("read") def read(call, fd: Int32, address: Pointer, count: Size)`.

A handler declares its arguments by annotation; the registry converts the raw registers before it calls, so handlers
meet no wild values: a number that goes into a record is a signed word (Int64), a time-out is bounded.  A handler
returns the result (an int) or raises LinuxError or Blocked.  The server makes a call with `execute(call)`.

What handlers use of a Call (the server's class; tests have a fake):
    number, args (six unsigned 64-bit ints), task, tid, machine, tree, clock_ns(clock)
    read(address, count) -> bytes, write(address, data), string(address) -> bytes     EFAULT, ENAMETOOLONG
    resume_deadline_ns   the deadline of this call's wait when it was interrupted and is made again, else 0
    memo    None at first; what a handler leaves there is still there when the call is made again after Blocked
            (how much a blocking write has done, when a poll ends)
"""

import functools
import os
import struct
from typing import Annotated, get_type_hints

from ...abi.clocks import SECOND_NS
from ...abi.errno import EINVAL, EIO, ENOSYS
from ...abi.syscall_numbers import NUMBERS
from ..errors import LinuxError

FAR_NS = 1 << 62  # later than any machine runs: added to a time of the clock it still is one signed word


def _signed32(call, value):
    value &= 0xFFFFFFFF
    return value - ((value & 0x80000000) << 1)


def _unsigned32(call, value):
    return value & 0xFFFFFFFF


def _signed64(call, value):
    return value - ((value & (1 << 63)) << 1)


def _unsigned64(call, value):
    return value


def _path(call, address):
    return os.fsdecode(call.string(address))


def _timeout(call, address):
    if not address:
        return None
    seconds, ns = struct.unpack("<qq", call.read(address, 16))
    if seconds < 0 or not 0 <= ns < SECOND_NS:
        raise LinuxError(EINVAL)
    return min(seconds * SECOND_NS + ns, FAR_NS)


Int32 = Annotated[int, _signed32]
UInt32 = Annotated[int, _unsigned32]
Int64 = Annotated[int, _signed64]
UInt64 = Annotated[int, _unsigned64]
Size = UInt64
Pointer = UInt64
Path = Annotated[str, _path]  # the argument is an address; the handler gets the string there
Timeout = Annotated[int, _timeout]  # the address of a struct timespec: ns, at most FAR_NS; None for a null pointer

_HANDLERS = {}


def served(name, *aliases, number=None):
    """Register a handler for the Linux call of this name (and of further names with the same arguments).

    A call that Linux does not have says its number.
    """

    def register(function):
        hints = get_type_hints(function, include_extras=True)
        hints.pop("return", None)
        converters = tuple(hint.__metadata__[0] for hint in hints.values())
        assert len(converters) == function.__code__.co_argcount - 1, f"{name}: each argument but call needs a type"

        @functools.wraps(function)
        def handler(call):
            return function(call, *[convert(call, value) for convert, value in zip(converters, call.args)])

        for each in (name, *aliases):
            own = NUMBERS[each] if number is None else number
            assert own not in _HANDLERS, f"{each} is served twice"
            _HANDLERS[own] = handler
        return function

    return register


def only(flags, known):
    """EINVAL when a flag is set that the call does not know."""
    if flags & ~known:
        raise LinuxError(EINVAL)


def handler_of(number):
    """The function that takes a Call and returns its result, or None when nothing serves this number."""
    return _HANDLERS.get(number)


def execute(call):
    """Result of one served call, a negative error number when it fails. Raises Blocked, and errors that are emu's."""
    handler = _HANDLERS.get(call.number)
    if handler is None:
        return -ENOSYS
    try:
        return handler(call)
    except LinuxError as error:
        return -error.errno
    except OSError as error:  # the host's refusal, for a reason that the guest may know
        return -(error.errno or EIO)
