"""`View`: what `emu top` shows and how keys change it, without a terminal: lines out, names of keys in.

    view = View(inspector);  view.update(rates);  view.lines(80, 24);  view.press("P")

A line is (text, style); styles are "", "head", "selected" and "keys", and say nothing that the text does not, so that a
screen without colours loses nothing.  Only the lines that fit are made, so thousands of threads cost no more than the
sorting of their columns.
"""

import numpy as np

from ..debug.graph import Waits
from ..kernel.thread.states import BLOCKED, RUNNABLE, RUNNING
from ..machine.waits import tid_of, what_for
from . import parts
from .parts import COLUMNS, HELP, KEYS, thread_line

NUMBER_OF_STATE = {RUNNING: 0, RUNNABLE: 1, BLOCKED: 2}
LEAST_ROWS = 4  # of threads, however many CPUs there are


class View:
    def __init__(self, inspector, sort="CPU%", name_filter=""):
        self.inspector = inspector
        self.sort, self.ascending, self.filter = sort, False, name_filter
        self.page, self.frozen, self.quit = "threads", False, False
        self._entry = None  # "search" or "filter" while its text is typed
        self._text = ""
        self._rates, self._order = None, []
        self._at, self._top, self._room = 0, 0, 1  # the chosen row, the first one that is shown, how many are
        self._chosen = None  # (index, generation) of the chosen thread

    def update(self, rates):
        """Show this interval, unless the view is frozen."""
        if self._rates is None or not self.frozen:
            self._rates = rates
            self._arrange()

    # --- keys ---------------------------------------------------------------------------------------

    def press(self, key):
        """A key: a letter, or a name such as "up", "F3", "enter"."""
        if self._entry:
            self._type(key)
        elif self.page == "help":
            self.page = "threads"
        elif key in ("q", "F10", "ctrl-c"):
            self.quit = True
        elif key in ("h", "?", "F1"):
            self.page = "help"
        elif key == "tab":
            self.page = "locks" if self.page == "threads" else "threads"
        elif key == " ":
            self.frozen = not self.frozen
        elif key in ("/", "F3"):
            self._entry, self._text = "search", ""
        elif key in ("\\", "F4"):
            self._entry, self._text = "filter", self.filter
        else:
            self._move(key)

    def _move(self, key):
        names = list(COLUMNS)
        steps = {"up": -1, "down": 1, "page up": -self._room, "page down": self._room, "home": -1 << 20, "end": 1 << 20}
        if key in steps:
            self._choose(self._at + steps[key])
        elif key in (">", "F6", "<"):
            step = -1 if key == "<" else 1
            self._sort_by(names[(names.index(self.sort) + step) % len(names)])
        elif key in ("P", "T", "M", "N"):
            self._sort_by({"P": "CPU%", "T": "TIME", "M": "MIGR", "N": "TID"}[key])
        elif key == "I":
            self.ascending = not self.ascending
            self._arrange()

    def _type(self, key):
        """A key while the text to search or to filter by is typed."""
        if key in ("enter", "escape", "ctrl-c"):
            if key != "enter" and self._entry == "filter":
                self._text = ""
            self.filter = self._text if self._entry == "filter" else self.filter
            self._entry = None
        elif key == "backspace":
            self._text = self._text[:-1]
        elif key in ("F3", "down") and self._entry == "search":
            self._search(self._at + 1)
            return
        elif len(key) == 1 and key.isprintable():
            self._text += key
        if self._entry == "search":
            self._search(self._at)
        elif self._entry == "filter":
            self.filter = self._text
        self._arrange()

    def _search(self, start):
        """Choose the next thread whose name has the text in it."""
        found = self._named(self._text)
        order = [*self._order[start:], *self._order[:start]]
        match = next((position for position in order if found[position]), None)
        if match is not None and self._text:
            self._choose(self._order.index(match))

    def _sort_by(self, name):
        self.sort, self.ascending = name, name in ("TID", "TASK", "NAME", "S", "CPU")
        self._arrange()

    # --- rows ---------------------------------------------------------------------------------------

    def _arrange(self):
        """Sort and filter the rows; the chosen thread stays chosen."""
        if self._rates is None:
            return
        column = self._column(self.sort)
        ranks = np.unique(column, return_inverse=True)[1]
        order = np.lexsort((self._rates.after.threads["index"], ranks if self.ascending else -ranks))
        self._order = order[self._named(self.filter)[order]].tolist() if self.filter else order.tolist()
        keys = self._keys()
        if self._chosen is not None:
            at = next((n for n, p in enumerate(self._order) if keys(p) == self._chosen), None)
            self._at = at if at is not None else self._at
        self._at = min(self._at, max(len(self._order) - 1, 0))

    def _keys(self):
        threads = self._rates.after.threads
        return lambda position: (int(threads["index"][position]), int(threads["generation"][position]))

    def _column(self, name):
        """A column to sort by."""
        rates = self._rates
        threads = rates.after.threads
        return {
            "TID": lambda: threads["generation"] * (1 << 20) + threads["index"],
            "TASK": lambda: threads["pid"],
            "NAME": lambda: threads["name"],
            "S": lambda: np.array([NUMBER_OF_STATE.get(int(s), 3) for s in threads["state"]]),
            "CPU": lambda: threads["queue"],
            "CPU%": lambda: rates.thread("runtime_ns"),
            "DELAY": lambda: rates.thread("run_delay_ns"),
            "SW/s": lambda: rates.thread("slices"),
            "MIGR": lambda: threads["migrations"],
            "TIME": lambda: threads["runtime_ns"],
        }[name]()

    def _named(self, text):
        """By position: whether a thread's name has the text in it."""
        names = np.char.lower(self._rates.after.threads["name"])
        return np.char.find(names, text.lower().encode()) >= 0

    def _choose(self, at):
        self._at = min(max(at, 0), max(len(self._order) - 1, 0))
        if self._order:
            self._chosen = self._keys()(self._order[self._at])

    # --- lines --------------------------------------------------------------------------------------

    def lines(self, width, height):
        """What is on the screen: `height` lines of at most `width` characters."""
        if self._rates is None:
            return [("reading the machine", "")]
        if self.page == "help":
            body = [(text, "") for text in HELP]
        else:
            head = parts.summary(self.inspector, self._rates, self.filter, self.frozen, width)
            cpus = parts.cpu_lines(self.inspector, self._rates, max(height - len(head) - LEAST_ROWS - 2, 1), width)
            body = [(text, "") for text in head + cpus]
            room = height - len(body) - 1
            body += self._threads(room) if self.page == "threads" else parts.lock_lines(self.inspector, room)
        body = body[: height - 1]
        body += [("", "")] * (height - 1 - len(body))
        prompt = f"{self._entry}: {self._text}_   Enter takes it, Esc ends" if self._entry else KEYS
        return [(text[:width], style) for text, style in (*body, (prompt.ljust(width), "keys"))]

    def _threads(self, room):
        self._room = max(room - 1, 1)
        self._top = min(max(self._top, self._at - self._room + 1), self._at)
        self._top = max(min(self._top, len(self._order) - self._room), 0)
        lines = [(parts.heading(self.sort), "head")]
        waits = Waits(self.inspector)
        for n in range(self._top, min(self._top + self._room, len(self._order))):
            style = "selected" if n == self._at else ""
            lines.append((self._thread(self._order[n], waits, ">" if style else " "), style))
        if not self._order:
            lines.append((f"no thread is named like {self.filter!r}" if self.filter else "no thread is alive", ""))
        return lines

    def _thread(self, position, waits, mark):
        i = int(self._rates.after.threads["index"][position])
        tid = tid_of({"generation": self._rates.after.threads["generation"][position]}, i)
        return mark + thread_line(self.inspector, self._rates, position, tid, self._doing(position, i, waits))

    def _doing(self, position, i, waits):
        inspector = self.inspector
        if int(inspector.thread(i)["generation"]) != int(self._rates.after.threads["generation"][position]):
            return "has left"
        if inspector.state(i) != BLOCKED:
            return what_for(inspector.thread(i), inspector.now_ns(), inspector.machine)
        wait = waits.of(i)
        holder = inspector.title(wait.holder) if wait.holder >= 0 else ""
        return wait.what + (f", held by {holder}" if holder and holder not in wait.what else "")
