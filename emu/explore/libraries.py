"""Words that only libraries use are no switch points: what a C library does inside is taken to be right.

Most of what threads share is in the library: lists of threads, locks around them, counts.  To switch threads there
finds nothing, and takes the place of switches that would.  So of the shared words those are left out that no
instruction of the program's own source uses, unless an atomic instruction does and the word is no variable of a
library: a mutex, which the library changes, is the program's.

Which instructions are the program's own is known by its debug information; without any, all shared words are kept.
"""

from ..limits import SERVER
from ..server.errors import LinuxError
from ..server.guest_memory import UserMemory
from ..world.layout import CALL, TELL
from ..world.strategies import pos, random_walk
from .source import Source

FIRST = 1 << 42  # number of the schedules that are looked at
LOOKS = (random_walk, pos, random_walk)
_ATOMIC = 0x2F  # major opcode


def leave_out_libraries(world):
    """Of the shared words of a World keep those that matter to its program."""
    source = Source(world.image["path"])
    if not source.has_lines:
        return
    used, kept, known = set(), set(), {}
    memory = UserMemory(world.window, SERVER, world._task)

    def look(i):
        own, pc = world.record["threads"][i], int(world.machine["threads"][i]["pc"])
        if own["kind"] == CALL:
            return
        at = int(own["at"])
        if pc not in known:
            known[pc] = source.line_at(pc) is not None, _is_atomic(memory, pc)
        is_own, is_atomic = known[pc]
        variable = source.variable_at(at)
        of_library = not variable.is_own and not variable.name.startswith("0x")
        used.add(at & ~7)
        if is_own or (is_atomic and not of_library):
            kept.add(at & ~7)

    world.tell = look
    try:
        for n, strategy in enumerate(LOOKS):
            world.run(FIRST + n, strategy, TELL)
    finally:
        world.tell = None
    world.share_only([at for at in world.shared if at in kept or at not in used])


def _is_atomic(memory, pc):
    try:
        return memory.read(pc, 1)[0] & 0x7F == _ATOMIC
    except LinuxError:
        return False
