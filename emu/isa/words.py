"""The decoded word: its layout, and the interpreter's access to registers through it; `leave`.

    bits 0-9 op | 10-15 rd | 16-23 rs1 | 24-31 rs2 | 32-63 immediate (signed)

Register numbers are 0-31; rd is SINK (32) instead of x0.  Rows with a rounding mode
have it in bits 0-2 of the immediate, and the third source register in bits 8-12.

The accessors take `x`, the address of a thread's record, and the word `e`.  They
are intrinsics because a single call is typed several times faster by Numba than the
five operations that it stands for (the interpreter has a thousand of them).
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..shm.layout import CPU, THREAD
from .registers import F_OFFSET, FCSR_OFFSET, RM_DYNAMIC, SINK

OP_MASK = 0x3FF
RD_SHIFT, RS1_SHIFT, RS2_SHIFT, IMM_SHIFT = 10, 16, 24, 32
RS3_SHIFT = IMM_SHIFT + 8

assert SINK < 1 << (RS1_SHIFT - RD_SHIFT)

_I64 = ir.IntType(64)


def _register(builder, x, e, shift, mask, offset):
    number = builder.and_(builder.lshr(e, _I64(shift)), _I64(mask))
    address = builder.add(builder.add(x, builder.shl(number, _I64(3))), _I64(offset))
    return builder.inttoptr(address, _I64.as_pointer())


def _reader(shift, offset, doc):
    @intrinsic
    def read(typingctx, x, e):
        def codegen(context, builder, signature, args):
            return builder.load(_register(builder, *args, shift, 0xFF, offset))

        return types.int64(types.int64, types.int64), codegen

    read.__doc__ = doc
    return read


def _writer(offset, doc):
    @intrinsic
    def write(typingctx, x, e, value):
        def codegen(context, builder, signature, args):
            builder.store(args[2], _register(builder, *args[:2], RD_SHIFT, 0x3F, offset))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), codegen

    write.__doc__ = doc
    return write


def _field(shift, mask, doc):
    @intrinsic
    def extract(typingctx, e):
        def codegen(context, builder, signature, args):
            value = builder.ashr(args[0], _I64(shift))
            return value if mask is None else builder.and_(value, _I64(mask))

        return types.int64(types.int64), codegen

    extract.__doc__ = doc
    return extract


x_rs1, x_rs2 = _reader(RS1_SHIFT, 0, "First source register."), _reader(RS2_SHIFT, 0, "Second.")
f_rs1 = _reader(RS1_SHIFT, F_OFFSET, "First floating-point source register.")
f_rs2 = _reader(RS2_SHIFT, F_OFFSET, "Second.")
f_rs3 = _reader(RS3_SHIFT, F_OFFSET, "Third.")
set_x, set_f = _writer(0, "Set rd."), _writer(F_OFFSET, "Set fd.")

immediate = _field(IMM_SHIFT, None, "The immediate.")
parcels = _field(IMM_SHIFT + 1, None, "The immediate, an offset in code, in parcels.")
op_of = _field(0, OP_MASK, "The op.")
rs1_number = _field(RS1_SHIFT, 0xFF, "Number of the first source register, or zimm.")


@intrinsic
def rounding_mode(typingctx, x, e):
    """The mode in force: the instruction's own, or that of fcsr; 5 to 7 are reserved."""

    def codegen(context, builder, signature, args):
        own = builder.and_(builder.lshr(args[1], _I64(IMM_SHIFT)), _I64(7))
        address = builder.add(args[0], _I64(FCSR_OFFSET))
        fcsr = builder.load(builder.inttoptr(address, _I64.as_pointer()))
        dynamic = builder.and_(builder.lshr(fcsr, _I64(5)), _I64(7))
        return builder.select(builder.icmp_signed("==", own, _I64(RM_DYNAMIC)), dynamic, own)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def fetch(typingctx, code, i):
    """The decoded word of a parcel."""

    def codegen(context, builder, signature, args):
        address = builder.add(args[0], builder.shl(args[1], _I64(3)))
        return builder.load(builder.inttoptr(address, _I64.as_pointer()))

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def leave(typingctx, x, cpu_base, pc, retired, reason):
    """Write pc and the counters of retired instructions back; the reason."""

    def codegen(context, builder, signature, args):
        def word(base, offset):
            return builder.inttoptr(builder.add(base, _I64(offset)), _I64.as_pointer())

        x, cpu_base, pc, retired, reason = args
        builder.store(pc, word(x, THREAD.offset("pc")))
        for counter in (word(x, THREAD.offset("instructions")), word(cpu_base, CPU.offset("instructions"))):
            builder.store(builder.add(builder.load(counter), retired), counter)
        return reason

    return types.int64(*(types.int64,) * 5), codegen


@intrinsic
def opaque(typingctx, value):
    """The same value, of which LLVM knows nothing."""

    def codegen(context, builder, signature, args):
        return builder.asm(ir.FunctionType(_I64, [_I64]), "", "=r,0", args, False)

    return types.int64(types.int64), codegen


@intrinsic
def plain(typingctx, value):
    """The same integer, but not as part of its type: Numba makes a copy of a callee per literal."""

    def codegen(context, builder, signature, args):
        return args[0]

    return types.int64(types.int64), codegen
