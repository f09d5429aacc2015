"""The arms of the interpreter: for each row of the table, an LLVM function made from the row's body.

Every arm has the same signature, the state of the interpreter (STATE), so that it lives in
registers, and ends in a tail call: of the next instruction's arm (`dispatch`), or of one of the common
ends (threaded.py).  An arm that traps has changed nothing, and its instruction is not counted.

For what is rare (a TLB miss, say) a row has a second arm, the slow twin, which does the whole
instruction by calling hot functions; the fast arm tail-calls it before it has changed anything.
So the fast arm needs no stack frame and keeps nothing across a call.
"""

import platform

from ...shm.exits import (
    ACCESS_READ,
    ACCESS_SHIFT,
    ACCESS_WRITE,
    CAUSE_BREAKPOINT,
    CONDITIONAL,
    EXIT_ECALL,
    EXIT_TRAP,
    READ_MODIFY_WRITE,
    RESERVES,
)
from ...shm.layout import CPU, THREAD
from ..back_end import BackEnd
from ..csr import CSR_CLEAR, CSR_SET, CSR_WRITE, access_csr
from ..lower import float_operation
from ..operations import I1, I64
from ..registers import F_OFFSET, FCSR_OFFSET, RM_DYNAMIC, SINK_OFFSET
from ..words import IMM_SHIFT, RD_MASK, RD_SHIFT, RM_MASK, RS1_SHIFT, RS2_SHIFT, RS3_SHIFT, RS_MASK
from .accesses import (
    BLOCK_BYTES,
    TLB_INDEX_MASK,
    TLB_INDEX_SHIFT,
    check_block,
    clear_block,
    exchange_reserved,
    load_slowly,
    locate_atomic,
    reserve,
    store_slowly,
    wrote,
)
from .code import BACK, FAR, ILLEGAL, NEAR, PAGE_MASK, PARCEL_SHIFT, Code, enter, pointer, poll

_STRONG_ORDER = platform.machine() == "x86_64"  # only a store before a load may be seen late


class Arm(Code, BackEnd):
    def __init__(self, engine, function, row, twin=None, reach=NEAR):
        """`twin`: the function of the slow twin; None in the slow twin itself."""
        Code.__init__(self, engine, function)
        BackEnd.__init__(self, row, self.builder)
        self.twin, self.reach = twin, reach
        self.done = False  # control was transferred
        self.result_jump = None

    @property
    def slow(self):
        return self.twin is None

    # --- operands ----------------------------------------------------------------------

    def register(self, shift, mask, floats):
        builder = self.builder
        number = builder.and_(builder.lshr(self.state["e"], I64(shift)), I64(mask))
        return self.word(builder.add(self.state["x"], builder.shl(number, I64(3))), F_OFFSET if floats else 0)

    def source(self, slot):
        declared = self.row.slots[slot]
        if not declared.field:
            return I64(0) if declared.constant == 0 else self.get("x", 8 * declared.constant)
        shift = RS1_SHIFT if slot == "rs1" else RS2_SHIFT
        return self.builder.load(self.register(shift, RS_MASK, slot in self.row.floats))

    def immediate(self):
        return self.builder.ashr(self.state["e"], I64(IMM_SHIFT))

    def rounding_mode(self):
        builder = self.builder
        own = builder.and_(builder.lshr(self.state["e"], I64(IMM_SHIFT)), I64(RM_MASK))
        dynamic = builder.and_(builder.lshr(self.get("x", FCSR_OFFSET), I64(5)), I64(7))
        mode = builder.select(builder.icmp_signed("==", own, I64(RM_DYNAMIC)), dynamic, own)
        other = self.when(builder.icmp_signed(">", mode, I64(4)))
        self.leave(ILLEGAL)
        self.resume(other)
        return mode

    def operand(self, name):
        builder = self.builder
        if name in ("a", "b"):
            return self.source("rs1" if name == "a" else "rs2")
        if name == "c":
            return builder.load(self.register(RS3_SHIFT, RS_MASK, True))
        if name == "zimm":
            return builder.and_(builder.lshr(self.state["e"], I64(RS1_SHIFT)), I64(RS_MASK))
        if name == "pc":
            return self.pc()
        if name == "next":
            return builder.add(self.pc(), I64(self.row.length))
        return self.immediate()

    def result(self, value):
        """Write rd or fd."""
        slot = self.row.slots["rd"]
        if not slot.field:
            if slot.constant:
                self.builder.store(value, self.word(self.state["x"], 8 * slot.constant))
            return
        self.builder.store(value, self.register(RD_SHIFT, RD_MASK, "rd" in self.row.floats))

    # --- floating point ------------------------------------------------------------------

    def floating(self, operation, values):
        """The result of a FloatOperation."""
        if self.slow:
            return self.floating_slowly(operation, values)
        builder = self.builder
        ready = operation.ready(builder, self.get("x", FCSR_OFFSET))
        if ready is not None:
            other = self.when(builder.not_(ready))
            self.tail(self.twin)
            self.resume(other)
        result, right = operation.fast(builder, *values)
        other = self.when(builder.not_(right))
        self.tail(self.twin)
        self.resume(other)
        return result

    def floating_slowly(self, operation, values):
        builder = self.builder
        fcsr = builder.add(self.state["x"], I64(FCSR_OFFSET))
        mode = self.rounding_mode() if "rm" in self.row.fields else I64(0)
        incoming = []
        if operation.residue:
            blocks = [self.function.append_basic_block() for _ in range(2)]
            result, right = operation.fast(builder, *values)
            error, holds = operation.residue(builder, result, *values)
            nearest = builder.icmp_signed("==", mode, I64(0))
            builder.cbranch(builder.and_(nearest, builder.and_(right, holds)), *blocks)
            self.resume(blocks[0])
            inexact = builder.zext(builder.fcmp_unordered("!=", error, error.type(0.0)), I64)
            builder.store(builder.or_(self.get(fcsr), inexact), self.word(fcsr))
            after = self.function.append_basic_block()
            builder.branch(after)
            incoming.append((result, blocks[0]))
            self.resume(blocks[1])
        constants = [I64(c) for c in operation.constants]
        exact = self.call(operation.exact, *values, *constants, mode, I64(operation.bits), fcsr)
        if not incoming:
            return exact
        incoming.append((exact, builder.block))
        builder.branch(after)
        self.resume(after)
        result = builder.phi(I64)
        for value, block in incoming:
            result.add_incoming(value, block)
        return result

    # --- memory ------------------------------------------------------------------------

    def trap_unless(self, status):
        other = self.when(self.builder.icmp_signed("==", status, I64(0)))
        self.leave(EXIT_TRAP)
        self.resume(other)

    def host(self, address, size, tlb):
        """Host address of an aligned guest address in the TLB; otherwise the slow twin goes on."""
        builder = self.builder
        index = builder.and_(builder.lshr(address, I64(TLB_INDEX_SHIFT)), I64(TLB_INDEX_MASK))
        slot = builder.add(self.state["cpu"], index)
        tag = self.get(slot, CPU.offset(tlb))
        miss = builder.icmp_signed("!=", tag, builder.and_(address, I64(PAGE_MASK | (size - 1))))
        other = self.when(miss)
        self.tail(self.twin)
        self.resume(other)
        return builder.add(address, self.get(slot, CPU.offset(tlb) + 8))

    def whose(self):
        return self.frame("machine"), self.frame("cpu")

    def load(self, size, signed, address):
        if self.slow:
            sink = self.builder.add(self.state["x"], I64(SINK_OFFSET))
            self.trap_unless(self.call(load_slowly, *self.whose(), address, I64(size), sink))
            host = sink
        else:
            host = self.host(address, size, "read_tlb")
        kind = I64 if size == 8 else type(I64)(size * 8)
        value = self.builder.load_atomic(pointer(self.builder, host, kind), "monotonic", size)
        if size == 8:
            return value
        return (self.builder.sext if signed else self.builder.zext)(value, I64)

    def store(self, size, address, value):
        if self.slow:
            sink = self.builder.add(self.state["x"], I64(SINK_OFFSET))
            self.trap_unless(self.call(store_slowly, *self.whose(), address, I64(size), value, sink))
            return
        host = self.host(address, size, "write_tlb")
        kind = I64 if size == 8 else type(I64)(size * 8)
        narrow = value if size == 8 else self.builder.trunc(value, kind)
        self.builder.store_atomic(narrow, pointer(self.builder, host, kind), "monotonic", size)

    def locate(self, address, size, access, atomic):
        """Host address of an atomic's word; `atomic`: which one it is (shm/exits.py)."""
        if not self.slow:
            return self.host(address, size, "write_tlb" if access == ACCESS_WRITE else "read_tlb")
        host = self.call(locate_atomic, *self.whose(), address, I64(size), I64(access | atomic << ACCESS_SHIFT))
        self.trap_unless(host)
        return host

    def wrote(self, host, size):
        """After an atomic that missed the TLB: the frame may hold code."""
        if self.slow:
            self.call(wrote, self.frame("machine"), host, I64(size))

    # --- verbs -------------------------------------------------------------------------

    def effect(self, name, values):
        return getattr(self, "_" + name)(*values)

    def _amo(self, operation, bits, address, value):
        host = self.locate(address, bits // 8, ACCESS_WRITE, READ_MODIFY_WRITE)
        kind = type(I64)(bits)
        narrow = value if bits == 64 else self.builder.trunc(value, kind)
        old = self.builder.atomic_rmw(operation, pointer(self.builder, host, kind), narrow, "seq_cst")
        self.wrote(host, bits // 8)
        return old if bits == 64 else self.builder.sext(old, I64)

    def _load_reserved(self, bits, address):
        host = self.locate(address, bits // 8, ACCESS_READ, RESERVES)
        return self.call(reserve, *self.whose(), host, I64(bits // 8))

    def _store_conditional(self, bits, address, value):
        host = self.locate(address, bits // 8, ACCESS_WRITE, CONDITIONAL)
        failed = self.call(exchange_reserved, *self.whose(), host, I64(bits // 8), value)
        self.wrote(host, bits // 8)
        return failed

    def _branch(self, condition, offset):
        builder = self.builder
        if condition.type != I1:
            condition = builder.trunc(condition, I1)
        then, other = (self.function.append_basic_block() for _ in range(2))
        builder.cbranch(condition, then, other)
        self.resume(then)
        self._jump(offset)
        self.finish()
        self.done = False
        self.resume(other)

    def _jump(self, offset):
        """To pc + offset, behind the write of rd."""
        self.result_jump = ("relative", offset)

    def _jump_to(self, target):
        self.result_jump = ("absolute", target)

    def csr(self, mode, value):
        left, budget = self.state["left"], self.frame("budget")
        instret = self.builder.add(self.get("x", THREAD.offset("instructions")), self.builder.sub(budget, left))
        status = self.call(
            access_csr, self.frame("machine"), self.frame("thread"), self.state["e"], value, I64(mode), instret
        )
        other = self.when(self.builder.icmp_signed("==", status, I64(0)))
        self.leave(ILLEGAL)
        self.resume(other)

    def _csr_write(self, csr, value):
        self.csr(CSR_WRITE, value)

    def _csr_set(self, csr, value):
        self.csr(CSR_SET, value)

    def _csr_clear(self, csr, value):
        self.csr(CSR_CLEAR, value)

    def _manage_block(self, address):
        if self.slow:
            self.trap_unless(self.call(check_block, *self.whose(), address))
        else:
            self.host(address, 1, "read_tlb")

    def _zero_block(self, address):
        if self.slow:
            self.trap_unless(self.call(clear_block, *self.whose(), address))
            return
        host = self.host(address, 8, "write_tlb")
        for offset in range(0, BLOCK_BYTES, 8):
            self.builder.store_atomic(I64(0), self.word(host, offset), "monotonic", 8)

    def _order_memory(self, imm):
        if not _STRONG_ORDER:
            self.builder.fence("seq_cst")
            return
        sets = self.builder.and_(imm, I64(0x12))  # predecessor writes, successor reads
        needed, after = (self.function.append_basic_block() for _ in range(2))
        self.builder.cbranch(self.builder.icmp_signed("==", sets, I64(0x12)), needed, after)
        self.resume(needed)
        self.builder.fence("seq_cst")
        self.builder.branch(after)
        self.resume(after)

    def _order_fetches(self):
        self.result_jump = ("absolute", self.builder.add(self.pc(), I64(self.row.length)))

    def _environment_call(self):
        self.leave(EXIT_ECALL, left=self.builder.sub(self.state["left"], I64(1)))
        self.done = True

    def _breakpoint_trap(self):
        self.builder.store(I64(CAUSE_BREAKPOINT), self.word(self.state["cpu"], CPU.offset("cause")))
        self.builder.store(self.pc(), self.word(self.state["cpu"], CPU.offset("trap_value")))
        self.leave(EXIT_TRAP)
        self.done = True

    # --- the whole ---------------------------------------------------------------------

    def finish(self):
        """Go on behind this instruction, or where it jumps to."""
        builder = self.builder
        left = builder.sub(self.state["left"], I64(1))
        if self.result_jump is None:
            self.dispatch(ip=builder.add(self.state["ip"], I64(self.row.length // 2 * 8)), left=left)
            return
        kind, where = self.result_jump
        self.result_jump = None
        if kind == "relative" and self.reach != FAR:
            ip = builder.add(self.state["ip"], builder.shl(where, I64(PARCEL_SHIFT)))
            if self.reach == BACK:
                poll(self, ip=ip, left=left)
            self.dispatch(ip=ip, left=left)
            return
        target = where if kind == "absolute" else builder.add(self.pc(), where)
        if kind == "absolute":
            enter(self, target, left)
        else:
            self.tail(self.engine.enter, e=target, left=left)

    def make(self):
        if "rm" in self.row.fields and float_operation(self.row) is None:
            self.rounding_mode()  # the result does not depend on it, but it must be valid
        self.body()
        if not self.done:
            self.finish()
