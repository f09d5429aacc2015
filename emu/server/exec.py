"""Placing a program in a new task: segments, stack, arguments, auxiliary vector (execve(2)).

Runs in the system server.  The stack begins with what the System V ABI for RISC-V
says: argc, argv, envp, auxv.  Below the stack lies a gap that is never mapped.
"""

import struct
from itertools import accumulate
from typing import NamedTuple

from ..abi.mman import PROT_EXEC, PROT_READ, PROT_WRITE
from ..kernel.task.helpers import HELPER_AT, HELPER_CODE
from ..kernel.vm.address_space import map_region, protect_region
from ..limits import PAGE_SIZE, USER_TOP
from .credentials import ROOT
from .errors import LinuxError
from .guest_memory import UserMemory

STACK_BYTES = 8 << 20
MOST_STACK_BYTES = 1 << 30  # of a task whose limit is larger, or infinite
MAX_ARGUMENT_BYTES = STACK_BYTES // 4  # of arguments and environment, pointers included, as in Linux (E2BIG)
LEAST_STACK_BYTES = 128 << 10  # beside the arguments, as in Linux
TRAMPOLINE = USER_TOP - 16 * PAGE_SIZE
STACK_TOP = TRAMPOLINE - PAGE_SIZE
SIGRETURN_CODE = struct.pack("<II", 0x08B00893, 0x00000073)  # li a7, 139; ecall
HWCAP = sum(1 << (ord(letter) - ord("a")) for letter in "imafdc")
AT = {
    "PHDR": 3, "PHENT": 4, "PHNUM": 5, "PAGESZ": 6, "BASE": 7, "FLAGS": 8, "ENTRY": 9, "UID": 11,
    "EUID": 12, "GID": 13, "EGID": 14, "HWCAP": 16, "CLKTCK": 17, "SECURE": 23, "RANDOM": 25,
    "EXECFN": 31,
}  # fmt: skip


class PlacingError(Exception):
    """The program does not fit; the message is for the user."""


class Placed(NamedTuple):
    """Where a program was put, and what its stack holds: (start, end) of the strings."""

    pc: int
    sp: int
    auxiliary: bytes  # the auxiliary vector
    arguments: tuple
    variables: tuple
    images: tuple = ()  # (start, end, rights, path) of the segments' pages, from the lowest address on


def page_down(address):
    return address & ~(PAGE_SIZE - 1)


def page_up(address):
    return page_down(address + PAGE_SIZE - 1)


def place_program(window, me, task, program, argv, variables, random_bytes, who=ROOT, stack_limit=STACK_BYTES):
    """Fill a task's empty address space with a program and, where it has one, its interpreter; a Placed.

    `variables` are bytes, NAME=value.  `stack_limit`: the task's RLIMIT_STACK, in bytes; what it asks for is mapped at
    once, and its pages come as they are used.  PlacingError when memory does not suffice.
    """
    size = argument_bytes(argv, variables)
    if size > MAX_ARGUMENT_BYTES:
        raise PlacingError(f"arguments and variables of {size} bytes, expected at most {MAX_ARGUMENT_BYTES}")
    memory = UserMemory(window, me, task)
    base = window.address
    interpreter = program.get("loader")
    try:
        end = _place_image(base, me, task, memory, program)
        if interpreter:
            _place_image(base, me, task, memory, interpreter)
        _check(map_region(base, me, task, TRAMPOLINE, PAGE_SIZE, PROT_READ | PROT_WRITE))
        memory.write(
            TRAMPOLINE, SIGRETURN_CODE.ljust(HELPER_AT, b"\0") + struct.pack(f"<{len(HELPER_CODE)}I", *HELPER_CODE)
        )
        _check(protect_region(base, me, task, TRAMPOLINE, PAGE_SIZE, PROT_READ | PROT_EXEC))
        stack = page_down(min(max(stack_limit, size + LEAST_STACK_BYTES), MOST_STACK_BYTES))
        _check(map_region(base, me, task, STACK_TOP - stack, stack, PROT_READ | PROT_WRITE))
        placed = _push_arguments(memory, program, argv, variables, random_bytes, who)
    except LinuxError:
        raise PlacingError("not enough guest memory for the program: give it more with --memory") from None
    record = window.machine["tasks"][task]
    record["brk_start"] = record["brk"] = page_up(end)
    record["trampoline"] = TRAMPOLINE
    images = _shown(program) + (_shown(interpreter) if interpreter else ())
    return placed._replace(pc=(interpreter or program)["entry"], images=images)


def _shown(image):
    """A placed image as /proc/PID/maps tells of it."""
    path = image.get("shown", "")
    rights = ("".join(r if prot & bit else "-" for r, bit in (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC)))
              for _, _, prot in _page_ranges(image["segments"]))  # fmt: skip
    return tuple((*each[:2], r, path) for each, r in zip(_page_ranges(image["segments"]), rights))


def _place_image(base, me, task, memory, image):
    """Map a program's segments; where the last one ends."""
    for start, stop, _ in _page_ranges(image["segments"]):
        _check(map_region(base, me, task, start, stop - start, PROT_READ | PROT_WRITE))
    for segment in image["segments"]:
        memory.write(segment["start"], segment["data"])
    for start, stop, prot in _page_ranges(image["segments"]):
        _check(protect_region(base, me, task, start, stop - start, prot))
    return max(segment["start"] + segment["size"] for segment in image["segments"])


def _check(result):
    if result < 0:
        raise LinuxError(-result)


def _page_ranges(segments):
    """(start, stop, prot) page ranges; where segments share a page it has the rights of both."""
    pages = []
    for segment in sorted(segments, key=lambda s: s["start"]):
        start, stop = page_down(segment["start"]), page_up(segment["start"] + segment["size"])
        if pages and start < pages[-1][1]:
            last_start, last_stop, last_prot = pages.pop()
            if last_start < start:
                pages.append((last_start, start, last_prot))
            shared_stop = min(last_stop, stop)
            pages.append((start, shared_stop, last_prot | segment["prot"]))
            start = shared_stop
        if start < stop:
            pages.append((start, stop, segment["prot"]))
    return pages


def argument_bytes(argv, variables):
    """What arguments and environment take of the stack, their pointers included."""
    return sum(len(text) + 9 for text in (*argv, *variables))


def _push_arguments(memory, program, argv, variables, random_bytes, who):
    """Write strings and vectors to the top of the stack; a Placed, its sp 16-byte aligned. Linux's order."""
    sp = STACK_TOP

    def push(data):
        nonlocal sp
        sp -= len(data)
        memory.write(sp, data)
        return sp

    def push_all(texts):
        """One store for all of them; their addresses."""
        at = push(b"".join(text + b"\0" for text in texts))
        return list(accumulate((len(text) + 1 for text in texts), initial=at))

    name = push(program.get("name", argv[0] if argv else b"") + b"\0")
    *variables, variables_end = push_all(variables)
    # They end where the environment begins, as in Linux: programs write their title there.
    *arguments, arguments_end = push_all(argv)
    ends = (arguments[0] if arguments else arguments_end, arguments_end), (arguments_end, variables_end)
    sp &= ~15
    random_at = push(random_bytes)
    auxiliary = {
        "PHDR": program["headers"], "PHENT": program["header_bytes"], "PHNUM": program["nr_headers"],
        "PAGESZ": PAGE_SIZE, "BASE": program["loader"]["base"] if program.get("loader") else 0, "FLAGS": 0,
        "ENTRY": program["entry"], "UID": who.uid, "EUID": who.euid, "GID": who.gid, "EGID": who.egid,
        "HWCAP": HWCAP, "CLKTCK": 100, "SECURE": 0, "RANDOM": random_at, "EXECFN": name,
    }  # fmt: skip
    words = [len(arguments), *arguments, 0, *variables, 0]
    vector = [word for key, value in auxiliary.items() for word in (AT[key], value)] + [0, 0]
    words += vector
    sp -= 8 * (len(words) + len(words) % 2)
    sp &= ~15
    memory.write(sp, struct.pack(f"<{len(words)}Q", *words))
    return Placed(program["entry"], sp, struct.pack(f"<{len(vector)}Q", *vector), *ends)
