"""The code of a region, as LLVM assembly: one function, by the interpreter's convention.

It begins with the guards: pc is one of the entries, and the guest's pages are those that it was made from.  Then it
loads the registers that it uses, and keeps them in variables, which LLVM puts into host registers.  On each way out it
writes those back that may have changed, and goes on in one of the interpreter's ends (interpreter/linkage.py).

Always: an instruction that traps has changed nothing and is not counted; `left` counts instructions exactly; a jump
backward, an indirect one and one into another page look at `left` and at the interrupt word, like the interpreter's, so
a thread can be stopped at the same places, translated or not.
"""

from ...limits import REGION_TARGETS
from ...shm.layout import CPU, REGION
from ..interpreter.accesses import FETCH_TLB, TLB_INDEX_MASK, TLB_INDEX_SHIFT
from ..interpreter.code import STATE
from ..interpreter.frame import FRAME
from ..interpreter.linkage import POSITIONS
from ..registers import F_OFFSET, FCSR_OFFSET, RM_DYNAMIC
from ..soft.floats import RM_FIELD
from ..soft.unpacked import NX
from .accesses import Accesses
from .regions import BRANCH, CALL, INDIRECT, JUMP, looks
from .templates import Result, Text, template_of

STRAYED = 5_000  # indirect jumps out of a region: then it is translated again, with their targets inside
CONVENTION = "preserve_nonecc"
_NEVER = "!prof !0"  # the first way of a branch is hardly ever taken
_ALWAYS = "!prof !1"
_EVEN, _OFTEN = "!prof !2", "!prof !3"  # branches forward and backward
_METADATA = """
!0 = !{!"branch_weights", i32 1, i32 4000}
!1 = !{!"branch_weights", i32 4000, i32 1}
!2 = !{!"branch_weights", i32 4, i32 5}
!3 = !{!"branch_weights", i32 7, i32 1}
"""


class RegionCode(Accesses):
    """`text()`: the module of a region."""

    def __init__(self, region, name, careful=False):
        self.region, self.name, self.careful = region, name, careful
        self.lines, self.outlying, self.declares = [], [], set()
        self.names = 0
        self.exits = []  # (pc, left, end, e, label) of the ways out
        self.labels = {place: f"b{n}" for n, place in enumerate(region.blocks)}
        self.rounds = any("rm" in row.fields for block in region.blocks.values() for row in _rows(block))

    # --- writing -----------------------------------------------------------------------

    def say(self, line):
        self.lines.append(f"  {line}\n")

    def label(self, name):
        self.lines.append(f"{name}:\n")

    def fresh(self):
        self.names += 1
        return f"n{self.names}"

    def define(self, code):
        name = f"%{self.fresh()}"
        self.say(f"{name} = {code}")
        return name

    def at(self, base, offset):
        """A pointer a number of bytes behind another one."""
        return self.define(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def from_frame(self, name):
        return self.define(f"load i64, ptr {self.at('%framep', FRAME.index(name) * 8)}")

    def help(self, name, *arguments):
        """Call a hot function."""
        function = self.define(f"load ptr, ptr {self.at('%tablep', POSITIONS[name] * 8)}")
        given = ", ".join(f"i64 {a}" for a in arguments)
        return self.define(f"call preserve_mostcc i64 {function}({given}) cold")

    # --- registers -----------------------------------------------------------------------

    def get(self, number, is_float):
        """The value of a register, an i64."""
        if number == 0 and not is_float:
            return "0"
        key = (is_float, number)
        if key not in self.values:
            if is_float:
                self.values[key] = self.define(f"bitcast double {self.define(f'load double, ptr %F{number}')} to i64")
            else:
                self.values[key] = self.define(f"load i64, ptr %X{number}")
        return self.values[key]

    def set(self, number, is_float, value):
        if number == 0 and not is_float:
            return
        self.values[is_float, number] = value
        if is_float:
            value = self.define(f"bitcast i64 {value} to double")
            self.say(f"store double {value}, ptr %F{number}")
        else:
            self.say(f"store i64 {value}, ptr %X{number}")

    def write_back(self):
        """Store the registers that may have changed into the thread's record."""
        written = set().union(*(_written(block) for block in self.region.blocks.values()))
        for is_float, number in sorted(written):
            kind, variable = ("double", "F") if is_float else ("i64", "X")
            value = self.define(f"load {kind}, ptr %{variable}{number}")
            self.say(f"store {kind} {value}, ptr {self.at('%xp', (F_OFFSET if is_float else 0) + 8 * number)}")

    # --- ways out --------------------------------------------------------------------------

    def leave(self, end, pc, left, e=None):
        """Go on outside, in one of the interpreter's ends, whose argument is pc unless it is given. Ends the block."""
        label = self.fresh()
        self.say(f"br label %{label}")
        self.label(label)
        self.exits.append((pc, left, POSITIONS[end] * 8, pc if e is None else e, label))
        self.say("br label %out")

    def left_before(self):
        """`left` before the present instruction."""
        return self.define(f"sub i64 {self.left_at_first}, {self.done}") if self.done else self.left_at_first

    def poll(self, target, left):
        """Leave when the budget is used up or an interrupt is pending, at a jump to `target`; `left` from here on."""
        other, look, on, dry, here = (self.fresh() for _ in range(5))
        self.say(f"br label %{here}")
        self.label(here)
        self.say(f"br i1 {self.define(f'icmp sle i64 {left}, 0')}, label %{dry}, label %{look}, {_NEVER}")
        self.label(dry)
        given = self.define(f"add i64 {left}, {self.help('more', '%frame')}")
        wet = self.fresh()
        self.say(f"br label %{wet}")
        self.label(wet)
        self.say(f"br i1 {self.define(f'icmp sle i64 {given}, 0')}, label %{other}, label %{look}, {_NEVER}")
        self.label(look)
        left = self.define(f"phi i64 [ {left}, %{here} ], [ {given}, %{wet} ]")
        pending = self.define("load atomic i64, ptr %pendingp monotonic, align 8")
        self.say(f"br i1 {self.define(f'icmp ne i64 {pending}, 0')}, label %{other}, label %{on}, {_NEVER}")
        self.label(other)
        stopped = self.define(f"phi i64 [ {given}, %{wet} ], [ {left}, %{look} ]")
        self.leave("pause", target, stopped)
        self.label(on)
        return left

    def label_of(self, pc, context):
        """The label of the block at a place, None where the region has none."""
        return self.labels.get((pc, context))

    def go(self, target, context, left):
        """Go on at a guest address, a number, from the present instruction. Ends the block."""
        polls = looks(self.now.pc, target)
        label = self.label_of(target, context)
        if label is None:
            self.leave("enter" if polls else "resume", target, left)
            return
        if polls:
            left = self.poll(target, left)
        self.say(f"store i64 {left}, ptr %leftv")
        self.say(f"br label %{label}")

    def go_indirectly(self, target, left, places, notes=False):
        """Go on at the guest address that is in `target`, one of these places inside or another one. Ends the block."""
        left = self.poll(target, left)
        self.say(f"store i64 {left}, ptr %leftv")
        outside = self.fresh()
        ways = " ".join(f"i64 {place[0]}, label %{self.label_of(*place)}" for place in places if self.label_of(*place))
        self.say(f"switch i64 {target}, label %{outside} [ {ways} ]")
        self.label(outside)
        if notes:
            self.note_target(target)
        self.leave("enter", target, left)

    def note_target(self, target):
        """An indirect jump leaves the region: where to, for the next translation."""
        slot = self.define(f"and i64 {self.define(f'lshr i64 {target}, 1')}, {REGION_TARGETS - 1}")
        targets = self.at("%regionp", REGION.offset("targets"))
        self.say(f"store i64 {target}, ptr {self.define(f'getelementptr i64, ptr {targets}, i64 {slot}')}")
        counter = self.at("%regionp", REGION.offset("strayed"))
        strayed = self.define(f"add i64 {self.define(f'load i64, ptr {counter}')}, 1")
        self.say(f"store i64 {strayed}, ptr {counter}")
        tell, on = self.fresh(), self.fresh()
        enough = self.define(f"icmp eq i64 {strayed}, {STRAYED}")
        self.say(f"br i1 {enough}, label %{tell}, label %{on}, {_NEVER}")
        self.label(tell)
        self.say(f"store i64 1, ptr {self.at('%cpup', CPU.offset('found_heat'))}")
        self.say(f"br label %{on}")
        self.label(on)

    # --- instructions ------------------------------------------------------------------------

    def instruction(self, now):
        self.now = now
        row, floats = now.row, now.row.floats
        template = template_of(row)
        self.declares |= template.declares
        prefix = f"i{self.fresh()}."
        fields = {
            "p": prefix, "imm": now.immediate, "pc": now.pc, "next": now.next, "zimm": now.rs1,
            "a": self.get(now.rs1, "rs1" in floats) if "rs1" in row.slots else "0",
            "b": self.get(now.rs2, "rs2" in floats) if "rs2" in row.slots else "0",
            "c": self.get(now.rs3, True) if "fs3" in row.fields else "0",
        }  # fmt: skip
        aliases, self.way = {}, None
        for step in template.steps:
            if isinstance(step, Text):
                self.lines.append(self.filled(step.text, fields, aliases))
            elif isinstance(step, Result):
                self.set(now.rd, "rd" in floats, self.filled(step.value, fields, aliases))
            else:
                arguments = [
                    self.filled(a, fields, aliases) if isinstance(a, str) and "{" in a else a for a in step.arguments
                ]
                value = getattr(self, step.name)(*arguments)
                if value is not None:
                    aliases[step.value.format(**fields)] = value
        self.done += 1

    @staticmethod
    def filled(text, fields, aliases):
        text = text.format(**fields)
        for name, value in aliases.items():
            text = text.replace(name, value)
        return text

    def branch(self, condition, offset):
        self.way = condition

    def jump(self, offset):
        pass

    def jump_to(self, target):
        self.way = target

    def exact(self, operation, right, result, *values):
        """A result of floating point, where the host's is right; otherwise computed in integer arithmetic."""
        mode = self.now.rounding
        rare, on = self.fresh(), self.fresh()
        start = self.fresh()
        self.say(f"br label %{start}")
        self.label(start)
        if mode >= 0 and operation.needs_twin(mode):
            self.say(f"br label %{rare}")
        else:
            self.say(f"br i1 {right}, label %{on}, label %{rare}, {_ALWAYS}")
        self.label(rare)
        fcsr = self.define(f"add i64 %x, {FCSR_OFFSET}")
        rounding = mode if 0 <= mode < RM_DYNAMIC else 0
        exact = self.help(operation.exact.__name__, *values, *operation.constants, rounding, operation.bits, fcsr)
        self.say(f"br label %{on}")
        self.label(on)
        if mode >= 0 and operation.needs_twin(mode):
            return exact
        return self.define(f"phi i64 [ {result}, %{start} ], [ {exact}, %{rare} ]")

    def order_memory(self, imm):
        if int(imm) & 0x12 == 0x12:  # predecessor writes, successor reads: all that x86-64 may reorder
            self.say("fence seq_cst")

    # --- blocks ----------------------------------------------------------------------------

    def block_code(self, block):
        self.block, self.values, self.bounded, self.done = block, {}, set(), 0
        label = self.label_of(block.first, block.context)
        self.label(label)
        self.left_at_first = f"%left.{label}"
        self.say(f"{self.left_at_first} = load i64, ptr %leftv")
        for each in block.instructions:
            self.instruction(each)
        left = self.define(f"sub i64 {self.left_at_first}, {self.done}")
        last, context = block.last, block.context
        if last.kind == BRANCH:
            then, other = self.fresh(), self.fresh()
            likely = _OFTEN if last.target <= last.pc else _EVEN
            self.say(f"br i1 {self.way}, label %{then}, label %{other}, {likely}")
            self.label(then)
            self.go(last.target, context, left)
            self.label(other)
            self.go(last.next, context, left)
        elif last.kind in (JUMP, CALL):
            inner = (*context, last.next) if last.kind == CALL else context
            if last.far_target >= 0:  # compared all the same: a jump may lead here from elsewhere
                self.go_indirectly(self.way, left, [(last.target, inner)])
            else:
                self.go(last.target, inner, left)
        elif last.returns:
            self.go_indirectly(self.way, left, [(context[-1], context[:-1])] if context else ())
        elif last.kind == INDIRECT:
            self.go_indirectly(self.way, left, self.region.ways.get((last.pc, context), ()), notes=True)
        else:
            self.go(last.next, context, left)

    # --- the whole ---------------------------------------------------------------------------

    def guards(self):
        """Leave, to interpret one instruction, unless the code is what it was made from."""
        for k, page in enumerate(self.region.pages):
            slot = FETCH_TLB + ((page >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)
            tag = self.define(f"load i64, ptr {self.at('%cpup', slot)}")
            words = self.define(f"load i64, ptr {self.at('%cpup', slot + 8)}")
            wanted = self.define(f"load i64, ptr {self.at('%regionp', REGION.offset('decoded') + 8 * k)}")
            same = self.define(f"icmp eq i64 {words}, {wanted}")
            here = self.define(f"icmp eq i64 {tag}, {page}")
            both = self.define(f"and i1 {same}, {here}")
            rare, on = self.fresh(), self.fresh()
            self.say(f"br i1 {both}, label %{on}, label %{rare}, {_ALWAYS}")
            self.label(rare)
            found = self.help("check_page", self.from_frame("machine"), self.from_frame("cpu"), page, wanted)
            self.say(f"br i1 {self.define(f'icmp ne i64 {found}, 0')}, label %{on}, label %other")
            self.label(on)

    def text(self):
        """LLVM assembly of the module, without target."""
        for block in self.region.blocks.values():
            self.block_code(block)
        body, self.lines = self.lines + self.outlying, []
        used = set()
        for block in self.region.blocks.values():
            used |= _written(block) | _read(block)
        self.prologue(sorted(used))
        head, self.lines = self.lines, []
        self.epilogue()
        arguments = ", ".join(f"i64 %{name}" for name in STATE)
        define = f"define {CONVENTION} i64 @{self.name}({arguments}) #0 {{\n"
        return "".join([*(f"{d}\n" for d in sorted(self.declares)), define, *head, *body, *self.lines, "}\n",
                        'attributes #0 = { nounwind "no-jump-tables"="true" }\n', _METADATA])  # fmt: skip

    def prologue(self, used):
        self.label("entry")
        for name, value in (("xp", "x"), ("cpup", "cpu"), ("framep", "frame"), ("tablep", "table"), ("regionp", "e")):
            self.say(f"%{name} = inttoptr i64 %{value} to ptr")
        self.say(f"%pendingp = getelementptr i8, ptr %cpup, i64 {CPU.offset('pending')}")
        self.say(f"%window = load i64, ptr {self.at('%cpup', CPU.offset('space'))}")
        self.say("%leftv = alloca i64")
        for is_float, number in used:
            self.say(f"%F{number} = alloca double" if is_float else f"%X{number} = alloca i64")
        self.guards()
        if self.rounds:
            fcsr = self.define(f"load i64, ptr {self.at('%xp', FCSR_OFFSET)}")
            masked = self.define(f"and i64 {fcsr}, {NX | RM_FIELD}")
            on = self.fresh()
            self.say(f"br i1 {self.define(f'icmp eq i64 {masked}, {NX}')}, label %{on}, label %other, {_ALWAYS}")
            self.label(on)
        self.say("store i64 %left, ptr %leftv")
        for is_float, number in used:
            if is_float:
                value = self.define(f"load double, ptr {self.at('%xp', F_OFFSET + 8 * number)}")
                self.say(f"store double {value}, ptr %F{number}")
            else:
                value = self.define(f"load i64, ptr {self.at('%xp', 8 * number)}")
                self.say(f"store i64 {value}, ptr %X{number}")
        shifted = self.define("lshr i64 %ip, 2")
        pc = self.define(f"add i64 %base, {shifted}")
        entry = self.region.entry
        here = self.define(f"icmp eq i64 {pc}, {entry}")
        self.say(f"br i1 {here}, label %{self.label_of(entry, ())}, label %other, {_ALWAYS}")

    def epilogue(self):
        self.label("other")
        self.tail(POSITIONS["plain"] * 8, {})
        if not self.exits:
            return
        self.label("out")
        self.say(f"%o.pc = phi i64 {self.incoming(0)}")
        self.say(f"%o.left = phi i64 {self.incoming(1)}")
        self.say(f"%o.end = phi i64 {self.incoming(2)}")
        self.say(f"%o.e = phi i64 {self.incoming(3)}")
        self.write_back()
        self.tail("%o.end", {"ip": "0", "base": "%o.pc", "left": "%o.left", "e": "%o.e"})

    def incoming(self, column):
        return ", ".join(f"[ {way[column]}, %{way[4]} ]" for way in self.exits)

    def tail(self, end, changes):
        function = self.define(f"load ptr, ptr {self.define(f'getelementptr i8, ptr %tablep, i64 {end}')}")
        arguments = ", ".join(f"i64 {changes.get(name, f'%{name}')}" for name in STATE)
        result = self.define(f"musttail call {CONVENTION} i64 {function}({arguments})")
        self.say(f"ret i64 {result}")


def _rows(block):
    return (each.row for each in block.instructions)


def _written(block):
    """The registers that a block may change, as (is float, number)."""
    return {("rd" in each.row.floats, each.rd) for each in block.instructions if "rd" in each.row.slots} - {(False, 0)}


def _read(block):
    read = set()
    for each in block.instructions:
        slots, floats = each.row.slots, each.row.floats
        if "rs1" in slots:
            read.add(("rs1" in floats, each.rs1))
        if "rs2" in slots:
            read.add(("rs2" in floats, each.rs2))
        if "fs3" in each.row.fields:
            read.add((True, each.rs3))
    return read - {(False, 0)}
