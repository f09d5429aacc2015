"""A RISC-V executable, checked: from the bytes of an ELF file to what server/exec.py maps.

A field may hold anything that somebody has written into the file, so no range is used before it is known to lie in the
file, or in the part of the address space that programs may have.  The few fields that matter are read with struct.
Rejected: pyelftools, which raises many kinds of errors over fields that nobody here needs.

Offsets, sizes and addresses are unsigned 64-bit numbers of the file, and Python's sums of them do not wrap.
Source: System V gABI chapters 4 and 5; fs/binfmt_elf.c of Linux for what is refused (ENOEXEC).
"""

import struct
from typing import NamedTuple

from ..abi.files import PATH_MAX
from ..limits import USER_TOP

PIE_BASE = 1 << 33  # where an executable that may lie anywhere is put
LOWEST = 1 << 12
HIGHEST = USER_TOP - (1 << 30)  # stack and trampoline are above
MAX_HEADERS = 65536 // 56  # as Linux

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_PT_LOAD, _PT_INTERP, _PT_PHDR = 1, 3, 6
_PF_X, _PF_W, _PF_R = 1, 2, 4
_ET_EXEC, _ET_DYN = 2, 3
_TYPES = {1: "an object file: link it", 4: "a core dump"}
_RISCV = 243
_MACHINES = {3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC", 22: "S/390", 40: "Arm", 62: "x86-64", 183: "AArch64",
             243: "RISC-V", 258: "LoongArch"}  # fmt: skip


class ElfError(Exception):
    """The file is not a program that can run here; the message is for the user."""


class Segment(NamedTuple):
    """A PT_LOAD program header."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    file_bytes: int
    memory_bytes: int
    align: int


def parse(data, base=PIE_BASE):
    """What server/exec.py needs of a file's bytes; ElfError when it is no program that can run.

    `base`: where a program is put that may lie anywhere.
    """
    header = _header(data)
    headers = _program_headers(data, header)
    base = base if header["type"] == _ET_DYN else 0
    loads = [segment for segment in headers if segment.kind == _PT_LOAD and segment.memory_bytes]
    if not loads:
        raise ElfError("no segment to load")
    segments = [_load(segment, base, data) for segment in loads]
    _check_together(segments, len(data))
    entry = base + header["entry"]
    if not any(s["prot"] & 4 and s["start"] <= entry < s["start"] + s["size"] for s in segments):
        raise ElfError(f"entry point {entry:#x} lies in no executable segment")
    return {
        "segments": segments,
        "entry": entry,
        "headers": _headers_address(header["headers"], headers, segments, base),
        "header_bytes": _PROGRAM_HEADER.size,
        "nr_headers": len(headers),
        "base": base,
        "interpreter": _interpreter(headers, data),
    }


def _header(data):
    if data[:2] == b"#!":
        raise ElfError("a script, not an ELF file: run its interpreter, built for RISC-V, with the script as argument")
    if data[:4] != b"\x7fELF":
        raise ElfError("not an ELF file, expected a static RISC-V 64-bit Linux program")
    if len(data) < _HEADER.size:
        raise ElfError("damaged ELF file: it ends within its header")
    bits, order = {1: 32, 2: 64}.get(data[4], 0), {1: "little-endian", 2: "big-endian"}.get(data[5], "")
    if not bits or not order:
        raise ElfError("damaged ELF file: neither 32 nor 64 bits, or of no byte order")
    machine = int.from_bytes(data[18:20], "little" if data[5] == 1 else "big")
    if (bits, order, machine) != (64, "little-endian", _RISCV):
        what = _MACHINES.get(machine, f"machine {machine}")
        raise ElfError(f"built for {what} ({bits} bits, {order}), expected RISC-V 64 bits, little-endian")
    _, kind, _, _, entry, headers, _, _, _, header_bytes, nr_headers, *_ = _HEADER.unpack_from(data)
    if kind not in (_ET_EXEC, _ET_DYN):
        raise ElfError(f"ELF type {kind} is {_TYPES.get(kind, 'unknown')}, expected an executable")
    if header_bytes != _PROGRAM_HEADER.size or not 1 <= nr_headers <= MAX_HEADERS:
        raise ElfError(f"damaged ELF file: {nr_headers} program headers of {header_bytes} bytes")
    return {"type": kind, "entry": entry, "headers": headers, "nr_headers": nr_headers}


def _program_headers(data, header):
    start, size = header["headers"], header["nr_headers"] * _PROGRAM_HEADER.size
    if start + size > len(data):
        raise ElfError(f"truncated: program headers at {start:#x} end beyond the file")
    found = [Segment(*fields) for fields in _PROGRAM_HEADER.iter_unpack(data[start : start + size])]
    return found


def _interpreter(headers, data):
    """The path of the program that a dynamic one is to be loaded by, b"" where it is static."""
    for segment in headers:
        if segment.kind == _PT_INTERP:
            end = segment.offset + segment.file_bytes
            path = data[segment.offset : end]
            if not 2 <= len(path) <= PATH_MAX or path[-1] != 0 or 0 in path[:-1]:
                raise ElfError("damaged ELF file: its interpreter is no path")
            return path[:-1]
    return b""


def _load(segment, base, data):
    start, size = base + segment.address, segment.memory_bytes
    if start < LOWEST or start + size > HIGHEST:
        raise ElfError(f"segment at {start:#x} of {size:#x} bytes lies outside the address space")
    if segment.file_bytes > size:
        raise ElfError(f"damaged ELF file: segment at {start:#x} has more bytes in the file than in memory")
    if segment.offset + segment.file_bytes > len(data):
        raise ElfError(f"truncated: segment at {start:#x} ends beyond the file")
    flags = segment.flags
    prot = (1 if flags & _PF_R else 0) | (2 if flags & _PF_W else 0) | (4 if flags & _PF_X else 0)
    content = data[segment.offset : segment.offset + segment.file_bytes]
    return {"start": start, "size": size, "prot": prot, "data": content}


def _check_together(segments, file_bytes):
    """Segments may share pages, but no byte; and not the same bytes of the file again and again."""
    in_order = sorted(segments, key=lambda s: s["start"])
    for one, next_one in zip(in_order, in_order[1:]):
        if one["start"] + one["size"] > next_one["start"]:
            raise ElfError(f"damaged ELF file: segments at {one['start']:#x} and {next_one['start']:#x} overlap")
    if sum(len(s["data"]) for s in segments) > 2 * file_bytes:
        raise ElfError("damaged ELF file: its segments are more than the file holds")


def _headers_address(offset, headers, segments, base):
    """Guest address of the program headers (AT_PHDR), 0 when no segment holds them."""
    said = [base + segment.address for segment in headers if segment.kind == _PT_PHDR]
    said += [
        base + segment.address + offset - segment.offset
        for segment in headers
        if segment.kind == _PT_LOAD and segment.offset <= offset < segment.offset + segment.file_bytes
    ]
    size = len(headers) * _PROGRAM_HEADER.size
    held = (a for a in said if any(s["start"] <= a and a + size <= s["start"] + s["size"] for s in segments))
    return next(held, 0)
