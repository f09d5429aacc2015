"""How long does it take until another process knows?

Two processes, each pinned to a core of its own; the time of one wake-up is from the last moment
in the waker's hot code to the first in the sleeper's, on one clock.

polling      a cache line goes to and fro between two spinning processes (half a round trip)
ZeroMQ       as emu interrupts a parked CPU: post, Mail.wake; Mail.sleep, end_park
futex        a system call of hot code on a word of shared memory: the least a parked process can do
eventfd      written and awaited (select) by cold Python: what of ZeroMQ's time is Python's

The waker waits until the sleeper sleeps.  All four take turns, sample by sample.  Goal: the
median through ZeroMQ is at most twice the futex's.

python benchmarks/wakeup.py [--rounds N] [--settle-us N] [--quick]
"""

import multiprocessing
import os
import platform
import select
import time
from multiprocessing.resource_sharer import DupFd
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil
from common import benchmark, percentile
from llvmlite import ir

from emu.actor.mail import Mail
from emu.hot import entry, hot, intrinsic, types
from emu.kernel.ipi import begin_park, end_park, post, take_pending
from emu.limits import IPI_RESCHEDULE, MIB, RAM_OFFSET
from emu.shm.atomics import pause
from emu.shm.memory import load_64, monotonic_ns, store_64
from emu.shm.segment import Window

WAKER, SLEEPER = 0, 1
PING, PONG, SENT, WOKEN, ROUND, FUTEX = (n * 64 for n in range(6))  # offsets of words, a cache line each
FUTEX_CALL = {"x86_64": 202, "aarch64": 98}.get(platform.machine())
FUTEX_WAIT, FUTEX_WAKE = 0, 1
POLLING, ZEROMQ, FUTEXES, EVENTFD = "polling", "ZeroMQ", "futex", "eventfd"
WAYS = (POLLING, ZEROMQ, FUTEXES, EVENTFD)
POLL_TRIPS = 200
TARGET = 2.0


@intrinsic
def host_call(typingctx, number, a, b, c):
    """A system call of the host with three integers (and a null pointer behind them)."""

    def codegen(context, builder, signature, args):
        i64 = ir.IntType(64)
        kind = ir.FunctionType(i64, [i64] * 5)
        function = builder.module.globals.get("syscall") or ir.Function(builder.module, kind, "syscall")
        return builder.call(function, [*args, i64(0)])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen


@hot
def spin_until(word, value):
    while load_64(word) != value:
        pause()


@entry(2)
def bounce(base, trips):
    """The waker's side of polling: ns of all round trips but the first, in which both get ready."""
    first = load_64(base + PONG)
    start = 0
    for k in range(1, trips + 2):
        if k == 2:
            start = monotonic_ns()
        store_64(base + PING, first + k)
        spin_until(base + PONG, first + k)
    return monotonic_ns() - start


@entry(2)
def return_bounces(base, trips):
    """The sleeper's side of polling."""
    first = load_64(base + PONG)
    for k in range(1, trips + 2):
        spin_until(base + PING, first + k)
        store_64(base + PONG, first + k)
    return 0


@entry(1)
def note_sent(base):
    """The last thing that the waker does in hot code."""
    store_64(base + SENT, monotonic_ns())
    return 0


@entry(2)
def note_woken(base, turn):
    """The first thing that the sleeper does in hot code."""
    store_64(base + WOKEN, monotonic_ns())
    store_64(base + ROUND, turn)
    return 0


@entry(2)
def futex_sleep(base, turn):
    """Sleep in hot code until the futex holds the number of this turn."""
    while load_64(base + FUTEX) != turn:
        host_call(FUTEX_CALL, base + FUTEX, FUTEX_WAIT, turn - 1)
    store_64(base + WOKEN, monotonic_ns())
    store_64(base + ROUND, turn)
    return 0


@entry(2)
def futex_wake(base, turn):
    """Wake the sleeper of this turn."""
    store_64(base + SENT, monotonic_ns())
    store_64(base + FUTEX, turn)
    return host_call(FUTEX_CALL, base + FUTEX, FUTEX_WAKE, 1)


@entry(2)
def spin_us(base, microseconds):
    """Stay busy, so that the core stays awake."""
    end = monotonic_ns() + microseconds * 1000
    while monotonic_ns() < end:
        pause()
    return 0


class Side:
    """What both processes have: the shared words, ZeroMQ, an eventfd."""

    def __init__(self, window, directory, actor, eventfd, core):
        psutil.Process().cpu_affinity([core])  # first, as in emu: ZeroMQ's thread inherits it
        self.machine = window.address
        self.words = window.address + RAM_OFFSET
        self.mail = Mail(directory, actor, window.machine)
        self.eventfd = eventfd
        for each in (bounce, return_bounces, note_sent, note_woken, futex_sleep, futex_wake, spin_us):
            each.compile()

    # --- the sleeper: one turn of each way -------------------------------------------------------

    def sleep_polling(self, turn):
        return_bounces(self.words, POLL_TRIPS)
        note_woken(self.words, turn)

    def sleep_zeromq(self, turn):
        """As CPU processes do (emu/cpu_worker/process.py)."""
        if begin_park(self.machine, SLEEPER) != 0:
            raise RuntimeError("an interrupt came before its turn")
        consumed = self.mail.sleep()
        end_park(self.machine, SLEEPER, int(consumed))
        note_woken(self.words, turn)
        take_pending(self.machine, SLEEPER)

    def sleep_futex(self, turn):
        futex_sleep(self.words, turn)

    def sleep_eventfd(self, turn):
        select.select([self.eventfd], [], [])
        note_woken(self.words, turn)
        os.eventfd_read(self.eventfd)

    # --- the waker ---------------------------------------------------------------------------

    def wake_polling(self, turn):
        return bounce(self.words, POLL_TRIPS) / POLL_TRIPS / 2

    def wake_zeromq(self, turn):
        note_sent(self.words)
        self.mail.wake(post(self.machine, WAKER, SLEEPER, IPI_RESCHEDULE))

    def wake_futex(self, turn):
        futex_wake(self.words, turn)

    def wake_eventfd(self, turn):
        note_sent(self.words)
        os.eventfd_write(self.eventfd, 1)


METHODS = {POLLING: "polling", ZEROMQ: "zeromq", FUTEXES: "futex", EVENTFD: "eventfd"}


def plan(turns):
    """(turn, way): the ways in turns; turn numbers grow by one."""
    return [(k * len(WAYS) + n + 1, way) for k in range(turns) for n, way in enumerate(WAYS)]


def sleeper(address, memory_bytes, segments, directory, eventfd, core, turns):
    """The second process."""
    window = Window(address, memory_bytes, [d.detach() for d in segments])
    side = Side(window, directory, SLEEPER, eventfd.detach(), core)
    for turn, way in plan(turns):
        prepare_turn(window, turn, way)
        getattr(side, f"sleep_{METHODS[way]}")(turn)


def prepare_turn(window, turn, way):
    """Announce that the sleeper is about to sleep; the futex holds the number before this turn's."""
    words = window.memory(0).view("int64")
    words[FUTEX // 8] = turn - 1
    words[ROUND // 8] = -turn - 1


def is_asleep(process):
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


def wait_for(condition, child):
    deadline = time.monotonic() + 60
    while not condition():
        if not child.is_alive() or time.monotonic() > deadline:
            raise click.ClickException("the sleeping process does not answer")


@benchmark("wakeup", rounds=1000, quick_rounds=20)
@click.option("--settle-us", default=200, show_default=True, metavar="N", help="How long the sleeper sleeps at least.")
def main(bench, settle_us):
    """How long does it take until another process knows?"""
    cores = psutil.Process().cpu_affinity()
    window = Window.create(16 * MIB)
    with TemporaryDirectory() as directory:
        eventfd = os.eventfd(0)
        arguments = (
            window.address, window.memory_bytes, [DupFd(d) for d in window.descriptors], directory,
            DupFd(eventfd), cores[-1], bench.rounds,
        )  # fmt: skip
        side = Side(window, directory, WAKER, eventfd, cores[0])
        child = multiprocessing.get_context("spawn").Process(target=sleeper, args=arguments)
        child.start()
        try:
            samples = wake_in_turns(side, window, child, bench.rounds, settle_us)
        finally:
            child.join(5)
            child.kill()
            side.mail.close()
            os.close(eventfd)
    window.destroy()
    show(bench, samples, len(cores))


def wake_in_turns(side, window, child, turns, settle_us):
    """{way: [ns]}."""
    words = window.memory(0).view("int64")
    samples = {way: [] for way in WAYS}
    for turn, way in plan(turns):
        wait_for(lambda turn=turn: words[ROUND // 8] == -turn - 1, child)
        if way != POLLING:
            wait_for(lambda: is_asleep(child.pid), child)
            spin_us(0, settle_us)
        one_way_ns = getattr(side, f"wake_{METHODS[way]}")(turn)
        wait_for(lambda turn=turn: words[ROUND // 8] in (turn, -turn - 2), child)
        samples[way].append(one_way_ns or int(words[WOKEN // 8] - words[SENT // 8]))
    return samples


def show(bench, samples, nr_cores):
    rows = []
    for way, values in samples.items():
        values = values[len(values) // 10 :]  # the first turns fill caches and connect sockets
        p50_ns, p99_ns = percentile(values, 0.5), percentile(values, 0.99)
        row = bench.row(way=way, samples=len(values), min_ns=min(values), p50_ns=p50_ns, p99_ns=p99_ns)
        rows.append((way, *(f"{row[k] / 1000:,.2f}" for k in ("min_ns", "p50_ns", "p99_ns"))))
    bench.table("", ("way", "least µs", "p50 µs", "p99 µs"), rows)
    p50 = {row["way"]: row["p50_ns"] for row in bench.rows}
    ratio = p50[ZEROMQ] / p50[FUTEXES]
    bench.row(way="ZeroMQ ÷ futex", p50_ratio=ratio, target=TARGET, reached=ratio <= TARGET)
    bench.note(f"ZeroMQ takes {ratio:.2f} times as long as the futex (p50); the goal is at most {TARGET:.0f}.")
    if nr_cores == 1:
        bench.note("Only one core: a polling process cannot see anything before it is switched away from.")


if __name__ == "__main__":
    main()
