"""Machine code that may lie anywhere, and refers to nothing outside (isa/translator/machine_code.py)."""

import ctypes
import mmap

import pytest

from emu.isa.translator.machine_code import Compiler, LinkError


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


def at_some_place(code, offset):
    """A function of one integer from machine code, at an offset of a page."""
    memory = mmap.mmap(-1, 1 << 16, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory[offset : offset + len(code)] = code
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(start + offset), memory


def run(code, *arguments):
    """What it returns for each argument, the same at whatever place."""
    results = []
    for offset in (0, 64, 4096 + 128):
        function, memory = at_some_place(code, offset)
        results.append([function(a) for a in arguments])
        del function, memory
    assert results[0] == results[1] == results[2]
    return results[0]


def test_code_runs_wherever_it_lies(compiler):
    code, _, count = compiler.compile("define i64 @f(i64 %a) { %b = add i64 %a, 5\n ret i64 %b }")
    assert run(code, 1, -5) == [6, 0] and count == 0


def test_constants_lie_behind_the_code_that_loads_them(compiler):
    text = """
    define i64 @f(i64 %a) {
      %x = sitofp i64 %a to double
      %y = fmul double %x, 3.7
      %z = fadd double %y, 1234567.25
      %r = bitcast double %z to i64
      ret i64 %r
    }"""
    [bits] = run(compiler.compile(text)[0], 10)
    assert ctypes.c_double.from_buffer(ctypes.c_int64(bits)).value == 10 * 3.7 + 1234567.25


def test_tables_of_jumps_are_filled_in(compiler):
    cases = " ".join(f"i64 {k}, label %c{k}" for k in range(12))
    blocks = "\n".join(f'c{k}:\n call void asm sideeffect "", ""()\n ret i64 {k * k * 7 + 1}' for k in range(12))
    text = f"define i64 @f(i64 %a) {{ switch i64 %a, label %other [ {cases} ]\nother:\n ret i64 -1\n{blocks}\n}}"
    assert run(compiler.compile(text)[0], *range(12), 12, -1) == [*(k * k * 7 + 1 for k in range(12)), -1, -1]


@pytest.mark.parametrize("text", [
    "declare i64 @outside(i64)\ndefine i64 @f(i64 %a) { %b = call i64 @outside(i64 %a)\n ret i64 %b }",
    "@word = external global i64\ndefine i64 @f(i64 %a) { %b = load i64, ptr @word\n ret i64 %b }",
    "@word = global i64 3\ndefine i64 @f(i64 %a) { store i64 %a, ptr @word\n ret i64 ptrtoint (ptr @word to i64) }",
], ids=["function", "variable", "variable of its own"])  # fmt: skip
def test_what_refers_to_something_outside_is_refused(compiler, text):
    with pytest.raises(LinkError):
        compiler.compile(text)


def test_the_table_of_ways_out_is_found_and_points_at_code(compiler):
    table = r"\0A.pushsection .fixups,\22a\22\0A.long 1b-., ${1:l}-.\0A.popsection"
    text = f"""
    define i64 @f(i64 %a) {{
      callbr void asm sideeffect "1:nop{table}", "r,!i"(i64 %a) to label %on [label %out]
    on:
      ret i64 1
    out:
      ret i64 2
    }}"""
    code, at, count = compiler.compile(text)
    assert count == 1
    site, way_out = (
        at + 4 * k + int.from_bytes(code[at + 4 * k : at + 4 * k + 4], "little", signed=True) for k in (0, 1)
    )
    assert code[site] == 0x90 and 0 <= way_out < at
    function, memory = at_some_place(code, 0)
    assert function(0) == 1
    del function, memory
