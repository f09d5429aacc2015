"""The fast clock: nanoseconds from the processor's cycle counter, the same in all processes.

Scheduling accounts and events need the time at each switch; clock_gettime costs
several times as much.  The supervisor measures the counter against the monotonic
clock once (`calibrate`) and writes base and rate into the machine record; where the
host does not trust its counter, the rate is 0 and `now_ns` is the monotonic clock.
Deadlines use the monotonic clock itself, since the two clocks drift apart by a few µs a second.

This file is the only door to time.  Where MACHINE.clock_rate is VIRTUAL, time stands still at clock_start_ns, for the
machine and its guests alike, until whoever plays the machine (explore/) moves it on.
"""

import platform
import time
from pathlib import Path

from llvmlite import ir

from ..hot import entry, hot, intrinsic, types
from .layout import machine_at
from .memory import monotonic_ns, realtime_ns

RATE_BITS = 32
VIRTUAL = -1  # as MACHINE.clock_rate
FIRST_DAY_NS = 946_684_800_000_000_000  # 2000-01-01
SPAN_NS = 10_000_000  # measured over at least this long: an error below 20 ppm
_I64, _I128 = ir.IntType(64), ir.IntType(128)
_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


@intrinsic
def _cycles(typingctx):
    def codegen(context, builder, signature, args):
        module = builder.module
        name = "llvm.readcyclecounter"
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(_I64, []), name)
        return builder.call(function, [])

    return types.int64(), codegen


@intrinsic
def _scaled(typingctx, count, rate):
    """count * rate >> RATE_BITS, in 128 bits."""

    def codegen(context, builder, signature, args):
        product = builder.mul(builder.sext(args[0], _I128), builder.sext(args[1], _I128))
        return builder.trunc(builder.ashr(product, _I128(RATE_BITS)), _I64)

    return types.int64(types.int64, types.int64), codegen


@hot
def now_ns(m):
    """Nanoseconds; comparable between all CPUs of a machine."""
    if m.clock_rate <= 0:
        return steady_ns(m)
    return m.clock_start_ns + _scaled(_cycles() - m.clock_base, m.clock_rate)


@hot
def steady_ns(m):
    """The time of deadlines: the host's monotonic clock, or the machine's own where its time is virtual."""
    return m.clock_start_ns if m.clock_rate == VIRTUAL else monotonic_ns()


@hot
def wall_ns(m):
    """The time since 1970: the host's, or where it is virtual, as if the machine had been made at FIRST_DAY_NS."""
    return FIRST_DAY_NS + m.clock_start_ns if m.clock_rate == VIRTUAL else realtime_ns()


@entry(1)
def read_cycles(_):
    """Cold form of the cycle counter."""
    return _cycles()


@entry(1)
def read_clock(address):
    """Cold form of now_ns."""
    return now_ns(machine_at(address))


@entry(1)
def read_steady(address):
    """Cold form of steady_ns."""
    return steady_ns(machine_at(address))


@entry(1)
def read_wall(address):
    """Cold form of wall_ns."""
    return wall_ns(machine_at(address))


def _pair():
    """The counter and the monotonic clock (ns), read at nearly the same moment: the closest pair of a few tries."""
    best = None
    for _ in range(5):
        before = time.monotonic_ns()
        cycles = read_cycles(0)
        after = time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, cycles, (before + after) // 2)
    return best[1:]


_first = None


def calibrate(machine):
    """Write base, start and rate into a machine record."""
    global _first
    trusted = platform.machine() == "x86_64" and _SOURCE.exists() and _SOURCE.read_text().strip() == "tsc"
    if not trusted:
        machine["clock_rate"] = 0
        return
    if _first is None:
        _first = _pair()
    left_ns = SPAN_NS - (time.monotonic_ns() - _first[1])
    if left_ns > 0:
        time.sleep(left_ns / 1e9)
    cycles, ns = _pair()
    machine["clock_base"], machine["clock_start_ns"] = cycles, ns
    machine["clock_rate"] = ((ns - _first[1]) << RATE_BITS) // max(cycles - _first[0], 1)
