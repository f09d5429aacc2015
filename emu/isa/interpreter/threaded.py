"""The interpreter's engine: a table of arms, one LLVM function per op, that tail-call each other.

Shape of an arm (`add`), state in registers throughout:

    read rs1 and rs2, add, write rd             registers lie in the thread's record
    ip += 8 per parcel; left -= 1
    e = word at ip; jump to table[op of e]      each arm has its own jump: the host predicts each by itself

Jumps backward, indirect ones and those into another page also look at `left` and at the interrupt word.  A jump within
the page (decode.py marks them) stays in it, others look their page up in the fetch TLB.  The arms are in arms.py; here
are the common ends, the ops that are no instruction, and the table.

A budget of 1 has a table of its own, in which every jump looks at `left`, and no translated code is entered: so a
thread goes on up to the next jump that it takes (cpu_worker/profiling.py).

A given word (ONE) is executed whatever is in its place, and the table is then one in which every op ends the run.

Translated code is entered by the op REGION, and comes back by tail calls of the common ends, which it finds, like the
hot functions that it calls for what is rare, behind the arms in the table (linkage.py).

Rejected: one function with a loop around a chain of comparisons or a switch.  It shares one dispatch and one
register allocation among all instructions (half the speed), and its Python source takes Numba five times longer.
"""

import llvmlite.binding as llvm
from llvmlite import ir

from ...hot import intrinsic, types
from ...limits import PARCELS_PER_PAGE
from ...shm.exits import ACCESS_FETCH, CAUSE_DEBUG, CAUSE_ILLEGAL, EXIT_BUDGET, EXIT_INTERRUPT, EXIT_TRAP
from ...shm.layout import CPU, MACHINE, REGION, THREAD
from ...shm.regions import TRANSLATE_OFF
from ..decode import BACK_OPS, EXACT_OPS, FAR_OPS, JUMP_ROWS
from ..operations import I64
from ..table import OP_BREAK, OP_ILLEGAL, OP_PAGE_END, OP_REGION, OP_STRADDLE, OP_UNDECODED, ROWS
from ..words import IMM_SHIFT, OP_MASK
from .accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from .arms import Arm
from .code import (
    BACK,
    FAR,
    ILLEGAL,
    PAGE_MASK,
    PARCEL_SHIFT,
    STATE,
    Code,
    count_in_page,
    enter,
    in_page,
    look_up,
    pointer,
    step_in_page,
)
from .fetch import decode_at, decode_straddling, plain_word
from .frame import FRAME
from .heat import SLICE, sample
from .linkage import ENDS, HELPERS, TABLE_WORDS

# The convention that keeps most of the state in registers and saves none of them.
CONVENTION = "preserve_nonecc" if llvm.llvm_version_info >= (19,) else ""
COLD_CONVENTION = "preserve_mostcc"  # of what translated code calls: the caller keeps its registers
HANDLER = ir.FunctionType(I64, [I64] * len(STATE))


class Engine:
    """All functions of the interpreter, in one LLVM module."""

    def __init__(self, context, module):
        self.context, self.module = context, module
        self.pointer = HANDLER.as_pointer()
        self._calls = {}
        self.leave, self.pause, self.miss, self.enter, self.resume, self.step, self.plain = (
            self.function(name) for name in ("leave", "pause", "miss", "enter", "resume", "step", "plain")
        )
        handlers = {
            OP_UNDECODED: self.function("undecoded"),
            OP_ILLEGAL: self.function("illegal"),
            OP_PAGE_END: self.function("page_end"),
            OP_STRADDLE: self.function("straddle"),
            OP_REGION: self.function("region"),
            OP_BREAK: self.function("break"),
        }
        self._leave()
        self._pause()
        self._miss()
        self._enter()
        self._resume()
        self._step()
        self._plain()
        self._undecoded(handlers[OP_UNDECODED])
        self._illegal(handlers[OP_ILLEGAL])
        self._page_end(handlers[OP_PAGE_END])
        self._straddle(handlers[OP_STRADDLE])
        self._region(handlers[OP_REGION])
        self._break(handlers[OP_BREAK])
        for row in ROWS:
            handlers[row.op], twin = self.arm(row)
            if row.name in EXACT_OPS:
                handlers[EXACT_OPS[row.name]] = twin
        for row in JUMP_ROWS:
            for reach, ops in ((BACK, BACK_OPS), (FAR, FAR_OPS)):
                handlers[ops[row.name]] = function = self.function(f"{row.name}.{reach}")
                Arm(self, function, row, function, reach).make()
        self.helpers = [self._helper(function) for function in HELPERS.values()]
        self.table = self._table("emu.arms", handlers)
        steps = {row.op: handlers[BACK_OPS[row.name]] for row in JUMP_ROWS} | {OP_REGION: self.plain}
        self.stepping_table = self._table("emu.stepping_arms", handlers | steps)
        stop = self.function("stop")
        self._stop(stop)
        self.stop_table = self._table("emu.stops", dict.fromkeys(range(OP_MASK + 1), stop))

    def function(self, name):
        function = ir.Function(self.module, HANDLER, f"emu.arm.{name}")
        function.linkage = "internal"
        function.calling_convention = CONVENTION
        function.attributes.add("nounwind")
        function.attributes.add("noinline")
        return function

    def builder_of(self, function):
        return ir.IRBuilder(function.append_basic_block("entry"))

    def arm(self, row):
        function = self.function(row.name)
        twin = self.function(f"{row.name}.slow")
        Arm(self, function, row, twin).make()
        Arm(self, twin, row).make()
        return function, twin

    def call(self, builder, function, arguments):
        """Call a hot function of integers."""
        wrapper = self._calls.get(function)
        if wrapper is None:
            wrapper = self._calls[function] = self._wrap(function.dispatcher)
        return builder.call(wrapper, arguments)

    def _wrap(self, dispatcher):
        arity = dispatcher.py_func.__code__.co_argcount
        signature = (types.int64,) * arity
        dispatcher.compile(signature)
        compiled = dispatcher.overloads[signature]
        self.context.add_linking_libs([compiled.library])
        name = f"emu.call.{dispatcher.py_func.__module__}.{dispatcher.py_func.__name__}"
        wrapper = ir.Function(self.module, ir.FunctionType(I64, [I64] * arity), name)
        wrapper.linkage = "internal"
        wrapper.attributes.add("noinline")
        builder = self.builder_of(wrapper)
        result_type = compiled.signature.return_type
        _, result = self.context.call_internal_no_propagate(
            builder, compiled.fndesc, result_type(*signature), wrapper.args
        )
        if result_type == types.none:
            builder.ret(I64(0))
        else:
            builder.ret(self.context.cast(builder, result, result_type, types.int64))
        return wrapper

    def _table(self, name, handlers):
        missing = handlers[OP_ILLEGAL]
        entries = [handlers.get(op, missing) for op in range(OP_MASK + 1)]
        entries += [getattr(self, name) for name in ENDS]
        entries += [helper.bitcast(self.pointer) for helper in self.helpers]
        assert len(entries) == TABLE_WORDS
        kind = ir.ArrayType(self.pointer, TABLE_WORDS)
        table = ir.GlobalVariable(self.module, kind, name)
        table.linkage = "internal"
        table.global_constant = True
        table.initializer = ir.Constant(kind, entries)
        return table

    def _helper(self, function):
        """A hot function in the form that translated code calls."""
        arity = function.dispatcher.py_func.__code__.co_argcount
        name = f"emu.help.{function.dispatcher.py_func.__name__}"
        helper = ir.Function(self.module, ir.FunctionType(I64, [I64] * arity), name)
        helper.linkage = "internal"
        helper.calling_convention = COLD_CONVENTION
        helper.attributes.add("noinline")
        builder = self.builder_of(helper)
        builder.ret(self.call(builder, function, helper.args))
        return helper

    # --- common ends -------------------------------------------------------------------

    def _leave(self):
        """Write pc and the counters of retired instructions back; `e` is the reason."""
        code = Code(self, self.leave)
        builder, state = code.builder, code.state
        builder.store(code.pc(), code.word(state["x"], THREAD.offset("pc")))
        retired = builder.sub(code.frame("budget"), state["left"])
        for record, offset in (("x", THREAD.offset("instructions")), ("cpu", CPU.offset("instructions"))):
            builder.store(builder.add(code.get(record, offset), retired), code.word(state[record], offset))
        builder.ret(state["e"])

    def _pause(self):
        """The slice is used up, or an interrupt is pending, at the jump to what is now pc."""
        code = Code(self, self.pause)
        builder, state = code.builder, code.state
        used_up = code.when(builder.icmp_signed("<=", state["left"], I64(0)), likely=True)
        rest = builder.sub(code.frame("limit"), code.frame("budget"))
        more = code.when(builder.icmp_signed("<=", rest, I64(0)))
        code.leave(EXIT_BUDGET)
        code.resume(more)
        target = code.pc()
        index = builder.and_(builder.lshr(target, I64(TLB_INDEX_SHIFT)), I64(TLB_INDEX_MASK))
        slot = builder.add(state["cpu"], index)
        known = builder.icmp_signed("==", code.get(slot, CPU.offset("fetch_tlb")), builder.and_(target, I64(PAGE_MASK)))
        words = builder.select(known, code.get(slot, CPU.offset("fetch_tlb") + 8), I64(0))
        given = code.call(sample, code.frame("machine"), code.frame("cpu"), target, words, rest)
        builder.store(builder.add(code.frame("budget"), given), code.word(state["frame"], FRAME.index("budget") * 8))
        enter(code, target, builder.add(state["left"], given))
        code.resume(used_up)
        code.leave(EXIT_INTERRUPT)

    def _enter(self):
        """Go on at the guest address `e`, to which translated code has jumped."""
        code = Code(self, self.enter)
        enter(code, code.state["e"], code.state["left"], count_in_page)

    def _resume(self):
        """Go on at pc, without a look at budget and interrupts."""
        code = Code(self, self.resume)
        look_up(code, code.pc(), code.state["left"], count_in_page)

    def _step(self):
        """Execute the instruction at pc, which translated code could not."""
        code = Code(self, self.step)
        look_up(code, code.pc(), code.state["left"], step_in_page)

    def _plain(self):
        """Execute the instruction at pc, whose word is not decoded: it is in a page that is also mapped elsewhere."""
        code = Code(self, self.plain)
        words = code.frame("code")
        parcel = code.builder.lshr(code.builder.sub(code.state["ip"], words), I64(3))
        code.execute(code.call(plain_word, code.frame("machine"), words, parcel))

    def _miss(self):
        """Go on at the guest address `base`, which is not in the fetch TLB."""
        code = Code(self, self.miss)
        builder = code.builder
        kind = ir.FunctionType(I64, [I64] * 4)
        fault = pointer(builder, code.get("cpu", CPU.offset("fault")), kind)
        target = code.state["base"]
        words = builder.call(fault, [code.frame("machine"), code.frame("cpu"), target, I64(ACCESS_FETCH)])
        other = code.when(builder.icmp_signed("==", words, I64(0)))
        code.leave(EXIT_TRAP)
        code.resume(other)
        in_page(code, target, words)

    # --- ops that are no instruction -----------------------------------------------------

    def _undecoded(self, function):
        code = Code(self, function)
        words = code.frame("code")
        parcel = code.builder.lshr(code.builder.sub(code.state["ip"], words), I64(3))
        code.call(decode_at, code.frame("machine"), words, parcel)
        code.dispatch()

    def _region(self, function):
        """Enter translated code; `e` is then the region's record."""
        code = Code(self, function)
        builder = code.builder
        number = builder.lshr(code.state["e"], I64(IMM_SHIFT))
        region = builder.add(code.frame("machine"), I64(MACHINE.offset("regions")))
        region = builder.add(region, builder.mul(number, I64(REGION.size)))
        entry = builder.load_atomic(code.word(region, REGION.offset("code")), "acquire", 8)
        alive = code.when(builder.icmp_signed("<=", entry, I64(0)))
        words = code.frame("code")
        parcel = builder.lshr(builder.sub(code.state["ip"], words), I64(3))
        code.call(decode_at, code.frame("machine"), words, parcel)
        code.dispatch()
        code.resume(alive)
        code.tail(builder.inttoptr(entry, self.pointer), e=region)

    def _illegal(self, function):
        code = Code(self, function)
        bits = code.builder.lshr(code.state["e"], I64(IMM_SHIFT))
        code.builder.store(I64(CAUSE_ILLEGAL), code.word(code.state["cpu"], CPU.offset("cause")))
        code.builder.store(bits, code.word(code.state["cpu"], CPU.offset("trap_value")))
        code.leave(EXIT_TRAP)

    def _break(self, function):
        code = Code(self, function)
        code.builder.store(I64(CAUSE_DEBUG), code.word(code.state["cpu"], CPU.offset("cause")))
        code.builder.store(I64(0), code.word(code.state["cpu"], CPU.offset("trap_value")))
        code.leave(EXIT_TRAP)

    def _stop(self, function):
        """One instruction was to be executed, and was."""
        Code(self, function).leave(EXIT_BUDGET)

    def _page_end(self, function):
        code = Code(self, function)
        enter(code, code.pc(), code.state["left"])

    def _straddle(self, function):
        code = Code(self, function)
        page = code.builder.sub(code.pc(), I64(2 * (PARCELS_PER_PAGE - 1)))
        e = code.call(decode_straddling, code.frame("machine"), code.frame("cpu"), page, code.frame("code"))
        other = code.when(code.builder.icmp_signed("==", e, I64(0)))
        code.leave(EXIT_TRAP)
        code.resume(other)
        code.execute(e)


@intrinsic
def execute(typingctx, machine, cpu, thread, budget, x, own, code, pc, word):
    """Run the thread whose record is at `x` on the CPU whose record is at `own`; the exit's reason.

    `code`: the decoded words of pc's page.  `word`: 0, or the one that is to be executed alone, with a budget of 1.
    """

    def codegen(context, builder, signature, args):
        machine, cpu, thread, budget, x, own, code, pc, word = args
        engine = Engine(context, builder.module)
        with builder.goto_entry_block():
            frame = builder.alloca(ir.ArrayType(I64, len(FRAME)))
        frame = builder.ptrtoint(frame, I64)
        mode = builder.load(pointer(builder, builder.add(machine, I64(MACHINE.offset("translating")))))
        whole = builder.or_(
            builder.icmp_signed("==", mode, I64(TRANSLATE_OFF)), builder.icmp_signed("<", budget, I64(SLICE))
        )
        slice_ = builder.select(whole, budget, I64(SLICE))
        for n, value in enumerate((machine, cpu, thread, slice_, code, budget)):
            builder.store(value, pointer(builder, builder.add(frame, I64(8 * n))))
        parcel = builder.and_(builder.lshr(pc, I64(1)), I64(PARCELS_PER_PAGE - 1))
        ip = builder.add(code, builder.shl(parcel, I64(3)))
        base = builder.sub(pc, builder.lshr(ip, I64(PARCEL_SHIFT)))
        steps = builder.icmp_signed("==", budget, I64(1))
        table = builder.ptrtoint(builder.select(steps, engine.stepping_table, engine.table), I64)
        alone = builder.icmp_signed("!=", word, I64(0))
        e = builder.select(alone, word, builder.load(pointer(builder, ip)))
        entry = builder.add(table, builder.shl(builder.and_(e, I64(OP_MASK)), I64(3)))
        first = builder.load(pointer(builder, entry, engine.pointer))
        table = builder.select(alone, builder.ptrtoint(engine.stop_table, I64), table)
        return builder.call(first, (x, own, ip, slice_, frame, base, table, e), cconv=CONVENTION)

    return types.int64(*(types.int64,) * 9), codegen


assert ILLEGAL not in (EXIT_BUDGET, EXIT_INTERRUPT, EXIT_TRAP)
