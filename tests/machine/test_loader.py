"""What is no program is refused by name and reason, without waiting and whatever kind of file it is."""

import os
import socket
import struct

import pytest

from emu import MachineError
from emu.machine.loader import GUEST_DIRECTORY, read_program

HELLO = (GUEST_DIRECTORY / "hello.elf").read_bytes()


def patched(offset, value):
    data = bytearray(HELLO)
    data[offset : offset + len(value)] = value
    return bytes(data)


def program_header(kind):
    """Offset of the first program header of a type."""
    at = int.from_bytes(HELLO[32:40], "little")
    while int.from_bytes(HELLO[at : at + 4], "little") != kind:
        at += 56
    return at


def loading_itself(times):
    """Program headers at the file's end that load all of it, at one address after the other."""
    data = bytearray(HELLO)
    struct.pack_into("<Q", data, 32, len(data))
    struct.pack_into("<H", data, 56, times)
    size = len(HELLO)
    return bytes(data) + b"".join(
        struct.pack("<IIQQQQQQ", 1, 5, 0, (n + 1) << 24, 0, size, size, 4096) for n in range(times)
    )


LOAD, STACK = program_header(1), program_header(0x6474E551)
BAD_PROGRAMS = {
    "not an ELF": (b"\0\1\2\3", "not an ELF file, expected a static RISC-V 64-bit Linux program"),
    "empty": (b"", "not an ELF file"),
    "a script": (b"#!/bin/sh\necho no\n", "a script, not an ELF file: run its interpreter"),
    "truncated header": (HELLO[:40], "damaged ELF file: it ends within its header"),
    "truncated": (HELLO[: len(HELLO) // 2], "truncated: segment at 0x[0-9a-f]+ ends beyond the file"),
    "another machine": (patched(18, b"\x3e\x00"), "built for x86-64 .64 bits, little-endian., expected RISC-V"),
    "unknown machine": (patched(18, b"\xff\xff"), "built for machine 65535"),
    "32 bits": (patched(4, b"\x01"), "built for RISC-V .32 bits"),
    "big-endian": (patched(5, b"\x02")[:18] + b"\x00\xf3" + HELLO[20:], "built for RISC-V .64 bits, big-endian"),
    "no class": (patched(4, b"\x07"), "neither 32 nor 64 bits"),
    "relocatable": (patched(16, b"\x01\x00"), "an object file: link it"),
    "no program headers": (patched(56, b"\0\0"), "0 program headers of 56 bytes"),
    "far too many": (patched(56, b"\xff\xff"), "65535 program headers"),
    "headers of another size": (patched(54, b"\x20\x00"), "program headers of 32 bytes"),
    "headers beyond the end": (patched(32, b"\xff" * 8), "program headers at 0xf+ end beyond the file"),
    "no path as interpreter": (patched(STACK, b"\x03\0\0\0"), "its interpreter is no path"),
    "nothing to load": (patched(56, b"\1\0"), "no segment to load"),
    "segment outside memory": (patched(LOAD + 16, b"\xff" * 8), "lies outside the address space"),
    "huge segment": (patched(LOAD + 40, b"\xff" * 8), "lies outside the address space"),
    "more in the file than in memory": (patched(LOAD + 40, struct.pack("<Q", 16)), "more bytes in the file"),
    "overlapping": (patched(LOAD + 40, struct.pack("<Q", 1 << 30)), "segments at .* overlap"),
    "its bytes again and again": (loading_itself(50), "its segments are more than the file holds"),
    "entry outside": (patched(24, b"\x00" * 8), "entry point 0x0 lies in no executable segment"),
}


@pytest.mark.parametrize("kind", BAD_PROGRAMS)
def test_a_file_that_is_no_program_is_refused_by_its_reason(kind, tmp_path):
    content, words = BAD_PROGRAMS[kind]
    file = tmp_path / "program.elf"
    file.write_bytes(content)
    with pytest.raises(MachineError, match=words) as caught:
        read_program(str(file))
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS = {
    "a directory": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a socket": make_socket,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_refused_at_once(kind, tmp_path):
    """A FIFO has no writer, and a device may have no end."""
    KINDS[kind](tmp_path / "x")
    with pytest.raises(MachineError, match=f"is {kind}, expected a RISC-V program"):
        read_program(str(tmp_path / "x"))


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_no_file_can_have_is_refused(name):
    with pytest.raises(MachineError, match="expected a path"):
        read_program(name)


def test_what_is_not_there_or_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(MachineError, match="No such file or directory .see `emu doctor`"):
        read_program("/no/such/program")
    file = tmp_path / "program.elf"
    file.write_bytes(HELLO)
    with pytest.raises(MachineError, match="Not a directory"):
        read_program(str(file / "below"))
    with pytest.raises(MachineError, match="File name too long"):
        read_program("x" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_program_that_this_user_may_not_read_is_refused(tmp_path):
    file = tmp_path / "program.elf"
    file.write_bytes(HELLO)
    file.chmod(0)
    with pytest.raises(MachineError, match="Permission denied"):
        read_program(str(file))


def test_a_name_need_not_be_utf_8(boot, tmp_path):
    program = os.fsencode(tmp_path) + b"/x\xff"
    with open(program, "wb") as file:
        file.write((GUEST_DIRECTORY / "args.elf").read_bytes())
    with boot(1) as machine:
        job = machine.spawn(os.fsdecode(program), os.fsdecode(b"argument \xfe"))
        machine.run(limit_s=60)
        assert job.exit_status == 0
    output = machine.output.read_bytes()
    assert program in output and b"argument \xfe" in output


def test_arguments_that_no_stack_holds_are_refused(boot):
    with boot(1) as machine:
        with pytest.raises(MachineError, match="arguments and variables of 3000... bytes, expected at most 2097152"):
            machine.spawn("hello", "x" * 3_000_000)
        assert machine.spawn("hello").number >= 0
        assert machine.run(limit_s=60).leaks == {}
