"""Raw memory by address: loads, stores and atomics of 8 to 64 bits, and host calls.

Guest memory, page tables and decoded instructions are reached through these.
All values are signed 64-bit integers at this border; narrow loads say how they
extend.  The plain loads and stores are relaxed atomics when `aligned` (guest
accesses: never torn, never repeated); the `_any` forms are for addresses that
may be misaligned and are not atomic.
"""

from llvmlite import ir

from ..hot import intrinsic, types

_I64 = ir.IntType(64)


def _pointer(builder, address, bits):
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


def _widen(builder, value, bits, signed):
    if bits == 64:
        return value
    return (builder.sext if signed else builder.zext)(value, _I64)


def _narrow(builder, value, bits):
    return value if bits == 64 else builder.trunc(value, ir.IntType(bits))


def _load(bits, signed, aligned=True):
    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, args):
            pointer = _pointer(builder, args[0], bits)
            if aligned:
                value = builder.load_atomic(pointer, "monotonic", bits // 8)
            else:
                value = builder.load(pointer, align=1)
            return _widen(builder, value, bits, signed)

        return types.int64(types.int64), codegen

    return load


def _store(bits, aligned=True):
    @intrinsic
    def store(typingctx, address, value):
        def codegen(context, builder, signature, args):
            pointer = _pointer(builder, args[0], bits)
            word = _narrow(builder, args[1], bits)
            if aligned:
                builder.store_atomic(word, pointer, "monotonic", bits // 8)
            else:
                builder.store(word, pointer, align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return store


def _modify(operation, bits):
    @intrinsic
    def modify(typingctx, address, value):
        def codegen(context, builder, signature, args):
            pointer = _pointer(builder, args[0], bits)
            old = builder.atomic_rmw(operation, pointer, _narrow(builder, args[1], bits), "seq_cst")
            return _widen(builder, old, bits, True)

        return types.int64(types.int64, types.int64), codegen

    return modify


def _compare_exchange(bits):
    @intrinsic
    def compare_exchange(typingctx, address, expected, value):
        def codegen(context, builder, signature, args):
            pointer = _pointer(builder, args[0], bits)
            old, new = _narrow(builder, args[1], bits), _narrow(builder, args[2], bits)
            result = builder.cmpxchg(pointer, old, new, "seq_cst", "seq_cst")
            return builder.zext(builder.extract_value(result, 1), _I64)

        return types.int64(types.int64, types.int64, types.int64), codegen

    return compare_exchange


load_s8, load_u8 = _load(8, True), _load(8, False)
load_s16, load_u16 = _load(16, True), _load(16, False)
load_s32, load_u32 = _load(32, True), _load(32, False)
load_64 = _load(64, True)
store_8, store_16, store_32, store_64 = _store(8), _store(16), _store(32), _store(64)
load_any_64 = _load(64, True, aligned=False)
store_any_64 = _store(64, aligned=False)

# Atomic read-modify-writes return the old value, sign-extended.
AMO_32 = {op: _modify(op, 32) for op in ("xchg", "add", "and", "or", "xor", "min", "max", "umin", "umax")}
AMO_64 = {op: _modify(op, 64) for op in ("xchg", "add", "and", "or", "xor", "min", "max", "umin", "umax")}
compare_exchange_32 = _compare_exchange(32)  # 1 when the exchange was made
compare_exchange_64 = _compare_exchange(64)


def _plain(bits):
    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.load(_pointer(builder, args[0], bits))

        return types.int64(types.int64), codegen

    @intrinsic
    def store(typingctx, address, value):
        def codegen(context, builder, signature, args):
            builder.store(args[1], _pointer(builder, args[0], bits))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return load, store


# A CPU's own words (guest registers, TLB): LLVM may combine and move these.
get, put = _plain(64)


@intrinsic
def unsigned_less(typingctx, a, b):
    """a < b as unsigned 64-bit integers."""

    def codegen(context, builder, signature, args):
        return builder.icmp_unsigned("<", args[0], args[1])

    return types.boolean(types.int64, types.int64), codegen


@intrinsic
def lowest_bit(typingctx, word):
    """The number of the lowest bit that is set; 64 when none is."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), codegen


def _wrapping(operation):
    @intrinsic
    def wrapping(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return getattr(builder, operation)(args[0], args[1])

        return types.int64(types.int64, types.int64), codegen

    return wrapping


# For hashes: Numba's own + and * may be compiled as if they never overflowed.
wrapping_add, wrapping_multiply = _wrapping("add"), _wrapping("mul")


def _block(name):
    @intrinsic
    def block(typingctx, destination, source, count):
        def codegen(context, builder, signature, args):
            byte_pointer = ir.IntType(8).as_pointer()
            is_copy = name == "memmove"
            second = byte_pointer if is_copy else ir.IntType(32)
            kind = ir.FunctionType(byte_pointer, [byte_pointer, second, _I64])
            function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            value = builder.inttoptr(args[1], byte_pointer) if is_copy else builder.trunc(args[1], ir.IntType(32))
            builder.call(function, [builder.inttoptr(args[0], byte_pointer), value, args[2]])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), codegen

    return block


copy_bytes = _block("memmove")  # (destination, source, count)
fill_bytes = _block("memset")  # (destination, byte, count)


def _call(arity):
    arguments = [types.int64] * arity

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(_I64, [_I64] * arity)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), list(args[1:]))

    return types.int64(types.int64, *arguments), generate


@intrinsic
def call_2(typingctx, address, a, b):
    """Call the compiled function at an address with two integers."""
    return _call(2)


@intrinsic
def call_3(typingctx, address, a, b, c):
    """Call the compiled function at an address with three integers."""
    return _call(3)


@intrinsic
def call_4(typingctx, address, a, b, c, d):
    """Call the compiled function at an address with four integers."""
    return _call(4)


@intrinsic
def address_of(typingctx, record):
    """Address of a record in this window (the same in every process of the machine)."""

    def codegen(context, builder, signature, args):
        return builder.ptrtoint(args[0], _I64)

    return types.int64(record), codegen


def record_at(record_type):
    """An intrinsic that turns an address into a reference to a record of this type."""

    @intrinsic
    def cast(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(record_type.numba))

        return record_type.numba(types.int64), codegen

    return cast


def _clock(clock_id):
    @intrinsic
    def clock(typingctx):
        def codegen(context, builder, signature, args):
            pair = ir.ArrayType(_I64, 2)
            kind = ir.FunctionType(ir.IntType(32), [ir.IntType(32), pair.as_pointer()])
            name = "clock_gettime"
            function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            with builder.goto_entry_block():
                slot = builder.alloca(pair)
            builder.call(function, [ir.IntType(32)(clock_id), slot])
            value = builder.load(slot)
            seconds = builder.extract_value(value, 0)
            return builder.add(builder.mul(seconds, _I64(1_000_000_000)), builder.extract_value(value, 1))

        return types.int64(), codegen

    return clock


monotonic_ns = _clock(1)
realtime_ns = _clock(0)
thread_cpu_ns = _clock(3)  # that the host has spent on the calling thread


def _prefetch(stores):
    @intrinsic
    def prefetch(typingctx, address):
        def codegen(context, builder, signature, args):
            byte_pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte_pointer, i32, i32, i32])
            name = "llvm.prefetch.p0i8"
            function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            builder.call(function, [builder.inttoptr(args[0], byte_pointer), i32(stores), i32(3), i32(1)])
            return context.get_dummy_value()

        return types.void(types.int64), codegen

    return prefetch


# Have the cache line at an address come to this CPU meanwhile, which will load from it, or store to it.
prefetch_to_load, prefetch_to_store = _prefetch(0), _prefetch(1)


@intrinsic
def host_yield(typingctx):
    """Give the host core to another process (sched_yield)."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        name = "sched_yield"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.sext(builder.call(function, []), _I64)

    return types.int64(), codegen


@intrinsic
def host_sleep_us(typingctx, microseconds):
    """Sleep in the host (usleep)."""

    def codegen(context, builder, signature, args):
        i32 = ir.IntType(32)
        kind = ir.FunctionType(i32, [i32])
        name = "usleep"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.sext(builder.call(function, [builder.trunc(args[0], i32)]), _I64)

    return types.int64(types.int64), codegen


def _host_call(name, arity, doc):
    """A function of the host's C library, of 64-bit integers."""

    @intrinsic
    def one(typingctx, a):
        return types.int64(a), _calling(name, 1)

    @intrinsic
    def two(typingctx, a, b):
        return types.int64(a, b), _calling(name, 2)

    @intrinsic
    def three(typingctx, a, b, c):
        return types.int64(a, b, c), _calling(name, 3)

    @intrinsic
    def six(typingctx, a, b, c, d, e, f):
        return types.int64(*(types.int64,) * 6), _calling(name, 6)

    made = {1: one, 2: two, 3: three, 6: six}[arity]
    made.__doc__ = doc
    return made


def _calling(name, arity):
    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_I64, [_I64] * arity)
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        words = [context.cast(builder, a, t, types.int64) for a, t in zip(args, signature.args, strict=True)]
        return builder.call(function, words)

    return codegen


host_mmap = _host_call("mmap", 6, "Map memory of this process: address, size, rights, flags, descriptor, offset.")
host_signal = _host_call("signal", 2, "Set what a signal does in this process: its number, 0 for the default.")
host_munmap = _host_call("munmap", 2, "Unmap memory of this process: address, size.")
