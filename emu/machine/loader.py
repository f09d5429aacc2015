"""Program images: reading and checking an ELF file, in the supervisor, before anything runs.

Static executables and static position-independent ones for RV64; everything else
is refused with one line.  What comes out is plain data for the system server,
which places it (placing.py).
"""

import errno
import io
import os
from pathlib import Path

from elftools.common.exceptions import ELFError, ELFParseError
from elftools.elf.elffile import ELFFile

from ..limits import USER_TOP
from .config import MachineError

PIE_BASE = 1 << 33
LOWEST = 1 << 12
GUEST_DIRECTORY = Path(__file__).resolve().parents[1] / "guests" / "bin"
MAX_FILE_BYTES = 1 << 30


def find_program(name):
    """The path of a program: a file, or the name of one of the project's own guests."""
    if os.path.exists(name):
        return name
    own = GUEST_DIRECTORY / (name if name.endswith(".elf") else f"{name}.elf")
    if os.sep not in name and own.exists():
        return str(own)
    return name


def read_program(name):
    """Read and check a program; MachineError says what is wrong with it."""
    path = find_program(name)
    try:
        if os.path.isdir(path):
            raise MachineError(f"{name}: is a directory, expected a RISC-V program")
        if os.path.getsize(path) > MAX_FILE_BYTES:
            raise MachineError(f"{name}: larger than {MAX_FILE_BYTES >> 20} MiB")
        data = Path(path).read_bytes()
    except OSError as error:
        hint = " (see `emu doctor` for the guests that come with emu)" if error.errno == errno.ENOENT else ""
        raise MachineError(f"{name}: cannot be read: {os.strerror(error.errno)}{hint}") from None
    try:
        return {"path": path, **_parse(name, data)}
    except (ELFError, ELFParseError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise MachineError(f"{name}: damaged ELF file: {error}") from None


def _parse(name, data):
    if data[:4] != b"\x7fELF":
        raise MachineError(f"{name}: not an ELF file, expected a static RISC-V 64-bit Linux program")
    elf = ELFFile(io.BytesIO(data))
    header = elf.header
    if elf.elfclass != 64 or not elf.little_endian or header["e_machine"] != "EM_RISCV":
        raise MachineError(
            f"{name}: built for {header['e_machine']} ({elf.elfclass} bits), expected RISC-V 64 bits"
        )
    if header["e_type"] not in ("ET_EXEC", "ET_DYN"):
        raise MachineError(f"{name}: ELF type {header['e_type']}, expected an executable")
    segments = list(elf.iter_segments())
    if any(s["p_type"] == "PT_INTERP" for s in segments):
        raise MachineError(f"{name}: dynamically linked, link it with -static")
    base = PIE_BASE if header["e_type"] == "ET_DYN" else 0
    loads = [_segment(name, s, base, data) for s in segments if s["p_type"] == "PT_LOAD"]
    if not loads:
        raise MachineError(f"{name}: no segment to load")
    entry = base + header["e_entry"]
    if not any(s["flags"] & 1 and s["start"] <= entry < s["start"] + s["size"] for s in loads):
        raise MachineError(f"{name}: entry point {entry:#x} lies in no executable segment")
    return {
        "segments": loads,
        "entry": entry,
        "headers": _headers_address(header, segments, base),
        "header_bytes": header["e_phentsize"],
        "nr_headers": header["e_phnum"],
        "base": base,
    }


def _segment(name, segment, base, data):
    start = base + segment["p_vaddr"]
    size, in_file, offset = segment["p_memsz"], segment["p_filesz"], segment["p_offset"]
    if start < LOWEST or size < 0 or start + size > USER_TOP - (1 << 30):
        raise MachineError(
            f"{name}: segment at {start:#x} of {size:#x} bytes lies outside the address space"
        )
    if in_file > size or offset + in_file > len(data):
        raise MachineError(f"{name}: truncated: segment at {start:#x} ends beyond the file")
    flags = segment["p_flags"]
    prot = (1 if flags & 4 else 0) | (2 if flags & 2 else 0) | (4 if flags & 1 else 0)
    return {
        "start": start,
        "size": size,
        "flags": flags,
        "prot": prot,
        "data": data[offset : offset + in_file],
    }


def _headers_address(header, segments, base):
    """Guest address of the program headers (AT_PHDR), 0 when no segment holds them."""
    for s in segments:
        if s["p_type"] == "PT_PHDR":
            return base + s["p_vaddr"]
    for s in segments:
        offset = header["e_phoff"] - s["p_offset"]
        if s["p_type"] == "PT_LOAD" and 0 <= offset < s["p_filesz"]:
            return base + s["p_vaddr"] + offset
    return 0
