"""qemu-riscv64 as the other side: random programs in one hand-made static executable.

`run(image, runs, length)` starts each run's program with its inputs, one after the other over the same memory, and
returns the registers after each and the memory after all.  A small driver in the executable loads
the registers from a table, jumps to x31, and is jumped to by the end of every program.
"""

import shutil
import struct
import subprocess

import numpy as np

from emu.isa.encode import assemble, encode

QEMU = shutil.which("qemu-riscv64")
DRIVER, TABLE = 0x80000, 0x100000  # the image is below the driver, within reach of jal
RECORD = 528  # 32 integer registers, 32 of floating point, fcsr, padding
FCSR = 0x003
_X2_NEXT, _END, _X1, _OUT = 0, 8, 16, 24  # words at TABLE: next record, end, saved x1, next place for results
_RECORDS = TABLE + 0x1000


class QemuError(Exception):
    """qemu ended by a signal or with an error."""


def record(inputs):
    """The bytes of a run's registers."""
    mask = (1 << 64) - 1
    words = [v & mask for v in (*inputs.x, *inputs.f, inputs.fcsr, 0)]
    return struct.pack("<66Q", *words)


def _write_all():
    """Write a5 bytes at a1 to standard output."""
    return [
        encode("addi", 10, 0, 1), encode("addi", 12, 15, 0), encode("addi", 17, 0, 64), encode("ecall"),
        encode("add", 11, 11, 10), encode("sub", 15, 15, 10), encode("bne", 15, 0, -24),
    ]  # fmt: skip


def _driver(memory, length):
    """(code, address of the end of programs): everything is 4 bytes long."""
    load = [encode("lui", 2, TABLE), encode("ld", 3, _X2_NEXT, 2), encode("ld", 4, _END, 2)]
    start = [encode("addi", 5, 3, RECORD), encode("sd", 5, _X2_NEXT, 2), encode("addi", 31, 3, 0)]
    start += [encode("fld", n, 256 + 8 * n, 31) for n in range(32)]
    start += [encode("ld", 1, 512, 31), encode("csrrw", 0, FCSR, 1)]
    start += [encode("ld", n, 8 * n, 31) for n in (*range(1, 31), 31)] + [encode("jalr", 0, 0, 31)]
    end = [encode("lui", 2, TABLE), encode("sd", 1, _X1, 2), encode("ld", 1, _OUT, 2)]
    end += [encode("sd", n, 8 * n, 1) for n in range(3, 32)] + [encode("ld", 3, _X1, 2), encode("sd", 3, 8, 1)]
    end += [encode("fsd", n, 256 + 8 * n, 1) for n in range(32)]
    end += [
        encode("csrrs", 3, FCSR, 0),
        encode("sd", 3, 512, 1),
        encode("addi", 1, 1, RECORD),
        encode("sd", 1, _OUT, 2),
    ]
    # Results overwrite the inputs: a run's record is read before its result is written.
    finish = [encode("lui", 11, TABLE), encode("ld", 15, _OUT, 11), encode("lui", 12, 0x1000)]
    finish += [encode("add", 11, 11, 12), encode("sub", 15, 15, 11), *_write_all()]
    finish += [encode("lui", 11, memory), encode("lui", 15, length), *_write_all()]
    finish += [encode("addi", 10, 0, 0), encode("addi", 17, 0, 93), encode("ecall")]
    back = 4 * (len(load) + 1 + len(start) + len(end))
    load.append(encode("beq", 3, 4, back - 4 * len(load) + 4))
    code = [*load, *start, *end, encode("jal", 0, -back), *finish]
    return assemble(*code), DRIVER + 4 * (len(load) + len(start))


END = _driver(0x10000, 0x1000)[1]


def leave(address):
    """The instruction that ends a program at an address."""
    return encode("jal", 0, END - address)


def _executable(segments, entry):
    header, offset = b"", 0x1000
    body = b""
    for address, data in segments:
        header += struct.pack("<IIQQQQQQ", 1, 7, offset + len(body), address, address, len(data), len(data), 0x1000)
        body += data + bytes(-len(data) % 0x1000)
    start = struct.pack(
        "<4sBBBB8xHHIQQQIHHHHHH",
        b"\x7fELF", 2, 1, 1, 0, 2, 243, 1, entry, 64, 0, 5, 64, 56, len(segments), 64, 0, 0,
    )  # fmt: skip
    return (start + header).ljust(offset, b"\0") + body


def write_executable(path, base, image, records, memory, length):
    """An executable that prints the registers after each run, and `length` bytes at `memory` after all."""
    end = _RECORDS + RECORD * len(records)
    table = struct.pack("<4Q", _RECORDS, end, 0, _RECORDS).ljust(0x1000, b"\0") + b"".join(records)
    driver, _ = _driver(memory, length)
    path.write_bytes(_executable([(base, image), (DRIVER, driver), (TABLE, table)], DRIVER))
    path.chmod(0o755)


def execute(path, size, timeout_s=20):
    """The `size` bytes that an executable prints."""
    result = subprocess.run([QEMU, str(path)], capture_output=True, timeout=timeout_s, check=False)
    if result.returncode or len(result.stdout) != size:
        raise QemuError(f"qemu ended with {result.returncode}: {result.stderr[:200]}")
    return result.stdout


def run(path, base, image, records, memory, length):
    """Registers after each run (an array of records) and `length` bytes at `memory` after all.

    `image`: bytes at `base`, programs that end with `leave`; `path`: where to put the executable.
    """
    write_executable(path, base, image, records, memory, length)
    output = execute(path, RECORD * len(records) + length)
    registers = np.frombuffer(output, dtype=np.uint64, count=66 * len(records)).reshape(-1, 66)
    return registers, output[RECORD * len(records) :]
