"""A function of the interpreter while it is made: the state that all functions share, and how they go on.

Every function has the same signature, STATE, and ends in a tail call of another one, so the state stays in registers.
The arms of instructions: arms.py.  What they belong to: threaded.py.
"""

from ...shm.layout import CPU
from ..operations import I64
from ..table import OP_REGION
from ..words import OP_MASK
from .accesses import TLB_INDEX_MASK, TLB_INDEX_SHIFT
from .fetch import plain_word
from .frame import FRAME
from .heat import count_exit

# Addresses of the thread's and the CPU's record and of the decoded word being executed; instructions left
# of the budget, this one included; address of the frame (FRAME); pc - ip / 4; address of the table of arms;
# the decoded word (between arms and the common ends: their argument).
STATE = ("x", "cpu", "ip", "left", "frame", "base", "table", "e")
PARCEL_SHIFT = 2  # from a distance in code to one in decoded words
NEAR, BACK, FAR = range(3)  # a jump forward in its page, backward in it, into another one

ILLEGAL = -1  # an exit: a trap whose cause and value are still to be set
PAGE_MASK = -4096


def pointer(builder, address, kind=I64):
    return builder.inttoptr(address, kind.as_pointer())


class Code:
    """A function of the interpreter being made: its state, and the ways out."""

    def __init__(self, engine, function):
        self.engine = engine
        self.function = function
        self.builder = engine.builder_of(function)
        self.state = dict(zip(STATE, function.args, strict=True))

    def word(self, address, offset=0):
        return pointer(self.builder, self.builder.add(address, I64(offset)) if offset else address)

    def get(self, record, offset=0):
        return self.builder.load(self.word(self.state.get(record, record), offset))

    def frame(self, name):
        return self.get("frame", FRAME.index(name) * 8)

    def pc(self):
        return self.builder.add(self.state["base"], self.builder.lshr(self.state["ip"], I64(PARCEL_SHIFT)))

    def tail(self, function, **changes):
        """Go on in `function` by a tail call, which ends the block."""
        arguments = [changes.get(name, self.state[name]) for name in STATE]
        convention = self.function.calling_convention
        self.builder.ret(self.builder.call(function, arguments, cconv=convention, tail="musttail"))

    def leave(self, reason, **changes):
        self.tail(self.engine.leave, e=I64(reason), **changes)

    def dispatch(self, **changes):
        """Go on with the decoded word at `ip`."""
        e = self.builder.load(pointer(self.builder, changes.get("ip", self.state["ip"])))
        self.execute(e, **changes)

    def execute(self, e, **changes):
        builder = self.builder
        entry = builder.add(self.state["table"], builder.shl(builder.and_(e, I64(OP_MASK)), I64(3)))
        target = builder.load(pointer(builder, entry, self.engine.pointer))
        self.tail(target, e=e, **changes)

    def when(self, condition, likely=False):
        """Branch: the builder goes on in the block where the condition holds; returns the other block."""
        then, other = (self.function.append_basic_block() for _ in range(2))
        self.builder.cbranch(condition, then, other).set_weights([99, 1] if likely else [1, 99])
        self.builder.position_at_end(then)
        return other

    def resume(self, block):
        self.builder.position_at_end(block)

    def call(self, function, *arguments):
        return self.engine.call(self.builder, function, arguments)


def poll(code, **changes):
    """Leave when the budget is used up or an interrupt is pending; `changes` is the state then."""
    builder = code.builder
    left = changes.get("left", code.state["left"])
    other = code.when(builder.icmp_signed("<=", left, I64(0)))
    code.tail(code.engine.pause, **changes)
    code.resume(other)
    pending = builder.load_atomic(code.word(code.state["cpu"], CPU.offset("pending")), "monotonic", 8)
    other = code.when(builder.icmp_signed("!=", pending, I64(0)))
    code.tail(code.engine.pause, **changes)
    code.resume(other)


def enter(code, target, left, go=None):
    """Poll, and go on at a guest address, in whatever page, by `go` (in_page)."""
    poll(code, ip=I64(0), base=target, left=left)
    look_up(code, target, left, go)


def look_up(code, target, left, go=None):
    """Go on at a guest address, in whatever page, by `go` (in_page)."""
    builder = code.builder
    index = builder.and_(builder.lshr(target, I64(TLB_INDEX_SHIFT)), I64(TLB_INDEX_MASK))
    slot = builder.add(code.state["cpu"], index)
    page = builder.and_(target, I64(PAGE_MASK))
    miss = builder.icmp_signed("!=", code.get(slot, CPU.offset("fetch_tlb")), page)
    other = code.when(miss)
    code.tail(code.engine.miss, ip=I64(0), base=target, left=left)
    code.resume(other)
    (go or in_page)(code, target, code.get(slot, CPU.offset("fetch_tlb") + 8), left=left)


def in_page(code, target, words, **changes):
    """Go on at a guest address whose page is decoded at `words`."""
    code.dispatch(**_at(code, target, words), **changes)


def step_in_page(code, target, words, **changes):
    """Execute the instruction at a guest address whose page is decoded at `words`, also where a region begins."""
    parcel = code.builder.lshr(code.builder.and_(target, I64(~PAGE_MASK)), I64(1))
    e = code.call(plain_word, code.frame("machine"), words, parcel)
    code.execute(e, **_at(code, target, words), **changes)


def count_in_page(code, target, words, **changes):
    """Go on at a guest address to which translated code has left: where none begins there, it may deserve some."""
    builder, state = code.builder, _at(code, target, words)
    e = builder.load(pointer(builder, state["ip"]))
    is_region = builder.icmp_signed("==", builder.and_(e, I64(OP_MASK)), I64(OP_REGION))
    other = code.when(is_region, likely=True)
    code.execute(e, **state, **changes)
    code.resume(other)
    code.call(count_exit, code.frame("machine"), code.frame("cpu"), target, state["ip"])
    code.dispatch(**state, **changes)


def _at(code, target, words):
    """The state at a guest address whose page is decoded at `words`; notes the page."""
    builder = code.builder
    builder.store(words, code.word(code.state["frame"], FRAME.index("code") * 8))
    offset = builder.and_(target, I64(~PAGE_MASK))
    ip = builder.add(words, builder.shl(offset, I64(PARCEL_SHIFT)))
    base = builder.sub(builder.and_(target, I64(PAGE_MASK)), builder.lshr(words, I64(PARCEL_SHIFT)))
    return {"ip": ip, "base": base}
