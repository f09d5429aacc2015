"""Translated code's accesses to guest memory.

Plain loads and stores go to the CPU's window (kernel/vm/windows.py): guest address va is at host address
CPU.space + va, and nothing is looked up.  A base register is compared with the end of user space once in a block;
offsets of instructions are small, and beside a window nothing is ever mapped.  Each access is a host instruction of
known place, so that a host fault finds the way out that belongs to it (FIXUPS, cpu_worker/host_faults.py).

Atomics need the address that all tasks and CPUs share for a frame, since a reservation is kept by it, so they look it
up in the CPU's TLB.  So do plain accesses in a region that is `careful`: where there are no windows.

Whatever an access cannot do, the interpreter does: the region leaves before the instruction, with nothing changed.
"""

from ...limits import USER_TOP
from ...shm.layout import CPU
from ..interpreter.accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from .assembly import ALWAYS

FIXUPS = ".fixups"  # the section with the place of each access and of its way out
_PAGE_MASK = -4096
_TABLE = rf"\0A.pushsection {FIXUPS},\22a\22\0A.long 1b-., ${{2:l}}-.\0A.popsection"
_MOVES = {  # host instructions that load: (size, signed)
    (1, True): "movsbq", (1, False): "movzbl", (2, True): "movswq", (2, False): "movzwl",
    (4, True): "movslq", (4, False): "movl", (8, False): "movq", (8, True): "movq",
}  # fmt: skip
_NARROW = {1: "b", 2: "w", 4: "l", 8: "q"}
_PART = {1: ":b", 2: ":w", 4: ":k", 8: ""}  # of a register operand, in LLVM's notation


def _is_near(value):
    """Whether a value is a number so near to user space that only what is never mapped lies between."""
    return value.lstrip("-").isdigit() and -(1 << 33) < int(value) < USER_TOP + (1 << 33)


class Accesses:
    """The part of RegionCode (region_code.py) that knows where guest memory is."""

    def way_out(self):
        """The label of a block in which the interpreter takes over at the present instruction."""
        label, here = self.fresh(), self.lines
        self.lines = self.outlying
        self.label(label)
        self.leave("step", self.now.pc, self.left_before())
        self.lines = here
        return label

    def in_window(self, address):
        """A pointer into the window, the base register's value within user space."""
        base = self.get(self.now.rs1, False)
        if base not in self.bounded and not _is_near(base):
            self.bounded.add(base)
            on = self.fresh()
            inside = self.define(f"icmp ult i64 {base}, {USER_TOP}")
            self.branch_if(inside, on, self.way_out(), ALWAYS)
            self.label(on)
        return self.define(f"inttoptr i64 {self.define(f'add i64 %window, {address}')} to ptr")

    def access(self, call, instruction, constraints, operands):
        """One host instruction that may fault, of two operands; `call`: "callbr void", or what names its value."""
        on, out = self.fresh(), self.way_out()
        code = f'asm sideeffect "1:{instruction}{_TABLE}", "{constraints},!i,~{{memory}}"({operands})'
        self.say(f"{call} {code} to label %{on} [label %{out}]")
        self.label(on)

    def load(self, size, signed, address):
        if self.careful:
            return self.loaded(size, signed, self.host("read_tlb", size, address))
        pointer = self.in_window(address)
        operand = f"ptr elementtype(i{8 * size}) {pointer}"
        name = f"%{self.fresh()}"
        if size == 8 and "rd" in self.now.row.floats:
            self.access(f"{name} = callbr double", "movsd $1, $0", "=x,*m", operand)
            return self.define(f"bitcast double {name} to i64")
        part = ":k" if not signed and size < 8 else ""
        self.access(f"{name} = callbr i64", f"{_MOVES[size, signed]} $1, ${{0{part}}}", "=r,*m", operand)
        return name

    def store(self, size, address, value):
        if self.careful:
            self.stored(size, self.host("write_tlb", size, address), value)
            return
        pointer = self.in_window(address)
        operand = f"ptr elementtype(i{8 * size}) {pointer}"
        if size == 8 and "rs2" in self.now.row.floats:
            double = self.define(f"bitcast i64 {value} to double")
            self.access("callbr void", "movsd $1, $0", "=*m,x", f"{operand}, double {double}")
        else:
            constraint = "q" if size == 1 else "r"
            move = f"mov{_NARROW[size]} ${{1{_PART[size]}}}, $0"
            self.access("callbr void", move, f"=*m,{constraint}", f"{operand}, i64 {value}")

    # --- by the TLB ------------------------------------------------------------------------

    def host(self, tlb, size, address):
        """A pointer to what an aligned guest address is, by the CPU's TLB."""
        index = self.define(f"and i64 {self.define(f'lshr i64 {address}, {TLB_INDEX_SHIFT}')}, {TLB_INDEX_MASK}")
        entry = self.define(f"getelementptr i8, ptr %cpup, i64 {index}")
        tag = self.define(f"load i64, ptr {self.at(entry, CPU.offset(tlb))}")
        page = self.define(f"and i64 {address}, {_PAGE_MASK | (size - 1)}")
        hit = self.fresh()
        known = self.define(f"icmp eq i64 {tag}, {page}")
        self.branch_if(known, hit, self.way_out(), ALWAYS)
        self.label(hit)
        addend = self.define(f"load i64, ptr {self.at(entry, CPU.offset(tlb) + 8)}")
        return self.define(f"inttoptr i64 {self.define(f'add i64 {address}, {addend}')} to ptr")

    def loaded(self, size, signed, pointer):
        """The value at a host address, an i64."""
        kind = f"i{size * 8}"
        value = self.define(f"load atomic {kind}, ptr {pointer} monotonic, align {size}")
        return value if size == 8 else self.define(f"{'sext' if signed else 'zext'} {kind} {value} to i64")

    def stored(self, size, pointer, value):
        narrow = value if size == 8 else self.define(f"trunc i64 {value} to i{size * 8}")
        self.say(f"store atomic i{size * 8} {narrow}, ptr {pointer} monotonic, align {size}")

    def amo(self, operation, bits, address, value):
        pointer = self.host("write_tlb", bits // 8, address)
        narrow = value if bits == 64 else self.define(f"trunc i64 {value} to i{bits}")
        old = self.define(f"atomicrmw {operation} ptr {pointer}, i{bits} {narrow} seq_cst")
        return old if bits == 64 else self.define(f"sext i{bits} {old} to i64")

    def whose(self):
        return self.from_frame("machine"), self.from_frame("cpu")

    def load_reserved(self, bits, address):
        host = self.define(f"ptrtoint ptr {self.host('read_tlb', bits // 8, address)} to i64")
        return self.help("reserve", *self.whose(), host, bits // 8)

    def store_conditional(self, bits, address, value):
        host = self.define(f"ptrtoint ptr {self.host('write_tlb', bits // 8, address)} to i64")
        return self.help("exchange_reserved", *self.whose(), host, bits // 8, value)
