"""The parts of `emu top`'s screen: summary, CPUs, threads, locks. Each function makes lines of text."""

from ..debug.locks import contended, held_locks
from ..kernel.thread.states import BLOCKED, RUNNABLE, RUNNING
from ..limits import GLOBAL_QUEUE
from .sample import counts

LETTERS = {RUNNING: "R", RUNNABLE: "Q", BLOCKED: "S"}
COLUMNS = {  # name -> (width, negative: to the left)
    "TID": 5, "TASK": 5, "NAME": -15, "S": 1, "CPU": 3, "CPU%": 5, "DELAY": 6, "SW/s": 5, "MIGR": 5, "TIME": 7,
}  # fmt: skip
BAR = 8
MOST_SLEEPERS = 1000  # that the page of locks looks at, so that it costs no more than another
KEYS = "F1 Help  F3 Search  F4 Filter  F6 Sort  Tab Locks  Space Freeze  q Quit"
HELP = (
    "emu top: the CPUs, threads and locks of a machine that runs. Any key goes back.",
    "",
    "  up, down, PgUp, PgDn, Home, End   choose a thread",
    "  F3 or /      search a name: type, Enter; F3 again: the next one",
    "  F4 or \\      show only the threads whose name has a text in it; Esc shows all",
    "  F6, > and <  sort by the next column, the last one",
    "  P  T  M  N   sort by CPU %, time, migrations, tid;  I turns the order round",
    "  Tab          locks: held kernel locks, and what threads wait for",
    "  Space        freeze, and go on",
    "  q or F10     quit",
    "",
    "  S       R runs, Q is queued for a CPU, S sleeps",
    "  CPU%    of one CPU, over the last interval",
    "  DELAY   milliseconds a second that it waited for a CPU",
    "  SW/s    how often a second it was picked;  MIGR migrations so far",
    "  TIME    seconds on CPUs so far;  then what it waits for, and who holds that",
)


def short(value):
    """A number in at most five characters."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.{0 if value >= 10 * size else 1}f}{unit}"
    return f"{value:.0f}"


def summary(inspector, rates, name_filter, frozen, width):
    """One line or two: which machine, how many threads, what is left out."""
    now = counts(rates.after)
    up_s = (rates.after.time_ns - int(inspector.machine["made_ns"])) / 1e9
    words = [
        f"emu top, process {inspector.pid}", f"policy {inspector.header['policy']}", f"up {up_s:.0f} s",
        f"{rates.after.nr_threads} threads: {now['running']} run, {now['runnable']} wait, {now['blocked']} sleep",
    ]  # fmt: skip
    lines = ["  ".join(words)] if len("  ".join(words)) <= width else ["  ".join(words[:3]), words[3]]
    marks = [f"only names with {name_filter!r}"] if name_filter else []
    marks += ["the machine is paused"] if inspector.machine["paused"] else []
    marks += ["frozen: Space goes on"] if frozen else []
    return lines + (["  ".join(marks)] if marks else [])


def cpu_lines(inspector, rates, room, width):
    """A line for each CPU; where there is no room for all, the last line is about the others."""
    busy, mips, cpus = rates.busy(), rates.mips(), rates.after.cpus
    grown = {name: rates.cpu(name) / rates.span_s for name in ("steals", "ipis_bit", "ipis_message", "syscalls")}
    shown = len(busy) if len(busy) <= room else room - 1
    lines = []
    for k in range(shown):
        i = int(cpus["current"][k])
        ipis = grown["ipis_bit"][k] + grown["ipis_message"][k]
        name = f"{inspector.tid(i)} {inspector.name(i)}" if i >= 0 else "parked" if cpus["parked"][k] else "idle"
        bar = ("|" * round(busy[k] * BAR)).ljust(BAR)
        lines.append(
            f"CPU {k:<3}[{bar}] {busy[k]:4.0%} {short(mips[k]):>4} MIPS queue {cpus['queued'][k]:<2} "
            f"steal {short(grown['steals'][k]):<4} IPI {short(ipis):<4} call {short(grown['syscalls'][k]):<4} {name}"
        )
    if shown < len(busy):
        lines.append(f"and {len(busy) - shown} more CPUs, {busy[shown:].mean():.0%} busy on average")
    return [line[:width] for line in lines]


def heading(sort):
    words = [_cell(f"*{name}" if name == sort else name, width) for name, width in COLUMNS.items()]
    return " " + " ".join(words) + " WAITS FOR"


def _cell(word, width):
    return word[:-width].ljust(-width) if width < 0 else word.rjust(width)  # figures are never cut


def thread_line(inspector, rates, position, tid, doing):
    threads, span_s = rates.after.threads, rates.span_s
    queue, name = int(threads["queue"][position]), bytes(threads["name"][position]).decode(errors="replace")
    values = {
        "TID": str(tid),
        "TASK": str(threads["pid"][position]),
        "NAME": "".join(letter if letter.isprintable() else "?" for letter in name),
        "S": LETTERS.get(int(threads["state"][position]), "?"),
        "CPU": "-" if queue == GLOBAL_QUEUE else str(queue),
        "CPU%": f"{rates.share()[position] * 100:.1f}",
        "DELAY": f"{rates.thread('run_delay_ns')[position] / 1e6 / span_s:.1f}",
        "SW/s": short(rates.thread("slices")[position] / span_s),
        "MIGR": short(threads["migrations"][position]),
        "TIME": f"{threads['runtime_ns'][position] / 1e9:.2f}",
    }
    return " ".join(_cell(values[column], width) for column, width in COLUMNS.items()) + f" {doing}"


def lock_lines(inspector, room):
    """[(text, style)] of the locks page."""
    now_ns, lines = inspector.now_ns(), [(f" {'LOCK':32} {'HELD BY':20} {'FOR':>8} WAITED FOR BY", "head")]
    for lock in contended(inspector, MOST_SLEEPERS):
        holder = inspector.title(lock.holder) if lock.holder >= 0 else "unknown"
        waiters = ", ".join(inspector.title(i) for i in lock.waiters[:4])
        waiters += f" and {len(lock.waiters) - 4} more" if len(lock.waiters) > 4 else ""
        since = f"{max(now_ns - lock.since_ns, 0) / 1e9:.1f} s"
        lines.append((f" {lock.name[:32]:32} {holder[:20]:20} {since:>8} {waiters}", ""))
    lines += [(f" {lock.name[:32]:32} {lock.holder[:20]:20} {'':8} (kernel)", "") for lock in held_locks(inspector)]
    if len(lines) == 1:
        lines.append((" no kernel lock is held, and no thread waits for one of guests", ""))
    return lines[:room]
