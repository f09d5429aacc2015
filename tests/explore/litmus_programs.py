"""Litmus shapes as C programs: each thread's operations are one piece of assembly, so that no compiler moves them.

The threads are made before what is explored begins, so a schedule is little more than the shape itself.
The program prints one line, `a=1 b=0 x=1 …`: registers, then the last values of the words.
"""

from .rvwmo import parse

SHAPES = {
    "MP": "W x 1; W y 1 | R y a; R x b",
    "MP+fence+fence": "W x 1; F rw,rw; W y 1 | R y a; F rw,rw; R x b",
    "MP+fence.w.w+fence.r.r": "W x 1; F w,w; W y 1 | R y a; F r,r; R x b",
    "MP+fence.w.w+addr": "W x 1; F w,w; W y 1 | R y a; R x b addr:a",
    "MP+fence.w.w+ctrl": "W x 1; F w,w; W y 1 | R y a; R x b ctrl:a",
    "MP+po+fence.r.r": "W x 1; W y 1 | R y a; F r,r; R x b",
    "MP+fence.w.w+po": "W x 1; F w,w; W y 1 | R y a; R x b",
    "SB": "W x 1; R y a | W y 1; R x b",
    "SB+fences": "W x 1; F rw,rw; R y a | W y 1; F rw,rw; R x b",
    "SB+fence+po": "W x 1; F rw,rw; R y a | W y 1; R x b",
    "SB+fence.w.w": "W x 1; F w,w; R y a | W y 1; F w,w; R x b",
    "SB+rfi": "W x 1; R x c; R y a | W y 1; R y d; R x b",
    "LB": "R x a; W y 1 | R y b; W x 1",
    "LB+data": "R x a; W y 1 data:a | R y b; W x 1 data:b",
    "LB+ctrl": "R x a; W y 1 ctrl:a | R y b; W x 1 ctrl:b",
    "LB+data+po": "R x a; W y 1 data:a | R y b; W x 1",
    "LB+fence.r.w": "R x a; F r,w; W y 1 | R y b; F r,w; W x 1",
    "S": "W x 2; W y 1 | R y a; W x 1",
    "S+fence.w.w+data": "W x 2; F w,w; W y 1 | R y a; W x 1 data:a",
    "S+fence.w.w+po": "W x 2; F w,w; W y 1 | R y a; W x 1",
    "R": "W x 1; W y 1 | W y 2; R x a",
    "R+fences": "W x 1; F rw,rw; W y 1 | W y 2; F rw,rw; R x a",
    "R+fence.w.w+po": "W x 1; F w,w; W y 1 | W y 2; R x a",
    "2+2W": "W x 1; W y 2 | W y 1; W x 2",
    "2+2W+fences": "W x 1; F w,w; W y 2 | W y 1; F w,w; W x 2",
    "CoWW": "W x 1; W x 2 | R x a; R x b",
    "CoRR": "W x 1 | R x a; R x b",
    "CoRR+2W": "W x 1 | W x 2 | R x a; R x b",
    "CoRW": "W x 1 | R x a; W x 2",
    "CoWR": "W x 1 | W x 2; R x a",
    "WRC": "W x 1 | R x a; W y 1 | R y b; R x c",
    "WRC+data+addr": "W x 1 | R x a; W y 1 data:a | R y b; R x c addr:b",
    "IRIW": "W x 1 | W y 1 | R x a; R y b | R y c; R x d",
    "IRIW+fences": "W x 1 | W y 1 | R x a; F rw,rw; R y b | R y c; F rw,rw; R x d",
    "IRIW+addr": "W x 1 | W y 1 | R x a; R y b addr:a | R y c; R x d addr:c",
}

_HEAD = """#include <stdio.h>
#include "teach_threads.h"

static struct { _Alignas(64) int value; } x, y;
long registers[4];
"""

_THREAD = """
static void thread_%(number)d(long self) {
    long x_at = (long)&x, y_at = (long)&y, a = 0, b = 0, c = 0, d = 0, t = 0;
    (void)self;
    __asm__ volatile(
%(assembly)s
        : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [t] "+r"(t)
        : [x] "r"(x_at), [y] "r"(y_at)
        : "memory", "t6");
%(keep)s
}
"""

_MAIN = """
int main(void) {
    static void (*const threads[])(long) = {%(names)s};
    for (int n = 0; n < %(count)d; n++)
        start(n + 1, threads[n], 0);
    emu_explore_begin();
    for (int n = 0; n < %(count)d; n++)
        wait_for(n + 1);
    printf("%(format)s\\n", %(values)s);
    return 0;
}
"""


def _assembly(ops):
    lines = []
    for op in ops:
        if op.kind == "F":
            lines.append(f"fence {op.sets[0]},{op.sets[1]}")
            continue
        needs, address = dict(op.needs), f"%[{op.word}]"
        if "ctrl" in needs:
            lines += [f"bnez %[{needs['ctrl']}], 1f", "1:"]
        if "addr" in needs:
            lines += [f"xor %[t], %[{needs['addr']}], %[{needs['addr']}]", f"add %[t], %[t], {address}"]
            address = "%[t]"
        if op.kind == "R":
            lines.append(f"lw %[{op.register}], 0({address})")
        elif "data" in needs:
            lines += [f"xor %[t], %[{needs['data']}], %[{needs['data']}]", f"addi %[t], %[t], {op.value}"]
            lines.append(f"sw %[t], 0({address})")
        else:
            lines += [f"li t6, {op.value}", f"sw t6, 0({address})"]
    return "\n".join(f'        "{line}\\n"' for line in lines)


def source(text):
    """The C source of a shape."""
    threads = parse(text)
    registers = sorted(op.register for ops in threads for op in ops if op.kind == "R")
    words = sorted({op.word for ops in threads for op in ops if op.kind == "W"})
    parts = [_HEAD]
    for number, ops in enumerate(threads):
        keep = "\n".join(f"    registers[{ord(op.register) - 97}] = {op.register};" for op in ops if op.kind == "R")
        parts.append(_THREAD % {"number": number, "assembly": _assembly(ops), "keep": keep})
    values = [f"registers[{ord(each) - 97}]" for each in registers] + [f"{each}.value" for each in words]
    parts.append(
        _MAIN
        % {
            "names": ", ".join(f"thread_{n}" for n in range(len(threads))),
            "count": len(threads),
            "format": " ".join([*(f"{each}=%ld" for each in registers), *(f"{each}=%d" for each in words)]),
            "values": ", ".join(values),
        }
    )
    return "".join(parts)


def outcome_of(output, text):
    """The outcome of a line that the program has printed, in the form of rvwmo.allowed."""
    registers = {op.register for ops in parse(text) for op in ops if op.kind == "R"}
    pairs = [(name, int(value)) for name, value in (each.split("=") for each in output.decode().split())]
    return tuple(p for p in pairs if p[0] in registers), tuple(p for p in pairs if p[0] not in registers)
