"""The code of a region, as LLVM assembly: one function, by the interpreter's convention.

It begins with the guards: pc is the entry, and the guest's pages are those that it was made from.  Then it loads the
registers that it uses, and keeps them in variables, which LLVM puts into host registers.  On each way out it writes
those back that may have changed, and goes on in one of the interpreter's ends (interpreter/linkage.py).

Always: an instruction that traps has changed nothing and is not counted; `left` counts instructions exactly; a jump
backward, an indirect one and one into another page look at `left`, like the interpreter's, so a thread can be stopped
at the same places, translated or not.  Where a slice is used up there, the interrupt word is looked at, too.
"""

from ...limits import REGION_TARGETS
from ...shm.layout import CPU, REGION
from ..interpreter.accesses import FETCH_TLB, TLB_INDEX_MASK, TLB_INDEX_SHIFT
from ..interpreter.code import STATE
from ..interpreter.frame import FRAME
from ..interpreter.linkage import POSITIONS
from ..registers import F_OFFSET, FCSR_OFFSET, RM_DYNAMIC
from ..soft.floats import ANY, RM_FIELD
from ..soft.unpacked import NX
from .accesses import Accesses
from .assembly import ALWAYS, EVEN, METADATA, NEVER, OFTEN, Assembly
from .regions import BRANCH, CALL, INDIRECT, JUMP, looks
from .templates import Result, Text, residue_of, template_of

STRAYED = 100_000  # indirect jumps out of a region: then it is translated again, with their targets inside
CONVENTION = "preserve_nonecc"


class RegionCode(Accesses, Assembly):
    """`text()`: the module of a region."""

    def __init__(self, region, name, careful=False):
        super().__init__()
        self.region, self.name, self.careful, self.declares = region, name, careful, set()
        self.exits = []  # (pc, left, end, e, label) of the ways out
        self.labels = {place: f"b{n}" for n, place in enumerate(region.blocks)}
        self.rounds = any("rm" in each.row.fields for block in region.blocks.values() for each in block.instructions)

    # --- what the interpreter has -----------------------------------------------------------

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
        self.block(label)
        self.exits.append((pc, left, POSITIONS[end] * 8, pc if e is None else e, label))
        self.say("br label %out")

    def left_before(self):
        """`left` before the present instruction."""
        return self.define(f"sub i64 {self.left_at_first}, {self.done}") if self.done else self.left_at_first

    def poll(self, target, left):
        """Leave when the budget is used up or an interrupt is pending, at a jump to `target`; `left` from here on.

        The interrupt word is looked at when a slice is used up (heat.more), which is short.
        """
        dry, on, stop = (self.fresh() for _ in range(3))
        here = self.block()
        self.branch_if(self.define(f"icmp sle i64 {left}, 0"), dry, on, NEVER)
        self.label(dry)
        given = self.define(f"add i64 {left}, {self.help('more', *self.whose(), '%frame')}")
        wet = self.block()
        self.branch_if(self.define(f"icmp sle i64 {given}, 0"), stop, on, EVEN)
        self.label(stop)
        self.leave("pause", target, given)
        self.label(on)
        return self.define(f"phi i64 [ {left}, %{here} ], [ {given}, %{wet} ]")

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
        self.go_to(label)

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
        strayed = self.add_to(counter, 1)
        tell, on = self.fresh(), self.fresh()
        enough = self.define(f"icmp eq i64 {strayed}, {STRAYED}")
        self.branch_if(enough, tell, on, NEVER)
        self.label(tell)
        self.say(f"store i64 1, ptr {self.at('%cpup', CPU.offset('found_heat'))}")
        self.block(on)

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
        """A result of floating point: the host's, where that is right and can change no flag.

        Otherwise, where the rounding error can be computed, it says whether to raise inexact, and all else is done in
        integer arithmetic (soft/floats.py).
        """
        mode = self.now.rounding
        helped, rare, on = (self.fresh() for _ in range(3))
        start = self.block()
        twin = mode >= 0 and operation.needs_twin(mode)
        if twin:
            self.go_to(helped)
        else:
            sure = right if operation.mode == ANY else self.define(f"and i1 {right}, %ready")
            self.branch_if(sure, on, rare, ALWAYS)
            self.label(rare)
            if operation.residue:
                self.inexact(operation, right, result, values, helped)
            computed = self.block()
            self.go_to(on if operation.residue else helped)
        self.label(helped)
        fcsr = self.define(f"add i64 %x, {FCSR_OFFSET}")
        rounding = mode if 0 <= mode < RM_DYNAMIC else 0
        exact = self.help(operation.exact.__name__, *values, *operation.constants, rounding, operation.bits, fcsr)
        last = self.block()
        self.go_to(on)
        self.label(on)
        if twin:
            return exact
        incoming = f"[ {result}, %{start} ], [ {exact}, %{last} ]"
        return self.define(f"phi i64 {incoming}" + (f", [ {result}, %{computed} ]" if operation.residue else ""))

    def inexact(self, operation, right, result, values, otherwise):
        """Raise inexact if the rounding error is not 0; goes on at `otherwise` where it cannot be computed."""
        template = residue_of(operation, len(values))
        self.declares |= template.declares
        fields = dict(zip("rabc", (result, *values), strict=False), p=f"i{self.fresh()}.")
        self.lines.append(template.steps[0].text.format(**fields))
        error, holds = (value.format(**fields) for value in template.values)
        on = self.fresh()
        self.branch_if(self.define(f"and i1 {right}, {holds}"), on, otherwise, ALWAYS)
        self.label(on)
        raised = self.define(f"fcmp une {template.kind} {error}, 0.0")
        fcsr = self.at("%xp", FCSR_OFFSET)
        flags = self.define(f"or i64 {self.define(f'load i64, ptr {fcsr}')}, {self.define(f'zext i1 {raised} to i64')}")
        self.say(f"store i64 {flags}, ptr {fcsr}")

    def order_memory(self, imm):
        if int(imm) & 0x12 == 0x12:  # predecessor writes, successor reads: all that x86-64 may reorder
            self.say("fence seq_cst")

    # --- blocks ----------------------------------------------------------------------------

    def block_code(self, block):
        self.inside, self.values, self.bounded, self.done = block, {}, set(), 0
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
            likely = OFTEN if last.target <= last.pc else EVEN
            self.branch_if(self.way, then, other, likely)
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
        """Leave, to interpret one instruction, unless pc and the code are what it was made from."""
        pc = self.define(f"add i64 %base, {self.define('lshr i64 %ip, 2')}")
        right = self.fresh()
        self.branch_if(self.define(f"icmp eq i64 {pc}, {self.region.entry}"), right, "other", ALWAYS)
        self.label(right)
        for k, page in enumerate(self.region.pages):
            slot = FETCH_TLB + ((page >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)
            tag = self.define(f"load i64, ptr {self.at('%cpup', slot)}")
            words = self.define(f"load i64, ptr {self.at('%cpup', slot + 8)}")
            wanted = self.define(f"load i64, ptr {self.at('%regionp', REGION.offset('decoded') + 8 * k)}")
            same = self.define(f"icmp eq i64 {words}, {wanted}")
            here = self.define(f"icmp eq i64 {tag}, {page}")
            both = self.define(f"and i1 {same}, {here}")
            rare, on = self.fresh(), self.fresh()
            self.branch_if(both, on, rare, ALWAYS)
            self.label(rare)
            found = self.help("check_page", self.from_frame("machine"), self.from_frame("cpu"), page, wanted)
            self.branch_if(self.define(f"icmp ne i64 {found}, 0"), on, "moved", ALWAYS)
            self.label(on)

    def rounding_guard(self):
        """Floating point is rounded to nearest inside; `%ready`: inexact is raised already, and flags are sticky."""
        fcsr = self.define(f"load i64, ptr {self.at('%xp', FCSR_OFFSET)}")
        nearest = self.define(f"icmp eq i64 {self.define(f'and i64 {fcsr}, {RM_FIELD}')}, 0")
        on = self.fresh()
        self.branch_if(nearest, on, "other", ALWAYS)
        self.label(on)
        self.say(f"%ready = icmp ne i64 {self.define(f'and i64 {fcsr}, {NX}')}, 0")

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
                        'attributes #0 = { nounwind "no-jump-tables"="true" }\n', METADATA])  # fmt: skip

    def prologue(self, used):
        self.label("entry")
        for name, value in (("xp", "x"), ("cpup", "cpu"), ("framep", "frame"), ("tablep", "table"), ("regionp", "e")):
            self.say(f"%{name} = inttoptr i64 %{value} to ptr")
        self.say(f"%translatedp = getelementptr i8, ptr %cpup, i64 {CPU.offset('translated')}")
        self.say(f"%window = load i64, ptr {self.at('%cpup', CPU.offset('space'))}")
        self.say("%leftv = alloca i64")
        for is_float, number in used:
            self.say(f"%F{number} = alloca double" if is_float else f"%X{number} = alloca i64")
        self.guards()
        if self.rounds:
            self.rounding_guard()
        self.add_to("%translatedp", "%left")
        self.say("store i64 %left, ptr %leftv")
        for is_float, number in used:
            if is_float:
                value = self.define(f"load double, ptr {self.at('%xp', F_OFFSET + 8 * number)}")
                self.say(f"store double {value}, ptr %F{number}")
            else:
                value = self.define(f"load i64, ptr {self.at('%xp', 8 * number)}")
                self.say(f"store i64 {value}, ptr %X{number}")
        self.go_to(self.label_of(self.region.entry, ()))

    def epilogue(self):
        self.label("other")
        self.tail(POSITIONS["plain"] * 8, {})
        self.label("moved")  # while it was looked for, this page may have been taken away, too: it is looked up anew
        here = str(self.region.entry)
        self.tail(POSITIONS["step"] * 8, {"ip": "0", "base": here, "e": here})
        if not self.exits:
            return
        self.label("out")
        self.say(f"%o.pc = phi i64 {self.incoming(0)}")
        self.say(f"%o.left = phi i64 {self.incoming(1)}")
        self.say(f"%o.end = phi i64 {self.incoming(2)}")
        self.say(f"%o.e = phi i64 {self.incoming(3)}")
        self.write_back()
        self.add_to("%translatedp", self.define("sub i64 0, %o.left"))
        self.tail("%o.end", {"ip": "0", "base": "%o.pc", "left": "%o.left", "e": "%o.e"})

    def incoming(self, column):
        return ", ".join(f"[ {way[column]}, %{way[4]} ]" for way in self.exits)

    def tail(self, end, changes):
        function = self.define(f"load ptr, ptr {self.define(f'getelementptr i8, ptr %tablep, i64 {end}')}")
        arguments = ", ".join(f"i64 {changes.get(name, f'%{name}')}" for name in STATE)
        result = self.define(f"musttail call {CONVENTION} i64 {function}({arguments})")
        self.say(f"ret i64 {result}")


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
