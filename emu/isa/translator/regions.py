"""Regions: which instructions are translated together.

A region begins at a hot place and follows jumps and branches, also through calls to where they return, until it has
SIZE instructions.  It goes only where guests have been: a word of the decoded cache that is 0 was never executed.  So
loops, and the functions that they call, lie inside, and what never happens is a way out.

    region = form(pc, fetch, targets)   fetch(page) -> Page or None, where the guest may not execute it;
                                        targets: where its indirect jumps are known to have gone
    region.blocks                       (guest address, context) -> Block
    region.entry                        the address where it is entered

A function that is called at two places is inside twice: a block's context says where its calls return to.  So each
return leads to one place, and loops stay loops.  For the same reason there is one entry.  With several, or with
functions that return to many places, LLVM does not see what is a loop, and keeps in memory what should be in registers
(measured: half the speed).  What is hot in the middle of a region gets one of its own.

Calls are usually an auipc and an indirect jump, which counts as a direct one.
"""

from dataclasses import dataclass, replace

from ...limits import PAGE_SIZE, REGION_PAGES
from ..decode import row_of
from .templates import Effect, template_of

SIZE = 300  # instructions
_STOPS = {  # effects that are left to the interpreter
    "csr_write", "csr_set", "csr_clear", "environment_call", "breakpoint_trap", "order_fetches", "manage_block",
    "zero_block",
}  # fmt: skip
PLAIN, BRANCH, JUMP, CALL, INDIRECT, STOP = range(6)
_AUIPC_BYTES = 4
LINKS = (1, 5)  # registers through which functions return
_DEPTH = 3  # of calls inside calls


@dataclass
class Page:
    """A page of guest code: its frame, and what its bytes and decoded words were just now."""

    frame: int
    data: object
    words: object


@dataclass(frozen=True)
class Instruction:
    pc: int
    bits: int
    row: object
    kind: int
    rd: int
    rs1: int
    rs2: int
    rs3: int
    immediate: int
    rounding: int  # the instruction's rm field, -1 none
    far_target: int = -1  # of an indirect jump behind the auipc that says where it goes

    @property
    def next(self):
        return self.pc + self.row.length

    @property
    def target(self):
        return self.far_target if self.far_target >= 0 else self.pc + self.immediate

    @property
    def returns(self):
        """Whether it is how functions return."""
        return self.kind == INDIRECT and self.rd == 0 and self.rs1 in LINKS


@dataclass
class Block:
    """Instructions that follow each other.  `context`: where the calls that it is in return to, outermost first."""

    context: tuple
    instructions: list

    @property
    def first(self):
        return self.instructions[0].pc

    @property
    def last(self):
        return self.instructions[-1]


@dataclass
class Region:
    entry: int
    blocks: dict  # by (address of the first instruction, context)
    pages: dict  # guest address -> Page
    ways: dict  # (address, context) of an indirect jump -> where it may go inside
    task: int = 0

    @property
    def size(self):
        return sum(len(block.instructions) for block in self.blocks.values())


def kind_of(row):
    """What an instruction does to the flow of control."""
    effects = {step.name for step in template_of(row).steps if isinstance(step, Effect)}
    if effects & _STOPS:
        return STOP
    if "branch" in effects:
        return BRANCH
    if "jump" in effects:
        return CALL if row.slots["rd"].field else JUMP
    return INDIRECT if "jump_to" in effects else PLAIN


_kinds = {}


def decode_instruction(pc, bits):
    """The Instruction, None for bits that are none."""
    row = row_of(bits)
    if row is None:
        return None
    kind = _kinds.get(row.name)
    if kind is None:
        kind = _kinds[row.name] = kind_of(row)

    def number(slot):
        given = row.slots.get(slot)
        if given is None:
            return 0
        return row.value(given.field, bits) if given.field else given.constant

    rd = number("rd")
    return Instruction(
        pc, bits, row, JUMP if kind == CALL and rd == 0 else kind, rd, number("rs1"), number("rs2"),
        row.value("fs3", bits) if "fs3" in row.fields else 0,
        row.value(row.immediate, bits) if row.immediate else 0,
        row.value("rm", bits) if "rm" in row.fields else -1,
    )  # fmt: skip


class _Finder:
    def __init__(self, fetch, targets):
        self.fetch, self.targets, self.pages, self.found, self.ways = fetch, targets, {}, {}, {}

    def page(self, address):
        """The Page at an address, None where there is none or the region has enough."""
        if address not in self.pages:
            if len(self.pages) == REGION_PAGES:
                return None
            page = self.fetch(address)
            if page is None:
                return None
            self.pages[address] = page
        return self.pages[address]

    def half(self, pc):
        """The two bytes at an address, -1 where they cannot be had."""
        page = self.page(pc & -PAGE_SIZE)
        if page is None:
            return -1
        offset = pc & (PAGE_SIZE - 1)
        return int(page.data[offset]) | int(page.data[offset + 1]) << 8

    def instruction(self, pc):
        """The instruction at an address, None where nobody has executed one."""
        page = self.page(pc & -PAGE_SIZE)
        if page is None or page.words[(pc & (PAGE_SIZE - 1)) >> 1] == 0:
            return None
        bits = self.half(pc)
        if bits & 3 == 3:
            upper = self.half(pc + 2)
            if upper < 0:
                return None
            bits |= upper << 16
        return decode_instruction(pc, bits) if bits >= 0 else None

    def walk(self, start):
        waiting = [[(start, ())]] + [[] for _ in range(_DEPTH)]  # by the depth of their calls: outer code comes first
        while any(waiting):
            place = next(filter(None, waiting)).pop(0)
            while place not in self.found and len(self.found) < SIZE:
                pc, context = place
                found = self.instruction(pc)
                if found is None or found.kind == STOP:
                    break
                if found.kind == INDIRECT:
                    found = self.aimed(found, context)
                self.found[place] = found
                following = self.successors(found, context)
                if found.kind in (CALL, INDIRECT) and found.rd != 0 and following:
                    for way in following:
                        waiting[len(way[1])].append(way)
                    following = [(found.next, context)]
                if not following:
                    break
                place, *others = following
                waiting[len(context)] += others
                if len(place[1]) != len(context):
                    waiting[len(place[1])].append(place)
                    break

    def successors(self, found, context):
        """The places where an instruction may go on inside, the likeliest first."""
        if found.kind == BRANCH:
            ways = [(found.next, context), (found.target, context)]
            return ways[::-1] if found.target <= found.pc else ways
        if found.kind == CALL:
            inside = len(context) < _DEPTH and found.next not in context
            return [(found.target, (*context, found.next))] if inside else []
        if found.kind == JUMP:
            return [(found.target, context)]
        if found.kind == INDIRECT:
            if found.returns:
                return [(context[-1], context[:-1])] if context else []
            inner = context
            if found.rd:
                if len(context) == _DEPTH or found.next in context:
                    return []
                inner = (*context, found.next)
            self.ways[found.pc, context] = ways = [(pc, inner) for pc in self.targets]
            return ways
        return [(found.next, context)]

    def aimed(self, jump, context):
        """An indirect jump, as one to a known place where the auipc before it says which."""
        before = self.found.get((jump.pc - _AUIPC_BYTES, context))
        if before is None or before.row.name != "auipc" or before.rd != jump.rs1 or jump.rs1 == 0:
            return jump
        target = before.pc + before.immediate + jump.immediate & -2
        return replace(jump, kind=CALL if jump.rd else JUMP, far_target=target)


def looks(pc, target):
    """Whether to go from one place to another is to jump backward, or into another page."""
    return target <= pc or (target ^ pc) & -PAGE_SIZE != 0


def form(pc, fetch, targets=()):
    """The Region that begins at a guest address; None where nothing can be translated there."""
    finder = _Finder(fetch, targets)
    finder.walk(pc)
    found = finder.found
    if (pc, ()) not in found:
        return None
    leaders = {(pc, ())}
    for (at, context), each in found.items():
        if each.kind != PLAIN:
            leaders.update(finder.successors(each, context))
            leaders.add((each.next, context))
        elif (each.next ^ at) & -PAGE_SIZE:
            leaders.add((each.next, context))
    blocks = {}
    for first in sorted(leaders & found.keys()):
        context, instructions = first[1], [found[first]]
        while instructions[-1].kind == PLAIN:
            following = instructions[-1].next, context
            if following in leaders or following not in found:
                break
            instructions.append(found[following])
        blocks[first] = Block(context, instructions)
    pages = {address & -PAGE_SIZE for each in found.values() for address in (each.pc, each.next - 2)}
    return Region(pc, blocks, {k: finder.pages[k] for k in sorted(pages)}, finder.ways)
