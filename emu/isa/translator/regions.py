"""Regions: which instructions are translated together.

A region begins at a hot place and follows jumps and branches, also through calls to where they return, until it has
SIZE instructions.  It goes only where guests have been: a word of the decoded cache that is 0 was never executed.  So
loops, and the functions that they call, lie inside, and what never happens is a way out.

    region = form(pc, fetch)        fetch(page) -> Page or None, where the guest may not execute it
    region.blocks                   guest address -> Block
    region.entries                  addresses where it may be entered
"""

from dataclasses import dataclass

from ...limits import PAGE_SIZE, REGION_PAGES
from ..decode import row_of
from .templates import Effect, template_of

SIZE = 300  # instructions
_STOPS = {  # effects that are left to the interpreter
    "csr_write", "csr_set", "csr_clear", "environment_call", "breakpoint_trap", "order_fetches", "manage_block",
    "zero_block",
}  # fmt: skip
PLAIN, BRANCH, JUMP, CALL, INDIRECT, STOP = range(6)
LINKS = (1, 5)  # registers through which functions return
_NEARBY, _TABLE = 4096, 12  # how far, and to how many places, the jump of a switch goes
_FUNCTIONS = 3  # that are called through one pointer


@dataclass
class Page:
    """A page of guest code: its frame, its bytes, and its decoded words."""

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

    @property
    def next(self):
        return self.pc + self.row.length

    @property
    def target(self):
        return self.pc + self.immediate


@dataclass
class Block:
    instructions: list

    @property
    def first(self):
        return self.instructions[0].pc

    @property
    def last(self):
        return self.instructions[-1]


@dataclass
class Region:
    entries: list
    blocks: dict  # by the address of the first instruction
    pages: dict  # guest address -> Page
    returns: set  # where calls whose function is inside return to
    ways: dict  # address of an indirect jump -> where it may go inside
    tier: int = 0

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
    def __init__(self, fetch, hot):
        self.fetch, self.hot, self.pages, self.found, self.ways = fetch, hot, {}, {}, {}

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
        waiting = [start]
        while waiting:
            pc = waiting.pop(0)
            while pc not in self.found and len(self.found) < SIZE:
                found = self.instruction(pc)
                if found is None or found.kind == STOP:
                    break
                self.found[pc] = found
                if found.kind == BRANCH:
                    waiting.append(found.target)
                elif found.kind == CALL:
                    waiting.append(found.next)
                elif found.kind == INDIRECT:
                    if found.rd != 0:
                        waiting.append(found.next)
                    self.ways[pc] = self.guesses(found)
                    waiting += self.ways[pc]
                    break
                pc = found.target if found.kind in (JUMP, CALL) else found.next

    def guesses(self, jump):
        """Where an indirect jump may go, of the places that are hot and are reached by such: its function's, or others."""
        if jump.rd == 0 and jump.rs1 in LINKS:
            return []
        if jump.rd == 0:
            return [pc for pc, far in self.hot.items() if far and abs(pc - jump.pc) < _NEARBY][:_TABLE]
        return [pc for pc, far in self.hot.items() if far and pc != jump.next][:_FUNCTIONS]


def looks(pc, target):
    """Whether a jump looks at budget and interrupts, so that a thread may stop there: backward, or into another page."""
    return target <= pc or (target ^ pc) & -PAGE_SIZE != 0


def form(pc, fetch, hot=()):
    """The Region that begins at a guest address; None where nothing can be translated there."""
    finder = _Finder(fetch, dict(hot))
    finder.walk(pc)
    found = finder.found
    if pc not in found:
        return None
    leaders, returns, entries = {pc}, set(), {pc}
    for each in found.values():
        if each.kind in (BRANCH, JUMP, CALL):
            leaders.add(each.target)
            if each.target in found and looks(each.pc, each.target):
                entries.add(each.target)
        if each.kind != PLAIN or (each.next ^ each.pc) & -PAGE_SIZE:
            leaders.add(each.next)
        ways = [way for way in finder.ways.get(each.pc, ()) if way in found]
        leaders.update(ways)
        entries.update(ways)
        if each.kind in (CALL, INDIRECT) and each.rd != 0 and each.next in found:
            entries.add(each.next)
            if ways or (each.kind == CALL and each.target in found):
                returns.add(each.next)
    blocks = {}
    for first in sorted(leaders & found.keys()):
        instructions = [found[first]]
        while instructions[-1].kind == PLAIN:
            following = instructions[-1].next
            if following in leaders or following not in found:
                break
            instructions.append(found[following])
        blocks[first] = Block(instructions)
    pages = {address & -PAGE_SIZE for each in found.values() for address in (each.pc, each.next - 2)}
    return Region(sorted(entries), blocks, {k: finder.pages[k] for k in sorted(pages)}, returns, finder.ways)
