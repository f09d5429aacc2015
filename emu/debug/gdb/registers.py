"""The registers of a RISC-V thread as gdb numbers them: the description that gdb reads, and their bytes.

0-31 x, 32 pc | 33-64 f | 65 fflags, 66 frm, 67 fcsr
"""

from ...abi.words import WORD, signed
from ...isa.registers import F_NAMES, X_NAMES

PC, FIRST_F, FFLAGS, FRM, FCSR = 32, 33, 65, 66, 67
COUNT = 68
SP, FP = 2, 8


def size_of(number):
    """Bytes of a register."""
    return 4 if number >= FFLAGS else 8


def _describe():
    lines = ['<?xml version="1.0"?>', '<!DOCTYPE target SYSTEM "gdb-target.dtd">', '<target version="1.0">']
    lines += ["<architecture>riscv:rv64</architecture>", "<osabi>GNU/Linux</osabi>"]
    lines.append('<feature name="org.gnu.gdb.riscv.cpu">')
    kinds = {1: "code_ptr", SP: "data_ptr", 3: "data_ptr", 4: "data_ptr", FP: "data_ptr"}
    lines += [
        f'<reg name="{name}" bitsize="64" type="{kinds.get(n, "int")}" regnum="{n}"/>'
        for n, name in enumerate(X_NAMES[:32])
    ]
    lines += [f'<reg name="pc" bitsize="64" type="code_ptr" regnum="{PC}"/>', "</feature>"]
    lines.append('<feature name="org.gnu.gdb.riscv.fpu">')
    lines.append(
        '<union id="riscv_double"><field name="float" type="ieee_single"/>'
        '<field name="double" type="ieee_double"/></union>'
    )
    lines += [
        f'<reg name="{name}" bitsize="64" type="riscv_double" regnum="{FIRST_F + n}"/>'
        for n, name in enumerate(F_NAMES[:32])
    ]
    lines += [
        f'<reg name="{name}" bitsize="32" type="int" regnum="{FFLAGS + n}"/>'
        for n, name in enumerate(("fflags", "frm", "fcsr"))
    ]
    return "\n".join([*lines, "</feature>", "</target>"]).encode()


DESCRIPTION = _describe()


def read(thread, number):
    """The value of a register of a thread's record."""
    if number < PC:
        return int(thread["x"][number]) & WORD if number else 0
    if number == PC:
        return int(thread["pc"]) & WORD
    if number < FFLAGS:
        return int(thread["f"][number - FIRST_F]) & WORD
    status = int(thread["fcsr"])
    return {FFLAGS: status & 0x1F, FRM: status >> 5 & 7, FCSR: status & 0xFF}[number]


def write(thread, number, value):
    """Set a register of a thread's record, other than pc; x0 stays 0."""
    if 0 < number < PC:
        thread["x"][number] = signed(value)
    elif FIRST_F <= number < FFLAGS:
        thread["f"][number - FIRST_F] = signed(value)
    elif number >= FFLAGS:
        thread["fcsr"] = _changed_status(int(thread["fcsr"]), number, value)


def _changed_status(status, number, value):
    """fcsr once fflags, frm or all of it has been set."""
    if number == FFLAGS:
        return status & ~0x1F | value & 0x1F
    if number == FRM:
        return status & 0x1F | (value & 7) << 5
    return value & 0xFF


def read_all(thread):
    return b"".join(read(thread, number).to_bytes(size_of(number), "little") for number in range(COUNT))
