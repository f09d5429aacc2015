"""Who called whom: the frames of a guest thread's stack, innermost first.

    for frame in unwind(inspector, i):
        frame.pc, frame.place, frame.how

Three ways to find a caller, the best that there is at each frame:

cfi    the program's .eh_frame says where the return address is (DWARF 5 §6.4); compilers write it unless told not to
fp     s0 points to a pair, the caller's s0 and the return address (the psABI's frame-pointer convention)
scan   the next word of the stack that points behind a call, which may be what a call that has returned has left

Guest memory is hostile, so: at most MOST_FRAMES, each frame's stack pointer above the last one's, at most SCANNED words
looked through, and a return address counts only in a page that may be executed, with a call before it.  Values that the
tables compute (DW_CFA expressions) are not evaluated: frames of signal handlers end a walk, or are scanned.
"""

from typing import NamedTuple

from ..abi.registers import RA, SP

MOST_FRAMES = 64
SCANNED = 512  # words
WORD = 8
S0 = 8  # the frame pointer, where there is one
OUTERMOST = {"_start", "__clone", "clone", "__clone3"}  # assembly that nobody has called, and has no tables
_CALLEE_SAVED = (8, 9, *range(18, 28))


class Frame(NamedTuple):
    pc: int
    place: str  # function+offset, "" without a name
    how: str  # "pc", "ra", "cfi", "fp", "scan"


def unwind(inspector, i):
    """[Frame] of a thread, from its registers as they were stored last: those of one that runs are old."""
    return _Walk(inspector, i).frames()


class _Walk:
    def __init__(self, inspector, i):
        t = inspector.thread(i)
        self._inspector, self._memory, self._task = inspector, inspector.memory, inspector.task_of(i)
        self._registers = [int(x) & (1 << 64) - 1 for x in t["x"][:32]]
        self._pc = int(t["pc"]) & (1 << 64) - 1

    def frames(self):
        found = [self._frame(self._pc, "pc")]
        while len(found) < MOST_FRAMES and found[-1].place.partition("+")[0] not in OUTERMOST:
            pc, sp = self._pc, self._registers[SP]
            how = self._step(innermost=len(found) == 1)
            if how == "" or (self._pc, self._registers[SP]) == (pc, sp) or self._registers[SP] < sp:
                break
            found.append(self._frame(self._pc, how))
        return found

    def _frame(self, pc, how):
        at = pc if how == "pc" else pc - 1  # a call that does not return may be the last of its function
        program = self._inspector.program(self._task, at & ~1)
        function = program.symbols.function_at(at) if program else None
        return Frame(pc, f"{function.name}+{pc - function.start:#x}" if function else "", how)

    def _step(self, innermost):
        """Go to the caller; how it was found, "" where it was not."""
        at = self._pc if innermost else self._pc - 1
        program = self._inspector.program(self._task, at & ~1)
        row = program.rule_at(at) if program else None
        if row is not None:
            return self._by_table(row)
        if innermost and self._is_return(self._registers[RA]):
            self._pc = self._registers[RA]
            return "ra"
        return self._by_frame_pointer() or self._by_scan()

    # --- .eh_frame ----------------------------------------------------------------------------------

    def _by_table(self, row):
        rule = row["cfa"]
        if rule.reg is None or not 0 <= rule.reg < 32:
            return ""
        cfa = self._registers[rule.reg] + rule.offset & (1 << 64) - 1
        before = list(self._registers)
        for number in (RA, *_CALLEE_SAVED):
            saved = row.get(number)
            if saved is not None and saved.type == "OFFSET":
                value = self._memory.word(self._task, cfa + saved.arg)
                if value is None:
                    return ""
                self._registers[number] = value
            elif saved is not None and saved.type not in ("SAME_VALUE", "UNDEFINED"):
                return ""
        outermost = row.get(RA) is not None and row[RA].type == "UNDEFINED"
        if outermost or not self._is_code(self._registers[RA]):
            self._registers = before
            return ""
        self._registers[SP], self._pc = cfa, self._registers[RA]
        return "cfi"

    # --- without ----------------------------------------------------------------------------------

    def _by_frame_pointer(self):
        pointer, sp = self._registers[S0], self._registers[SP]
        if pointer % WORD or not sp < pointer <= sp + SCANNED * WORD:
            return ""
        caller, back = (self._memory.word(self._task, pointer - k * WORD) for k in (2, 1))
        if caller is None or back is None or not self._is_return(back):
            return ""
        self._registers[S0], self._registers[SP], self._pc = caller, pointer, back
        return "fp"

    def _by_scan(self):
        sp = self._registers[SP]
        if sp % WORD:
            return ""
        content = self._memory.read(self._task, sp, SCANNED * WORD)
        for at in range(0, len(content) - WORD + 1, WORD):
            word = int.from_bytes(content[at : at + WORD], "little")
            if self._is_return(word):
                self._registers[SP], self._pc = sp + at + WORD, word
                return "scan"
        return ""

    def _is_code(self, address):
        return address % 2 == 0 and self._memory.is_code(self._task, address)

    def _is_return(self, address):
        """Whether a call ends at an address: jal or jalr that link to ra, or c.jalr."""
        if address % 2 or address < 4 or not self._memory.is_code(self._task, address - 1):
            return False
        before = self._memory.read(self._task, address - 4, 4)
        if len(before) < 4:
            return False
        word, half = int.from_bytes(before, "little"), int.from_bytes(before[2:], "little")
        is_call = word & 0xFFF == 0x0EF or word & 0x7FFF == 0x00E7
        return is_call or (half & 0xF07F == 0x9002 and half >> 7 & 31 != 0)
