"""What RVWMO and its stronger kin allow, by their axioms: an oracle that tries every order of memory operations.

The RISC-V Instruction Set Manual, volume I, chapter 17: an execution is allowed when there is a total order of all
memory operations that respects the preserved program order, in which each load reads the latest store to its word
among those before it in that order and those before it in its own thread.

A program is text: threads apart by `|`, operations by `;`.

    W x 1            store                 R x a            load into register a
    W x 1 data:a     its value needs a     R x b addr:a     its address needs a
    W x 1 ctrl:a     behind a branch on a  F rw,r           fence
"""

import itertools
from dataclasses import dataclass

RULES = {"sc": "sc", "tso": "tso", "rvwmo": "rvwmo"}


@dataclass(frozen=True)
class Op:
    thread: int
    place: int
    kind: str  # R, W, F
    word: str = ""
    value: int = 0  # of a store
    register: str = ""  # of a load
    needs: tuple = ()  # (kind, register)
    sets: tuple = ()  # predecessors and successors of a fence


def parse(text):
    """[[Op of a thread], …]."""
    threads = []
    for number, part in enumerate(text.split("|")):
        ops = []
        for place, words in enumerate(each.split() for each in part.split(";")):
            needs = tuple(tuple(word.split(":")) for word in words[3:])
            if words[0] == "F":
                ops.append(Op(number, place, "F", sets=tuple(words[1].split(","))))
            elif words[0] == "W":
                ops.append(Op(number, place, "W", words[1], value=int(words[2]), needs=needs))
            else:
                ops.append(Op(number, place, "R", words[1], register=words[2], needs=needs))
        threads.append(ops)
    return threads


def _is_preserved(model, ops, a, b):
    """Whether a comes before b of the same thread in every order, whatever they read (rules 1, 4, 9 to 11, 13)."""
    if model == "sc" or (model == "tso" and not (a.kind == "W" and b.kind == "R")):
        return True
    for fence in ops[a.place + 1 : b.place]:
        if fence.kind == "F" and a.kind.lower() in fence.sets[0] and b.kind.lower() in fence.sets[1]:
            return True
    if model == "tso":
        return False
    if a.word == b.word and b.kind == "W":
        return True
    if a.kind == "R" and any(register == a.register and (how != "ctrl" or b.kind == "W") for how, register in b.needs):
        return True
    between = ops[a.place + 1 : b.place]
    return b.kind == "W" and any(("addr", a.register) in each.needs for each in between if a.kind == "R")


def _reads(order, positions, ops, load):
    """The store that a load reads, None for the word's first value."""
    seen = [
        each
        for each in order
        if each.kind == "W"
        and each.word == load.word
        and (positions[each] < positions[load] or (each.thread == load.thread and each.place < load.place))
    ]
    return seen[-1] if seen else None


def _is_consistent(model, threads, positions, sources):
    """The rules that depend on what was read: 2 (loads of one word) and 12 (a store that is forwarded)."""
    if model != "rvwmo":
        return True
    for ops in threads:
        loads = [each for each in ops if each.kind == "R"]
        for a, b in itertools.combinations(loads, 2):
            stored = any(o.kind == "W" and o.word == a.word for o in ops[a.place + 1 : b.place])
            if a.word == b.word and sources[a] != sources[b] and not stored and positions[a] > positions[b]:
                return False
            source = sources[b]
            if source in ops and a.place < source.place:
                if any(how != "ctrl" and register == a.register for how, register in source.needs):
                    if positions[a] > positions[b]:
                        return False
    return True


def allowed(text, model="rvwmo"):
    """All outcomes: (values of the registers by name, last values of the words by name), each a tuple of pairs."""
    threads = parse(text)
    memory = [op for ops in threads for op in ops if op.kind != "F"]
    before = [
        (a, b)
        for ops in threads
        for a, b in itertools.combinations([op for op in ops if op.kind != "F"], 2)
        if _is_preserved(model, ops, a, b)
    ]
    found = set()
    for order in itertools.permutations(memory):
        positions = {op: n for n, op in enumerate(order)}
        if any(positions[a] > positions[b] for a, b in before):
            continue
        sources = {op: _reads(order, positions, threads, op) for op in memory if op.kind == "R"}
        if not _is_consistent(model, threads, positions, sources):
            continue
        registers = sorted((op.register, source.value if source else 0) for op, source in sources.items())
        words = {}
        for op in order:
            if op.kind == "W":
                words[op.word] = op.value
        found.add((tuple(registers), tuple(sorted(words.items()))))
    return found
