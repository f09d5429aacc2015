"""How the command ends on SIGINT, SIGTERM and SIGHUP: one place, the same for every subcommand.

Status 130, 143 or 129; no traceback, nothing left, within a second, at any moment.  `cli.py` calls `install` before it
imports anything heavy.  Nothing here raises into code that is at work, where an exception might be swallowed or
leave something half done.  Instead

* the handler ends the process on the spot (`_end`): it kills all that the process has started, waits until they are
  gone, removes the socket directories and exits.  What the main thread was doing does not matter;
* inside `with gently():` the first signal has the machine kill its guests and come to its end, so that the summary is
  printed and a trace closed.  A second signal, or GENTLE_S without an end, ends the process on the spot.

Python runs handlers only when the main thread executes Python.  So the host's handler also writes the signal's number
into a pipe (`set_wakeup_fd`), which a second thread reads; that one counts the seconds, and ends a process
whose main thread hangs in a call.  A signal that is ignored when the command starts (nohup, `&`) stays ignored.
"""

import _thread
import contextlib
import os
import select
import signal
import sys
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GENTLE_S = 0.75
STEP_S = 0.05  # of the count: a step counts once however long it took, so that a busy host is given more time
STUCK_S = 0.3  # the main thread has this long to get to its handler
GONE_S = 1.0

arrived = 0  # the first signal that came
_times = 0  # how often one came
_gentle = False
_over = False  # the command has its status: what comes now is too late
_ends = False  # the main thread's handler ends the process
_last_act = None
_ending = _thread.allocate_lock()  # taken by whoever does


def install():
    """Take over the signals, once; call it in the main thread."""
    global _pipe
    taken = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    if not taken or "_pipe" in globals():
        return
    _pipe, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in taken:
        signal.signal(number, _handle)
    _thread.start_new_thread(_count, ())


@contextlib.contextmanager
def gently():
    """While machines run: the first signal has them end by the ordinary path."""
    global _gentle
    _gentle = True
    try:
        yield
    finally:
        if not arrived:
            _gentle = False


@contextlib.contextmanager
def at_last(act):
    """When a signal ends the process within this, `act()` is called before: it undoes what would last elsewhere.

    It is called at any moment, in whichever thread ends the process, and has to be quick; its failures are nobody's.
    """
    global _last_act
    _last_act = act
    try:
        yield
    finally:
        _last_act = None


def status(number):
    """A command's exit status that would be `number` without a signal."""
    return 128 + arrived if arrived else number


def run(command):
    """Execute a command of click's and exit with its status, or with a signal's."""
    global _over
    code = 1
    try:
        code = command()
    except SystemExit as end:
        code = end.code
    except BaseException:
        if not arrived:
            raise
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the status is settled
    if _ending.locked():
        _wait_for_the_end()
    _over = True
    sys.exit(status(code))


def _handle(number, frame):
    global arrived, _times, _ends
    arrived = arrived or number
    _times += 1
    if _ends:
        return  # called within the call that ends the process
    if not _gentle or _times > 1:
        _ends = True
        _end()
    from emu.machine.ownership import interrupt_all  # there are machines: it is imported

    interrupt_all()


_handle.raises_nothing = True  # emu/machine/held_signals.py


def _count():
    """The second thread: the process ends in time, whatever the main thread does."""
    global arrived
    while True:
        select.select([_pipe], [], [])
        numbers = [n for n in os.read(_pipe, 64) if n in SIGNALS]
        if not numbers:
            continue
        arrived = arrived or numbers[0]
        left_s = GENTLE_S if _gentle else STUCK_S
        while left_s > 0 and not _over:
            time.sleep(STEP_S)
            left_s -= STEP_S
        if not _over:
            _end()


def _end():
    if not _ending.acquire(blocking=False):
        _wait_for_the_end()
    with contextlib.suppress(OSError):  # whoever is interrupted has nothing to say any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if _last_act:
        with contextlib.suppress(Exception):
            _last_act()
    _kill_children()
    directory = sys.modules.get("emu.machine.directory")
    if hasattr(directory, "remove_ours"):
        with contextlib.suppress(Exception):
            directory.remove_ours()
    os._exit(status(1))


def _wait_for_the_end():
    while True:
        time.sleep(1)


def _kill_children():
    """Kill all descendants, and wait until they are gone; again, as one may just have been started."""
    found, end = set(), time.monotonic() + GONE_S
    while time.monotonic() < end:
        found.update(_descendants(os.getpid()))
        living = [pid for pid in found if _is_alive(pid)]
        if not living:
            return
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _descendants(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in map(int, file.read().split()):
                    found += [child, *_descendants(child)]
    return found


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
