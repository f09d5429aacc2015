"""A row's arm in the generated interpreter (its loop: generate.py).

The body of an arm is the row's own expression, with each verb of effects.py
replaced by the lines of the method of Arm with that name (`_branch`, ...).  The
lines may use the locals of the loop: machine, cpu, thread, budget, own and state (the
CPU's and the thread's records), cpu_base and x (their addresses), page, i, left, e.
"""

import ast
import copy
import platform

from .registers import SINK_OFFSET

_STRONG_ORDER = platform.machine() == "x86_64"  # only a store before a load may be seen late

_LOADS = {f"load_{k}": b // 8 for k, b in (
    ("s8", 8), ("u8", 8), ("s16", 16), ("u16", 16), ("s32", 32), ("u32", 32), ("64", 64))}  # fmt: skip
_STORES = {f"store_{bits}": bits // 8 for bits in (8, 16, 32, 64)}
# Leave before anything changed; ILLEGAL: and let `interpret` say what it was.
_TRAP = ["    return leave(x, cpu_base, page + i + i, budget - left - 1, EXIT_TRAP)"]
_ILLEGAL = ["    return leave(x, cpu_base, page + i + i, budget - left - 1, ILLEGAL)"]


class Arm:
    """The lines of one row's arm, being made."""

    def __init__(self, row):
        self.row = row
        self.lines = []
        self.parcels = row.length // 2
        self.sequential = True  # ends with `break`; otherwise falls to the checks

    def emit(self, *lines):
        self.lines += lines

    def source(self, slot):
        """Expression for a source register."""
        declared = self.row.slots[slot]
        if not declared.field and declared.constant == 0:
            return "0"
        return f"{'f' if slot in self.row.floats else 'x'}_{slot}(x, e)"

    def parameters(self):
        """Bind what the body asks for."""
        if "rm" in self.row.fields:
            self.emit("rm = rounding_mode(x, e)", "if rm > 4:", *_ILLEGAL)
        for name in self.row.parameters:
            if name == "a":
                self.emit(f"a = {self.source('rs1')}")
            elif name == "b":
                self.emit(f"b = {self.source('rs2')}")
            elif name == "c":
                self.emit("c = f_rs3(x, e)")
            elif name == "zimm":
                self.emit("zimm = rs1_number(e)")
            elif name == "pc":
                self.emit("pc = page + i + i")
            elif name == "next":
                self.emit(f"next = page + i + i + {self.row.length}")
            elif name != "rm":
                self.emit(f"{name} = immediate(e)")

    def result(self, expression):
        """Write rd or fd."""
        slot = self.row.slots["rd"]
        if not slot.field and slot.constant == 0:
            return
        self.emit(f"set_{'f' if 'rd' in self.row.floats else 'x'}(x, e, {expression})")

    # --- verbs ---------------------------------------------------------------------

    def load(self, name, address):
        size = _LOADS[name]
        self.emit(
            f"address = {address}",
            f"if read_hit_{size}(cpu_base, address):",
            f"    value = {name}(read_host(cpu_base, address))",
            "else:",
            f"    if load_slowly(machine, cpu, address, bytes_{size}, x + {SINK_OFFSET}) == 0:",
            *("    " + line for line in _TRAP),
            f"    value = {name}(x + {SINK_OFFSET})",
        )
        return "value"

    def store(self, name, address, value):
        size = _STORES[name]
        self.emit(
            f"address = {address}",
            f"if write_hit_{size}(cpu_base, address):",
            f"    {name}(write_host(cpu_base, address), {value})",
            f"elif store_slowly(machine, cpu, address, bytes_{size}, {value}, x + {SINK_OFFSET}) == 0:",
            *_TRAP,
        )

    def locate(self, address, size, access):
        """`host` of an atomic's word; `hit` tells whether the frame is free of code."""
        kind = access.removeprefix("ACCESS_").lower()
        self.emit(
            f"address = {address}",
            f"hit = {kind}_hit_{size}(cpu_base, address)",
            "if hit:",
            f"    host = {kind}_host(cpu_base, address)",
            "else:",
            f"    host = locate_atomic(machine, cpu, address, bytes_{size}, plain({access}))",
            "    if host == 0:",
            *("    " + line for line in _TRAP),
        )

    def _amo(self, operation, bits, address, value):
        size = int(bits) // 8
        self.locate(address, size, "ACCESS_WRITE")
        self.emit(
            f"value = amo_{ast.literal_eval(operation)}_{bits}(host, {value})",
            "if not hit:",
            f"    wrote(machine, host, bytes_{size})",
        )
        return "value"

    def _load_reserved(self, bits, address):
        size = int(bits) // 8
        self.locate(address, size, "ACCESS_READ")
        return f"reserve(machine, cpu, host, bytes_{size})"

    def _store_conditional(self, bits, address, value):
        size = int(bits) // 8
        self.locate(address, size, "ACCESS_WRITE")
        self.emit(
            f"value = exchange_reserved(machine, cpu, host, bytes_{size}, {value})",
            "if not hit:",
            f"    wrote(machine, host, bytes_{size})",
        )
        return "value"

    def _branch(self, condition, offset):
        self.emit(f"if {condition}:", "    i += parcels(e)", "else:", f"    i += {self.parcels}", "    break")
        self.sequential = False

    def _jump(self, offset):
        self.emit("i += parcels(e)")
        self.sequential = False

    def _jump_to(self, target):
        self.emit(f"i = (({target}) - page) >> 1")
        self.sequential = False

    def csr(self, mode, value):
        counter = "state.instructions + budget - left - 1"
        self.emit(
            f"if access_csr(machine, thread, e, {value}, plain({mode}), {counter}) == 0:",
            *_ILLEGAL,
        )

    def _csr_write(self, csr, value):
        self.csr("CSR_WRITE", value)

    def _csr_set(self, csr, value):
        self.csr("CSR_SET", value)

    def _csr_clear(self, csr, value):
        self.csr("CSR_CLEAR", value)

    def _order_memory(self, imm):
        condition = "imm & 0x10 != 0 and imm & 2 != 0" if _STRONG_ORDER else "True"
        self.emit(f"if {condition}:", "    fence()")

    def _order_fetches(self):
        self.emit(f"i += {self.parcels}")
        self.sequential = False

    def _environment_call(self):
        self.emit("return leave(x, cpu_base, page + i + i, budget - left, EXIT_ECALL)")
        self.sequential = False

    def _breakpoint_trap(self):
        self.emit("own.cause = CAUSE_BREAKPOINT", "own.trap_value = page + i + i", _TRAP[0].strip())
        self.sequential = False

    # --- the whole --------------------------------------------------------------------

    def verb(self, call):
        """Lines for a verb; the expression of its value, or None."""
        name, arguments = call.func.id, [ast.unparse(a) for a in call.args]
        if name in _LOADS:
            return self.load(name, *arguments)
        if name in _STORES:
            return self.store(name, *arguments)
        return getattr(self, "_" + name)(*arguments)

    def is_verb(self, node):
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and (node.func.id in _LOADS or node.func.id in _STORES or hasattr(self, "_" + node.func.id))
        )

    def expression(self, node):
        """An expression's text, its verbs (at most one) carried out before."""
        for child in ast.walk(node):
            if self.is_verb(child):
                value = self.verb(child)
                if child is node or value is None:
                    return value
                return ast.unparse(_Replace(child, value).visit(copy.deepcopy(node)))
        return ast.unparse(node)

    def make(self):
        """The lines of the arm."""
        self.parameters()
        *statements, last = self.row.body.body
        for statement in statements:
            # A jump before the write of rd sees the old registers: a and next are copies.
            self.expression(statement.value)
        value = self.expression(last.value)
        if isinstance(last, ast.Return) and value is not None:
            self.result(value)
        if self.sequential:
            self.emit(f"i += {self.parcels}", "break")
        return self.lines


class _Replace(ast.NodeTransformer):
    def __init__(self, old, text):
        self.old, self.text = ast.dump(old), text

    def visit_Call(self, node):
        if ast.dump(node) == self.old:
            return ast.Name(self.text, ast.Load())
        return self.generic_visit(node)
