"""How many instructions a second does `interpret` retire on a hand-assembled loop?

python -m tests.isa.bench_interpreter
"""

import time

from emu.isa.encode import assemble, encode
from emu.isa.interpreter.interpret import interpret
from tests.isa.harness import BASE, Bare


def main():
    start = time.perf_counter()
    interpret.compile()
    print(f"compiled or loaded in {time.perf_counter() - start:.2f} s")
    bare = Bare()
    loop = [
        encode("c.add", 5, 1), encode("ld", 6, 8, 10), encode("xori", 6, 6, 3), encode("c.sdsp", 6, 8),
        encode("slli", 7, 1, 3), encode("c.mv", 7, 5), encode("lw", 8, 16, 10), encode("and", 8, 8, 7),
        encode("addi", 1, 1, 1),
    ]  # fmt: skip
    size = len(assemble(*loop))
    bare.load(BASE, assemble(*loop, encode("bne", 1, 2, -size)))
    bare.x[10] = bare.x[2] = BASE + 0x2000
    for _ in range(3):
        start = time.perf_counter()
        outcome = bare.run(300_000_000, pc=BASE)
        seconds = time.perf_counter() - start
        print(f"{outcome.reason=} {outcome.retired / seconds / 1e6:.0f} MIPS")


if __name__ == "__main__":
    main()
