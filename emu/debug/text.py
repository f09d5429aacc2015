"""What the debugger's answers are made of: aligned columns, times, and what a person types for a thread or a task."""

from ..abi.syscall_numbers import name_of
from ..errors import MachineError
from ..kernel.native import numbers
from ..limits import MAX_TASKS, MAX_THREADS


class CommandError(MachineError):
    """A command that cannot be carried out: one line."""


def columns(heading, rows, none="none"):
    """Lines of aligned columns; the line `none` where there is no row."""
    if not rows:
        return [none]
    rows = [[str(word) for word in row] for row in (heading, *rows)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(heading))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]


NATIVE = {number: name.lower() for name, number in vars(numbers).items()
          if isinstance(number, int) and name not in ("FIRST", "END", "FIRST_HOT")}  # fmt: skip


def call_name(number):
    """A system call's name, Linux's or native."""
    return NATIVE.get(number) or name_of(number)


def seconds(ns):
    return f"{max(ns, 0) / 1e9:.3f} s"


def number_of(text, what):
    """An integer as C writes it. CommandError."""
    try:
        return int(text, 0)
    except ValueError:
        raise CommandError(f"{what} {text!r}: expected a number, 17 or 0x11") from None


def thread_of(inspector, text):
    """The index of a thread: TID, #INDEX, or 0xADDRESS of its record. CommandError."""
    if text.startswith("#"):
        i = number_of(text[1:], "thread")
        if not 0 <= i < MAX_THREADS:
            raise CommandError(f"thread {text}: indices go from 0 to {MAX_THREADS - 1}")
    elif text.lower().startswith("0x"):
        i = inspector.thread_at(number_of(text, "thread"))
        if i < 0:
            raise CommandError(f"thread {text}: no thread's record lies there (show all threads has their addresses)")
    else:
        i = inspector.thread_of_tid(number_of(text, "thread"))
        if i < 0:
            raise CommandError(f"thread {text}: no living thread has this tid (show all threads)")
    if not inspector.state(i):
        raise CommandError(f"thread {text}: its record is free")
    return i


def task_of(inspector, text):
    """The index of a task: PID or #INDEX. CommandError."""
    if text.startswith("#"):
        k = number_of(text[1:], "task")
        k = k if 0 <= k < MAX_TASKS and k in inspector.tasks() else -1
    else:
        k = inspector.task_of_pid(number_of(text, "task"))
    if k < 0:
        raise CommandError(f"task {text}: there is none (show tasks)")
    return k
