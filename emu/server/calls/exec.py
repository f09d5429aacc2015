"""Served calls execve and execveat: a task's memory is replaced by a program's (execve(2)).

1. The program is found, read and checked, scripts lead to their interpreters: until here a failure is the call's.
2. All threads but one leave (kernel/task/execute.py).  That is the first thread where it has not left, whichever asks;
   it goes on with the call, and so keeps the tid that is the pid.
3. The memory is emptied and filled anew.  From here on a failure ends the task.

Differs from Linux: where the first thread has left before, the one that goes on keeps its own tid, which is not the
pid then; set-user-id bits do nothing; no ETXTBSY; no binfmt_misc.
"""

import os

from ...abi.errno import E2BIG, EACCES, EINVAL, ELIBBAD, ELOOP, ENOENT, ENOEXEC, ENOMEM
from ...abi.files import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_RDONLY, S_IFLNK, S_IFREG, X_OK
from ...abi.signals import SIGKILL
from ...kernel.task.execute import ANOTHER, begin_anew, hand_over_signals, keep_one
from ...kernel.task.kill_reasons import KILL_INTERNAL, KILL_SIGNAL
from ...kernel.task.reaping import end_vfork_of
from ...kernel.task.signals import set_thread_mask
from ...server.elf import ElfError, parse
from ..argument_strings import read_strings
from ..errors import Blocked, LinuxError, NoResult
from ..exec import MAX_ARGUMENT_BYTES, PlacingError, argument_bytes, place_program
from ..resource_limits import RLIMIT_STACK, limit_of
from ..vfs.access import check
from .names import start_of
from .registry import Int32, Pointer, served

MAX_STRING_BYTES = 128 << 10
MAX_IMAGE_BYTES = 1 << 30
MAX_SCRIPTS = 5  # that lead one to another
SCRIPT_LINE_BYTES = 256
LOADER_BASE = 1 << 36  # where a program's interpreter (PT_INTERP) is mapped


class Alone(Blocked):
    """The call goes on when the other threads have left; no signal ends that, and a kill is seen then."""

    interruptible = False

    def __init__(self):
        super().__init__(None)


class Execution:
    """What a task is about to execute, kept in TaskState.executing until all but one of its threads have left."""

    def __init__(self, program, variables, thread, credentials):
        self.program, self.variables, self.credentials = program, variables, credentials
        self.mask = int(thread["signal_mask"])
        self.has_survivor = False  # the thread that goes on has come to the server


@served("execve")
def execve(call, path_at: Pointer, argv_at: Pointer, variables_at: Pointer):
    return _execute(call, lambda: _prepare(call, AT_FDCWD, path_at, argv_at, variables_at, 0))


@served("execveat")
def execveat(call, dirfd: Int32, path_at: Pointer, argv_at: Pointer, variables_at: Pointer, flags: Int32):
    if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW):
        raise LinuxError(EINVAL)
    return _execute(call, lambda: _prepare(call, dirfd, path_at, argv_at, variables_at, flags))


def _prepare(call, dirfd, path_at, argv_at, variables_at, flags):
    """The Execution that a call asks for. LinuxError."""
    path = os.fsdecode(call.string(path_at))
    most = most_argument_bytes(call)
    argv, variables = (read_strings(call.read, at, most, MAX_STRING_BYTES) for at in (argv_at, variables_at))
    argv = argv or [b""]
    name, hidden = _name(call, dirfd, path)
    program = find_program(call.tree, call.task, _opened(call, dirfd, path, flags), name, argv, hidden)
    if argument_bytes(program["argv"], variables) > most:
        raise LinuxError(E2BIG)
    program["number"] = call.server.executed.executed(program["path"], program.pop("image"))
    return Execution(program, variables, call.thread, call.credentials)


def most_argument_bytes(call):
    """A quarter of the stack that the task may have, but not less than a string may take."""
    return max(min(MAX_ARGUMENT_BYTES, limit_of(call.task, RLIMIT_STACK)[0] // 4), MAX_STRING_BYTES)


def _execute(call, prepare):
    """The call of the thread that asks, or of the one that goes on, which comes with REQUEST_PROGRAM or an execve."""
    task, server, i = call.task, call.server, call.thread_index
    if call.memo is None:
        task.executing = call.memo = task.executing or prepare()
    execution = call.memo
    others = keep_one(server.base, server.me, i)
    if others == ANOTHER:
        if not execution.has_survivor:
            raise Alone
        hand_over_signals(server.base, server.me, i, int(call.task_record["survivor"]) - 1)
        raise NoResult  # the other has come: this one leaves
    execution.has_survivor = True
    if others > 0:
        raise Alone
    task.executing = None
    try:
        _replace(call, execution)
    except LinuxError:  # no memory for descriptors of its own
        server.end_task(call.task_index, SIGKILL, KILL_SIGNAL)
    except Exception as error:  # there is no program to go back to
        server.mishaps.note("execve", error)
        server.end_task(call.task_index, SIGKILL, KILL_INTERNAL)
    raise NoResult


# --- what is executed -------------------------------------------------------------------------------------------------


def _name(call, dirfd, path):
    """(AT_EXECFN, whether nobody finds the file by it once descriptors are closed) of a path from a directory."""
    if path[:1] == "/" or dirfd == AT_FDCWD:
        return os.fsencode(path), False
    name = b"/dev/fd/%d" % dirfd + (b"/" + os.fsencode(path) if path else b"")
    return name, call.task.files.close_on_exec(dirfd)


def _opened(call, dirfd, path, flags):
    """The file of a program, as an OpenFile that the caller closes."""
    if not path and flags & AT_EMPTY_PATH:
        by = call.task.files.get(dirfd)
        file = _open_node(call.task, by.node)
        file.origin = by.origin
        return file
    start = start_of(call, dirfd, path)
    if flags & AT_SYMLINK_NOFOLLOW and call.tree.find(call.task, start, path, follow=False).kind == S_IFLNK:
        raise LinuxError(ELOOP)
    return open_program(call.tree, call.task, start, path)


def open_program(tree, task, start, path):
    """An OpenFile of a file that may be executed; ENOENT, EACCES."""
    file = _open_node(task, tree.find(task, start, path))
    directory, name, *_ = tree.walk(task, start, path)
    file.origin = (directory, name)
    return file


def _open_node(task, node):
    if node.kind != S_IFREG:
        raise LinuxError(EACCES)
    check(node, task, X_OK)
    node.check_access(X_OK)
    return node.open(O_RDONLY, task)


def _content(file):
    """(path, all bytes) of an open file, which is closed; ENOENT, ENOMEM."""
    try:
        where, parts, at = file.path(), [], 0
        while data := file.read_at(at, 1 << 20):
            parts.append(data)
            at += len(data)
            if at > MAX_IMAGE_BYTES:
                raise LinuxError(ENOMEM)
        return where, b"".join(parts)
    finally:
        file.close()


def find_program(tree, task, file, name, argv, hidden=False):
    """What place_program needs, with `argv`, `name` (as it was asked for), `path`, `node` and `image`, its bytes.

    Scripts are followed.  `hidden`: an interpreter would not find a script by that name, because the descriptor in it
    is closed then.
    """
    script = name
    for _ in range(MAX_SCRIPTS + 1):
        node, (where, data) = file.node, _content(file)
        if data[:2] != b"#!":
            return {
                **_parsed(tree, task, data), "argv": argv, "name": name, "path": where, "node": node, "image": data,
            }  # fmt: skip
        interpreter, argument = script_line(data[:SCRIPT_LINE_BYTES])
        if hidden:
            raise LinuxError(ENOENT)
        argv = [interpreter, *argument, script, *argv[1:]]
        script = interpreter
        file = open_program(tree, task, tree.directory(task), os.fsdecode(script))
    file.close()
    raise LinuxError(ELOOP)


def script_line(head):
    """(the interpreter of a script, [its argument] or []) from the file's first bytes. ENOEXEC."""
    line, newline, _ = head[2:].partition(b"\n")
    if not newline and len(head) == SCRIPT_LINE_BYTES:
        line = line[:-1]
        if not any(byte in line.lstrip(b" \t") for byte in b" \t\0"):
            raise LinuxError(ENOEXEC)  # the name may go on
    line = line.strip(b" \t")
    end = next((at for at, byte in enumerate(line) if byte in b" \t\0"), len(line))
    if end == 0:
        raise LinuxError(ENOEXEC)
    argument = b"" if line[end : end + 1] == b"\0" else line[end:].lstrip(b" \t").split(b"\0")[0]
    return line[:end], [argument] if argument else []


def _parsed(tree, task, data):
    """The image, and that of the interpreter which a dynamic program names."""
    try:
        program = parse(data)
    except ElfError:
        raise LinuxError(ENOEXEC) from None
    if program["interpreter"]:
        try:
            program["loader"] = loader_of(tree, task, program["interpreter"])
        except ElfError:
            raise LinuxError(ELIBBAD) from None
    return program


def loader_of(tree, task, path):
    """The image of the interpreter at a path (bytes) of the guest's tree. LinuxError, ElfError."""
    image = parse(_content(open_program(tree, task, tree.root, os.fsdecode(path)))[1], LOADER_BASE)
    return {**image, "shown": os.fsdecode(path)}


# --- the point of no return -------------------------------------------------------------------------------------------


def _replace(call, execution):
    """Thread and task become those of the new program; where memory does not suffice for it, the task ends."""
    server, i, thread, task = call.server, call.thread_index, call.thread, call.task
    program, variables = execution.program, execution.variables
    if begin_anew(server.base, server.me, i) < 0:
        server.end_task(call.task_index, SIGKILL, KILL_SIGNAL)
        return
    task.argv = program["argv"]
    task.execute(program["path"], program["node"], program["name"])
    call.credentials = execution.credentials
    set_thread_mask(server.base, server.me, i, execution.mask)
    server.view.set_name(call.tid, task.name)
    end_vfork_of(server.base, server.me, call.task_index)
    try:
        program["shown"] = program["path"]
        task.placed = place_program(
            server.window, server.me, call.task_index, program, program["argv"], variables,
            server.random.randbytes(16), call.credentials, limit_of(task, RLIMIT_STACK)[0],
        )  # fmt: skip
    except PlacingError as error:
        server.tell_person(int(thread["task"]), str(error))
        server.end_task(call.task_index, SIGKILL, KILL_SIGNAL)
        return
    server.machine["tasks"][call.task_index]["program"] = program["number"]
    thread["pc"], thread["x"][2] = task.placed.pc, task.placed.sp
