"""What a policy's functions may not do although Numba would accept it: found in their code before it is compiled.

recursion    LLVM aborts the process on some forms, and a recursion as deep as a run queue is long overflows the stack
raise        a compiled hook cannot raise, and an assert does: the CPU's process would die of it
masks        a mask of CPUs is several words: read as one, it is silently that of the first 64 CPUs
"""

import dis

from ..hot import Compiled, Hot

MASKS = {  # field: what answers instead
    "online": "is_online",
    "idle": "is_idle or idle_cpu",
    "affinity": "may_run",
    "asked_affinity": "may_run",
    "blocking_pool": "may_run or may_take",
}


def broken_rule(module):
    """What the first function of a policy's module that breaks a rule does, and its line; "" where none does."""
    own = [found for found in vars(module).values() if _is_own(found, module)]
    rules = (_raises, _masks, _recursion)
    return next(filter(None, (rule(found) for rule in rules for found in own)), "")


def _is_own(found, module):
    return isinstance(found, (Hot, Compiled)) and found.function.__module__ == module.__name__


def _name(found):
    return found.function.__name__


def _raises(found):
    asserted = False
    for each in dis.get_instructions(found.function):
        asserted = asserted or each.opname == "LOAD_ASSERTION_ERROR" or each.argval is AssertionError
        if each.opname == "RAISE_VARARGS":
            what = "assert" if asserted else "raise"
            line = each.positions.lineno if each.positions else found.function.__code__.co_firstlineno
            return f"line {line}: {_name(found)!r} has {what}: compiled hooks cannot raise"
    return ""


def _masks(found):
    for each in dis.get_instructions(found.function):
        named = each.opname in ("LOAD_ATTR", "LOAD_CONST") and each.argval in tuple(MASKS)
        if named:
            line = each.positions.lineno if each.positions else found.function.__code__.co_firstlineno
            advice = f"{each.argval!r} is a mask of several words: ask {MASKS[each.argval]} of emu.policy"
            return f"line {line}: {_name(found)!r}: {advice}"
    return ""


def _calls(found):
    """The compiled functions that a function names."""
    world = found.function.__globals__
    named = (world.get(name) for name in found.function.__code__.co_names)
    return [other for other in named if isinstance(other, (Hot, Compiled))]


def _recursion(start):
    """Whether a function can call itself, directly or through others."""
    path, seen = [(start, iter(_calls(start)))], set()
    while path:
        other = next(path[-1][1], None)
        if other is None:
            path.pop()
        elif other is start:
            way = " → ".join(_name(found) for found, _ in path) + f" → {_name(start)}"
            return f"line {start.function.__code__.co_firstlineno}: {_name(start)!r} calls itself ({way}): use a loop"
        elif id(other) not in seen:
            seen.add(id(other))
            path.append((other, iter(_calls(other))))
    return ""
