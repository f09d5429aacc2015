"""What the debugger shows of guest memory: areas, frames, words, stacks. Each function returns lines."""

from ..isa.disassemble import disassemble, length
from ..kernel.vm.pagetable import SHARED, R, W, X
from ..limits import MAX_AREAS, MAX_TASK_AREAS
from ..shm.tags import TAG_NAMES
from .text import CommandError, columns
from .unwind import unwind

LINES = 8
MOST_LINES = 64


def maps(inspector, k):
    """The areas of a task, by address. Of a damaged tree, in which an area is there twice, each once, and a word."""
    areas, rows, left, seen, again = inspector.machine["areas"], [], [int(inspector.task(k)["areas"])], set(), set()
    while left and len(rows) < MAX_TASK_AREAS:
        a = left.pop() - 1
        if not 0 <= a < MAX_AREAS:
            continue
        if a in seen:
            again.add(a)
            continue
        seen.add(a)
        area = areas[a]
        start, end, flags = int(area["start"]), int(area["end"]), int(area["flags"])
        rights = "".join(letter if flags & bit else "-" for letter, bit in (("r", R), ("w", W), ("x", X)))
        size = f"{(end - start) >> 10:,} KiB"
        obj = int(area["object"])
        rows.append((start, f"{end:#x}", rights + ("s" if flags & SHARED else "p"), size,
                     f"object {obj - 1}, page {int(area['first'])}" if obj else "untouched"))  # fmt: skip
        left += [int(area["left"]), int(area["right"])]
    lines = columns(
        ("start", "end", "rights", "size", "what"), [(f"{row[0]:#x}", *row[1:]) for row in sorted(rows)], "no area"
    )
    return lines + [f"the tree is damaged: area {a} is in it twice" for a in sorted(again)]


def frames(inspector):
    """How the guest's memory is used: frames, and what the kernel has allocated, by tag."""
    m = inspector.machine
    total, free = int(m["nr_frames"]), int(m["nr_free_frames"])
    counts = [0] * len(TAG_NAMES)
    sizes = [0] * len(TAG_NAMES)
    for actor in (*range(inspector.nr_cpus()), *range(len(m["cpus"]) - 4, len(m["cpus"]))):
        for tag in range(len(TAG_NAMES)):
            counts[tag] += int(m["cpus"][actor]["tag_count"][tag])
            sizes[tag] += int(m["cpus"][actor]["tag_bytes"][tag])
    rows = [(name, f"{counts[k]:,}", f"{sizes[k]:,}") for k, name in enumerate(TAG_NAMES) if counts[k] or sizes[k]]
    line = f"{total:,} frames of 4 KiB, {total - free:,} in use, {int(m['fresh_frame']):,} ever used"
    return [line, *columns(("allocated", "count", "bytes"), rows, "nothing is allocated")]


def backtrace(inspector, i):
    k, found = inspector.task_of(i), unwind(inspector, i)
    rows = [(f"#{n}", f"{f.pc:#x}", f.place or "?", "" if f.how in ("pc", "ra", "cfi") else f"({f.how})")
            for n, f in enumerate(found)]  # fmt: skip
    lines = columns(("", "pc", "function", ""), rows)[1:]
    if any(f.how == "scan" for f in found):
        lines.append("(scan): a guess, the next word of the stack that points behind a call")
    if not inspector.program_path(k):
        lines.append("no names: nobody knows the program's file")
    return lines


def examine(inspector, k, address, count=LINES):
    """Words of memory, 16 bytes a line; of a page that may be executed, instructions."""
    count = min(max(count, 1), MOST_LINES)
    if inspector.memory.is_code(k, address):
        return _code(inspector, k, address, count)
    lines = []
    for at in range(address, address + 16 * count, 16):
        content = inspector.memory.read(k, at, 16)
        if not content:
            break
        words = " ".join(content[n : n + 8][::-1].hex() for n in range(0, len(content), 8))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in content)
        lines.append(f"{at:#x}  {words:33}  {text}")
    if not lines:
        raise CommandError(f"address {address:#x}: the task has no page there, or has not touched it yet (show maps)")
    return lines


def _code(inspector, k, address, count):
    lines, at = [], address & ~1
    while len(lines) < count:
        low = inspector.memory.word(k, at, 2)
        bits = low if low is None or length(low) == 2 else inspector.memory.word(k, at, 4)
        if bits is None:
            break
        lines.append(f"{at:#x}  {inspector.place(k, at):24}  {disassemble(bits, at)}")
        at += length(low)
    return lines
