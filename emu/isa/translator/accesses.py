"""Translated code's accesses to guest memory: by the CPU's TLB where it has the page, otherwise by a call.

An access that hits is one host access, as in the interpreter; what misses, is misaligned or may hold code goes to the
same hot functions (interpreter/accesses.py), after which the region goes on.  Where these report a trap, it leaves.
"""

from ...shm.exits import ACCESS_READ, ACCESS_WRITE
from ...shm.layout import CPU
from ..interpreter.accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from ..registers import SINK_OFFSET

_PAGE_MASK = -4096
_ALWAYS = "!prof !1"


class Accesses:
    """The part of RegionCode (region_code.py) that knows where guest memory is."""

    def host(self, tlb, size, address):
        """Look an address up; opens the block where it hits. (pointer, label of the block where it misses)."""
        index = self.define(f"and i64 {self.define(f'lshr i64 {address}, {TLB_INDEX_SHIFT}')}, {TLB_INDEX_MASK}")
        entry = self.define(f"getelementptr i8, ptr %cpup, i64 {index}")
        tag = self.define(f"load i64, ptr {self.at(entry, CPU.offset(tlb))}")
        page = self.define(f"and i64 {address}, {_PAGE_MASK | (size - 1)}")
        hit, miss = self.fresh(), self.fresh()
        self.say(f"br i1 {self.define(f'icmp eq i64 {tag}, {page}')}, label %{hit}, label %{miss}, {_ALWAYS}")
        self.label(hit)
        addend = self.define(f"load i64, ptr {self.at(entry, CPU.offset(tlb) + 8)}")
        return self.define(f"inttoptr i64 {self.define(f'add i64 {address}, {addend}')} to ptr"), miss

    def sink(self):
        return self.define(f"add i64 %x, {SINK_OFFSET}")

    def whose(self):
        return self.from_frame("machine"), self.from_frame("cpu")

    def loaded(self, size, signed, pointer):
        """The value at a host address, an i64."""
        kind = f"i{size * 8}"
        value = self.define(f"load atomic {kind}, ptr {pointer} monotonic, align {size}")
        return value if size == 8 else self.define(f"{'sext' if signed else 'zext'} {kind} {value} to i64")

    def trap_if_zero(self, status):
        self.trap_when(self.define(f"icmp eq i64 {status}, 0"))

    def load(self, size, signed, address):
        pointer, miss = self.host("read_tlb", size, address)
        value = self.loaded(size, signed, pointer)
        hit, on = self.fresh(), self.fresh()
        self.say(f"br label %{hit}")
        self.label(hit)
        self.say(f"br label %{on}")
        self.label(miss)
        self.trap_if_zero(self.help("load_slowly", *self.whose(), address, size, self.sink()))
        slow = self.loaded(size, signed, self.at("%xp", SINK_OFFSET))
        missed = self.fresh()
        self.say(f"br label %{missed}")
        self.label(missed)
        self.say(f"br label %{on}")
        self.label(on)
        return self.define(f"phi i64 [ {value}, %{hit} ], [ {slow}, %{missed} ]")

    def store(self, size, address, value):
        pointer, miss = self.host("write_tlb", size, address)
        kind, on = f"i{size * 8}", self.fresh()
        narrow = value if size == 8 else self.define(f"trunc i64 {value} to {kind}")
        self.say(f"store atomic {kind} {narrow}, ptr {pointer} monotonic, align {size}")
        self.say(f"br label %{on}")
        self.label(miss)
        self.trap_if_zero(self.help("store_slowly", *self.whose(), address, size, value, self.sink()))
        self.say(f"br label %{on}")
        self.label(on)

    def located(self, size, address, access):
        """The host address of an atomic's word, an i64, and whether its frame may hold code, an i1."""
        pointer, miss = self.host("write_tlb" if access == ACCESS_WRITE else "read_tlb", size, address)
        found = self.define(f"ptrtoint ptr {pointer} to i64")
        hit, on = self.fresh(), self.fresh()
        self.say(f"br label %{hit}")
        self.label(hit)
        self.say(f"br label %{on}")
        self.label(miss)
        slow = self.help("locate_atomic", *self.whose(), address, size, access)
        self.trap_if_zero(slow)
        missed = self.fresh()
        self.say(f"br label %{missed}")
        self.label(missed)
        self.say(f"br label %{on}")
        self.label(on)
        host = self.define(f"phi i64 [ {found}, %{hit} ], [ {slow}, %{missed} ]")
        return host, self.define(f"phi i1 [ false, %{hit} ], [ true, %{missed} ]")

    def wrote(self, host, size, was_slow):
        """After an atomic that missed the TLB: the frame may hold code."""
        tell, on = self.fresh(), self.fresh()
        self.say(f"br i1 {was_slow}, label %{tell}, label %{on}, !prof !0")
        self.label(tell)
        self.help("wrote", self.from_frame("machine"), host, size)
        self.say(f"br label %{on}")
        self.label(on)

    def amo(self, operation, bits, address, value):
        host, was_slow = self.located(bits // 8, address, ACCESS_WRITE)
        pointer = self.define(f"inttoptr i64 {host} to ptr")
        narrow = value if bits == 64 else self.define(f"trunc i64 {value} to i{bits}")
        old = self.define(f"atomicrmw {operation} ptr {pointer}, i{bits} {narrow} seq_cst")
        self.wrote(host, bits // 8, was_slow)
        return old if bits == 64 else self.define(f"sext i{bits} {old} to i64")

    def load_reserved(self, bits, address):
        host, _ = self.located(bits // 8, address, ACCESS_READ)
        return self.help("reserve", *self.whose(), host, bits // 8)

    def store_conditional(self, bits, address, value):
        host, was_slow = self.located(bits // 8, address, ACCESS_WRITE)
        failed = self.help("exchange_reserved", *self.whose(), host, bits // 8, value)
        self.wrote(host, bits // 8, was_slow)
        return failed
