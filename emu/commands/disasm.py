"""`emu disasm PROGRAM [FUNCTION]`: a program's code by function, with symbols; nothing is run.

PROGRAM is found as by `emu run`.  Addresses are those in a guest's memory.  With --heat FILE, which `emu run
--profile-file FILE` has written, each instruction has the share of the program's retired instructions that it is, and
without a FUNCTION those that have a share are shown, most first.  Bad input is one line and status 2.
"""

import os
import sys

import click

from .run import errors_in_one_line

LEAST_SHOWN = 0.0005  # a smaller share is a dot


@click.command()
@click.argument("program")
@click.argument("function", required=False)
@click.option("--heat", metavar="FILE", help="Beside each instruction its share, as `emu run --profile-file` wrote.")
def disasm(program, function, heat):
    """Show the code of PROGRAM, or that of a FUNCTION (a name, or an address in it such as 0x10478)."""
    try:
        with errors_in_one_line():
            code = _code(program)
            counts = _counts(heat, program) if heat else {}
            for start, end, name in _chosen(code, program, function, counts):
                _print(code, start, end, name, counts)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _code(program):
    from emu import MachineError
    from emu.machine.code import Code
    from emu.machine.loader import read_image
    from emu.server.elf import ElfError

    try:
        return Code(read_image(program)[1])
    except ElfError as error:
        raise MachineError(f"{program}: {error}") from None


def _counts(heat, program):
    """{address: instructions} of the program in a profile: by its name, or the only one that there is."""
    from emu import MachineError
    from emu.machine.profile import read_heat

    found = read_heat(heat)
    wanted = _stem(program)
    mine = [each for each in found if _stem(each.path) == wanted]
    if not mine:
        names = ", ".join(os.path.basename(each.path) for each in found)
        raise MachineError(f"profile {heat}: has no sample of {program}, only of {names}")
    counts = {}
    for each in mine:
        for address, count in each.addresses.items():
            counts[address] = counts.get(address, 0) + count
    return counts


def _stem(path):
    return os.path.basename(path).removesuffix(".elf")


def _chosen(code, program, wanted, counts):
    """(start, end, name) of what is to be shown."""
    functions = [(f.start, end, f.name) for f, end in code.symbols.functions()]
    if wanted is not None:
        return _named(functions, program, wanted)
    pieces = functions or [(start, end, "") for start, end in code.executable()]
    if not counts:
        return pieces
    hot = [(sum(n for at, n in counts.items() if start <= at < end), start, end, name) for start, end, name in pieces]
    return [piece for total, *piece in sorted(hot, key=lambda each: (-each[0], each[1])) if total]


def _named(functions, program, wanted):
    from emu import MachineError

    if not functions:
        raise MachineError(f"{program}: has no symbols (stripped?), so no function {wanted!r}: leave it out")
    address = _address(wanted)
    found = [f for f in functions if f[2] == wanted or address is not None and f[0] <= address < f[1]]
    if not found:
        from difflib import get_close_matches

        near = get_close_matches(wanted, {name for _, _, name in functions}, 5)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise MachineError(f"{program}: has no function {wanted!r}{hint}")
    return found


def _address(text):
    try:
        return int(text, 16) if text.startswith("0x") else None
    except ValueError:
        return None


def _print(code, start, end, name, counts):
    from emu.isa.disassemble import length

    whole = sum(counts.values())
    total = sum(n for at, n in counts.items() if start <= at < end)
    share = f"  {total / whole:.1%}" if whole else ""
    print(f"\n{start:#x} <{name or 'code'}>:{share}")
    for address, bits in code.instructions(start, end):
        heat = f"{_heat(counts.get(address, 0) / whole):>6} " if whole else ""
        size = length(bits)
        print(f"{heat}{address:>10x}:  {f'{bits:0{2 * size}x}':<8}  {code.text(address, bits)}")


def _heat(share):
    return f"{share:.1%}" if share >= LEAST_SHOWN else "." if share else ""
