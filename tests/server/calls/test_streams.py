"""Standard streams: complete, in order, never holding the server up; terminals answer as terminals."""

import contextlib
import os
import pty
import struct
import termios

import pytest

from emu.server.calls.registry import execute
from emu.server.vfs.stream import StreamNode


def give(guest, *descriptors):
    """Let these host descriptors be the guest's standard streams, until the nodes that come back are closed."""
    nodes = [None if d is None else StreamNode(d) for d in descriptors]
    guest.task.files.place_standard(nodes)
    return [node for node in nodes if node]


@pytest.fixture
def pipes(guest):
    """(guest, host's end of its stdin, host's end of its stdout)."""
    stdin, host_in = os.pipe()
    host_out, stdout = os.pipe()
    nodes = give(guest, stdin, stdout, None)
    yield guest, host_in, host_out
    for node in nodes:
        node.close()
    for descriptor in (stdin, host_in, host_out, stdout):
        with contextlib.suppress(OSError):  # a test may have closed it
            os.close(descriptor)


@pytest.fixture
def terminal(guest):
    host, inside = pty.openpty()
    termios.tcsetwinsize(inside, (30, 100))
    nodes = give(guest, inside, inside, inside)
    yield guest, host
    for node in nodes:
        node.close()
    os.close(host)
    os.close(inside)


def test_reading_waits_for_the_host_without_holding_anybody_up(pipes):
    guest, host_in, _ = pipes
    at = guest.room(8)
    blocked, call = guest.blocks("read", 0, at, 8)
    assert blocked.descriptor == guest.task.files.get(0).host_descriptor and not blocked.writing
    os.write(host_in, b"typed")
    assert execute(call) == 5 and guest.read(at, 5) == b"typed"
    os.close(host_in)
    assert guest.sys("read", 0, at, 8) == 0


def test_output_is_there_before_the_call_returns(pipes):
    guest, _, host_out = pipes
    for i in range(50):
        assert guest.sys("write", 1, b"%02d" % i, 2) == 2
        assert os.read(host_out, 100) == b"%02d" % i


def test_long_output_into_a_slow_pipe_arrives_complete_and_once(pipes):
    guest, _, host_out = pipes
    data = bytes(i * 31 % 251 for i in range(300_000))
    blocked, call = guest.blocks("write", 1, data, len(data))
    received, tries = b"", 0
    while True:
        assert blocked.done >= len(received) and blocked.done, "what the call returns where a signal ends it"
        assert blocked.writing and blocked.descriptor == guest.task.files.get(1).host_descriptor
        received += os.read(host_out, 50_000)
        tries += 1
        try:
            assert execute(call) == len(data)
            break
        except type(blocked) as again:
            blocked = again
    while len(received) < len(data):
        received += os.read(host_out, 100_000)
    assert received == data and tries > 2


def test_a_reader_that_left_is_epipe(pipes):
    guest, _, host_out = pipes
    os.close(host_out)
    assert guest.sys("write", 1, b"x", 1) == "EPIPE"


def test_non_blocking_streams_are_eagain(pipes):
    guest, _, _ = pipes
    assert guest.sys("fcntl", 0, 4, 0o4000) == 0 and guest.sys("fcntl", 1, 4, 0o4000) == 0
    assert guest.sys("read", 0, guest.room(1), 1) == "EAGAIN"
    assert guest.sys("write", 1, guest.room(200_000), 200_000) == 65536
    assert guest.sys("write", 1, b"x", 1) == "EAGAIN"


def test_streams_have_no_positions_and_keep_their_direction(pipes):
    guest, _, _ = pipes
    assert guest.sys("lseek", 0, 0, 1) == "ESPIPE"
    assert guest.sys("write", 0, b"x", 1) == "EBADF" and guest.sys("read", 1, guest.room(1), 1) == "EBADF"
    assert guest.sys("ioctl", 0, 0x5413, guest.room(8)) == "ENOTTY"
    assert guest.sys("ioctl", 0, 0x5401, guest.room(64)) == "ENOTTY"
    assert guest.sys("close", 2) == "EBADF"


def test_closing_leaves_the_hosts_descriptor_open(pipes):
    guest, _, host_out = pipes
    descriptor = guest.task.files.get(1).host_descriptor
    assert guest.sys("close", 1) == 0
    os.write(descriptor, b"open")
    assert os.read(host_out, 10) == b"open"


def test_stdout_can_be_opened_again_by_name(pipes):
    guest, _, host_out = pipes
    fd = guest.open("/dev/stdout", 0o1001)
    assert guest.sys("write", fd, b"again", 5) == 5 and os.read(host_out, 9) == b"again"
    at = guest.room(120)
    assert guest.sys("fstatfs", fd, at) == 0 and guest.sys("fstat", fd, guest.room(128)) == 0


def test_poll_waits_for_the_hosts_descriptor(pipes):
    guest, host_in, _ = pipes
    entry = guest.put(struct.pack("<ihh", 0, 1, 0))
    blocked, call = guest.blocks("ppoll", entry, 1, 0)
    assert blocked.descriptor == guest.task.files.get(0).host_descriptor and blocked.deadline_ns is None
    os.write(host_in, b"x")
    assert execute(call) == 1
    both = guest.put(struct.pack("<ihhihh", 0, 1, 0, 1, 4, 0))
    assert guest.sys("ppoll", both, 2, 0) == 2


def test_output_into_a_regular_file_never_waits(guest, tmp_path):
    path = tmp_path / "out"
    with open(path, "wb") as file:
        give(guest, None, file.fileno(), None)
        data = bytes(500_000)
        assert guest.sys("write", 1, data, len(data)) == len(data)
    assert path.read_bytes() == data


def test_a_terminal_tells_its_size_and_settings_but_lets_nobody_change_it(terminal):
    guest, _ = terminal
    at = guest.room(64)
    assert guest.sys("ioctl", 1, 0x5413, at) == 0 and struct.unpack("<4H", guest.read(at, 8)) == (30, 100, 0, 0)
    assert guest.sys("ioctl", 0, 0x5401, at) == 0 and any(guest.read(at, 36))
    assert guest.sys("ioctl", 0, 0x5402, at) == "EPERM"
    assert guest.sys("ioctl", 0, 0x9999, at) == "EINVAL"


def test_a_terminals_lines_are_read_as_typed(terminal):
    guest, host = terminal
    os.write(host, b"line\n")
    at = guest.room(4)
    assert guest.sys("ioctl", 0, 0x541B, at) == 0
    assert guest.read_file(0) == b"line\n"
