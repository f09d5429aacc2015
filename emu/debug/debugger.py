"""`Debugger`: the commands of `emu debug`, over an Inspector; a line in, lines out.

    debugger = Debugger(attach(pid))
    for line in debugger.execute("show thread 3"): print(line)

A word of a command may be shortened as long as it stays clear (`sh al th`).  What was typed wrongly is a CommandError,
one line; the debugger goes on.  Answers show names that guests have made with what moves a terminal taken out.

`control` pauses and continues a machine (machine/control.py), None for a snapshot.
"""

from ..errors import MachineError
from ..machine.snapshot import write_snapshot
from . import show_groups, show_memory, show_threads, show_waits
from .text import CommandError, number_of, task_of, thread_of

COMMANDS = {  # words -> (argument, what it does)
    "show thread": ("TID|#INDEX|0xADDRESS", "one thread: state, accounts, registers"),
    "show all threads": ("", "every living thread, and what it waits for"),
    "show cpus": ("", "what each CPU runs"),
    "show queues": ("", "run queues, the system server's ring, the timekeeper's heap"),
    "show locks": ("", "kernel locks that are held; mutexes and futexes, who holds them, who waits"),
    "show waits": ("", "who waits for whom, and deadlocks"),
    "show tasks": ("", "address spaces with their threads"),
    "show groups": ("", "groups of kernel-scheduled entities"),
    "show upcalls": ("", "upcalls and their owners"),
    "show mailboxes": ("", "mailboxes and ports with messages"),
    "show maps": ("PID|#INDEX", "the areas of a task"),
    "show frames": ("", "guest memory in use, by what it is used for"),
    "show machine": ("", "which machine this is, how it fares"),
    "backtrace": ("TID|#INDEX|0xADDRESS", "who called whom in a thread"),
    "examine": ("ADDRESS [COUNT] [PID]", "memory of a task, by default the first one; code is disassembled"),
    "pause": ("", "stop all CPUs between two instructions"),
    "continue": ("", "let them go on"),
    "snapshot": ("FILE", "write the machine into a file that emu debug reads"),
    "help": ("", "this list"),
    "quit": ("", "leave; a machine that was paused here goes on"),
}
AT_ONCE_MS = 300  # for the answer, when a signal ends the debugger
SHORT = {"bt": "backtrace", "x": "examine", "c": "continue", "q": "quit", "exit": "quit", "?": "help"}
WITHOUT_ARGUMENT = {
    "show all threads": show_threads.all_threads, "show cpus": show_threads.cpus, "show queues": show_threads.queues,
    "show tasks": show_threads.tasks, "show locks": show_waits.locks, "show waits": show_waits.waits,
    "show groups": show_groups.groups, "show upcalls": show_groups.upcalls, "show mailboxes": show_groups.mailboxes,
    "show frames": show_memory.frames,
}  # fmt: skip


class Debugger:
    """Executes commands; `done` once it was told to quit."""

    def __init__(self, inspector, control=None):
        self.inspector, self.done = inspector, False
        self._control = control
        self._paused = False

    def execute(self, line):
        """The answer to a command, as lines. CommandError, and MachineError of what it asks others for."""
        words = line.split()
        if not words or words[0].startswith("#"):
            return []
        words[0] = SHORT.get(words[0], words[0])
        command, arguments = _parse(words)
        if command in WITHOUT_ARGUMENT:
            return WITHOUT_ARGUMENT[command](self.inspector)
        return getattr(self, f"do_{command.replace(' ', '_')}")(*arguments)

    def complete(self, line):
        """What a line may become: whole commands, and the threads or tasks that it may name."""
        found = [name for name in COMMANDS if name.startswith(line)]
        for name, (argument, _) in COMMANDS.items():
            if argument.startswith("TID") and line.startswith(name + " "):
                found += [f"{name} {self.inspector.tid(i)}" for i in self.inspector.living()]
            if argument.startswith("PID") and line.startswith(name + " "):
                found += [f"{name} {int(self.inspector.task(k)['pid'])}" for k in self.inspector.tasks()]
        return [text for text in found if text.startswith(line)]

    def leave(self):
        """A machine that was paused here goes on."""
        self.done = True
        return self.do_continue() if self._paused else []

    def leave_at_once(self):
        """The same, by a signal's handler: in the middle of a command, and it is not waited for long."""
        if self._paused:
            self._control.ask("continue", AT_ONCE_MS)

    # --- commands with arguments ------------------------------------------------------------------

    def do_show_thread(self, text):
        return show_threads.thread(self.inspector, thread_of(self.inspector, text))

    def do_show_maps(self, text):
        return show_memory.maps(self.inspector, task_of(self.inspector, text))

    def do_backtrace(self, text):
        return show_memory.backtrace(self.inspector, thread_of(self.inspector, text))

    def do_examine(self, address, count="8", pid=None):
        tasks = self.inspector.tasks()
        if not tasks:
            raise CommandError("no task is alive, so there is no address space to look into")
        k = tasks[0] if pid is None else task_of(self.inspector, pid)
        return show_memory.examine(self.inspector, k, number_of(address, "address"), number_of(count, "count"))

    def do_show_machine(self):
        return show_threads.machine(self.inspector)

    def do_pause(self):
        control = self._controls("pause")
        self._paused = True  # before it is: a signal may come while the answer is waited for
        try:
            return [control.ask("pause")]
        except MachineError:
            self._paused = False
            raise

    def do_continue(self):
        answer = self._controls("continue").ask("continue")
        self._paused = False
        return [answer]

    def _controls(self, name):
        if self._control is None:
            raise CommandError(f"{name}: this is a snapshot, in which nothing runs")
        return self._control

    def do_snapshot(self, path):
        if not self.inspector.descriptors:
            raise CommandError("snapshot: this is one already")
        size = write_snapshot(path, self.inspector.snapshot_header(), self.inspector.descriptors)
        return [f"{path}: {size / (1 << 20):.1f} MiB"]

    def do_help(self):
        width = max(len(f"{name} {argument}") for name, (argument, _) in COMMANDS.items())
        return [f"{f'{name} {argument}':{width}}  {what}" for name, (argument, what) in COMMANDS.items()]

    def do_quit(self):
        return self.leave()


def _parse(words):
    """(command, its arguments) of the words that were typed."""
    found = [name for name in COMMANDS if _fits(name.split(), words)]
    exact = [name for name in found if words[: len(name.split())] == name.split()]
    found = exact or found
    if len(found) > 1:
        raise CommandError(f"{' '.join(words)!r}: may be {', '.join(found)}")
    if not found:
        raise CommandError(f"{' '.join(words)!r}: no such command (help lists them)")
    name = found[0]
    arguments, expected = words[len(name.split()) :], COMMANDS[name][0].split()
    least = sum(not each.startswith("[") for each in expected)
    if not least <= len(arguments) <= len(expected):
        raise CommandError(f"usage: {name} {COMMANDS[name][0]}".rstrip())
    return name, arguments


def _fits(name, words):
    return len(words) >= len(name) and all(full.startswith(word) for full, word in zip(name, words))
