"""`watch`: a View on a terminal, with curses: keys in, lines out, resized as the terminal is.

Curses is what htop is made with: it knows terminals and their keys, redraws only what has changed, and comes with
Python.  Rejected: textual, a framework of its own for whole applications, and rich's Live, which reads no keys; both
take several times the processor time for each screen, which the machine that is watched may lack.

The terminal is left as it was, however this ends: signals only note that they came (`stop`), and the loop sees it.
"""

import contextlib
import curses
import os
import select
import time

from .sample import Rates, take
from .watch import Lifetime

LOOK_S = 0.25  # between two looks whether the machine is there, and whether a signal has come
NAMES = {
    curses.KEY_UP: "up", curses.KEY_DOWN: "down", curses.KEY_PPAGE: "page up", curses.KEY_NPAGE: "page down",
    curses.KEY_HOME: "home", curses.KEY_END: "end", curses.KEY_BACKSPACE: "backspace", curses.KEY_ENTER: "enter",
    "\n": "enter", "\r": "enter", "\t": "tab", "\x1b": "escape", "\x7f": "backspace", "\b": "backspace",
    "\x03": "ctrl-c", **{curses.KEY_F0 + n: f"F{n}" for n in range(1, 13)},
}  # fmt: skip
STYLES = {"": 0, "head": curses.A_REVERSE, "selected": curses.A_BOLD, "keys": curses.A_REVERSE}


def watch(view, inspector, period_s, stop):
    """Until q, or until `stop()`; True where the machine has ended. curses.error: no terminal for it."""
    for name in ("LINES", "COLUMNS"):  # shells export them, and curses would take them for the terminal's size for ever
        os.environ.pop(name, None)
    return curses.wrapper(_run, view, inspector, period_s, stop)


def _run(screen, view, inspector, period_s, stop):
    curses.raw()  # ctrl-c is a key
    curses.set_escdelay(50)
    with contextlib.suppress(curses.error):  # a terminal whose cursor cannot be hidden
        curses.curs_set(0)
    lifetime, before = Lifetime(inspector), take(inspector)
    due_s, changed = time.monotonic() + min(period_s, LOOK_S), True  # the first figures come soon
    while not (view.quit or stop()):
        look = time.monotonic() >= due_s
        if look:
            after = take(inspector)
            view.update(Rates(before, after))
            before, due_s = after, time.monotonic() + period_s
        if look or changed:
            _draw(screen, view)
        if lifetime.is_over():
            return True
        changed = _wait_for_key(screen, view, due_s)
        changed = _fit(screen) or changed
    return False


def _fit(screen):
    """Take the terminal's size, if that has changed; whether it has. Curses misses a SIGWINCH now and then."""
    with contextlib.suppress(OSError, curses.error):  # the terminal has gone
        width, height = os.get_terminal_size(1)
        if (height, width) != screen.getmaxyx():
            curses.resizeterm(height, width)
            return True
    return False


def _wait_for_key(screen, view, due_s):
    """Press what is typed until it is time for the next look; whether there was a key. A terminal that has gone: q."""
    typed, terminal = False, select.poll()
    terminal.register(0, select.POLLIN)
    left_ms = max(int((min(due_s, time.monotonic() + LOOK_S) - time.monotonic()) * 1000), 1)
    if any(event & (select.POLLHUP | select.POLLERR) for _, event in terminal.poll(left_ms)):
        view.quit = True
    screen.timeout(0)
    with contextlib.suppress(curses.error, KeyboardInterrupt):  # no more has been typed; a signal has come
        while True:
            key = screen.get_wch()
            typed = True
            view.press(NAMES.get(key, key if isinstance(key, str) else ""))
    return typed


def _draw(screen, view):
    height, width = screen.getmaxyx()
    screen.erase()
    for y, (text, style) in enumerate(view.lines(width, height)[:height]):
        with contextlib.suppress(curses.error):  # the terminal has just become smaller
            screen.addnstr(y, 0, text, width if y < height - 1 else width - 1, STYLES[style])
    screen.refresh()
