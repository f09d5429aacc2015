"""FIFOs: opening waits for the other side; data and ends are those of pipes; a refused open leaves no trace."""

import pytest

from emu.abi.errno import ENXIO, EPIPE
from emu.abi.files import AT_FDCWD, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, S_IFBLK, S_IFIFO, S_IFREG
from emu.server.errors import Blocked, LinuxError
from emu.server.vfs.fifo import Fifo, FifoEnd, opened
from tests.server.calls.guest import Guest


@pytest.fixture
def guest():
    guest = Guest()
    assert guest.sys("mknodat", AT_FDCWD, "/tmp/fifo", S_IFIFO | 0o666, 0) == 0
    yield guest
    guest.finish()


def end(guest, flags):
    return guest.tree.open(guest.task, guest.tree.root, "/tmp/fifo", flags)


def test_an_end_is_open_once_the_other_one_is_and_stays_so_when_that_has_gone(guest):
    reader = end(guest, O_RDONLY)
    assert not reader.is_joined()
    writer = end(guest, O_WRONLY)
    assert writer.is_joined() and reader.is_joined()
    writer.close()
    assert reader.is_joined()
    late = end(guest, O_RDONLY)
    assert not late.is_joined()


def test_open_without_waiting(guest):
    with pytest.raises(LinuxError) as refused:
        end(guest, O_WRONLY | O_NONBLOCK)
    assert refused.value.errno == ENXIO
    node = guest.tree.find(guest.task, guest.tree.root, "/tmp/fifo")
    assert (node.readers, node.writers, node.holders) == (0, 0, 0)
    assert end(guest, O_RDONLY | O_NONBLOCK).is_joined()
    assert end(guest, O_WRONLY | O_NONBLOCK).is_joined()
    assert end(guest, O_RDWR).is_joined()


class Opening:
    memo = None


def test_an_open_that_waits_keeps_its_end_and_gives_it_to_whoever_goes_on(guest):
    call = Opening()
    with pytest.raises(Blocked):
        opened(call, lambda: end(guest, O_RDONLY))
    kept = call.memo
    end(guest, O_WRONLY)
    assert opened(call, None) is kept and call.memo is None


def test_data_goes_through_and_is_gone_with_the_last_end(guest):
    reader, writer = end(guest, O_RDONLY), end(guest, O_WRONLY)
    with pytest.raises(Blocked):
        reader.read(5)
    assert writer.write(b"hello") == 5 and reader.read(3) == b"hel"
    writer.close()
    assert reader.read(9) == b"lo" and reader.read(9) == b""
    again = end(guest, O_WRONLY)
    again.write(b"left")
    reader.close()
    with pytest.raises(LinuxError) as broken:
        again.write(b"x")
    assert broken.value.errno == EPIPE
    again.close()
    assert end(guest, O_RDWR).available() == 0


def test_mknod_makes_files_and_fifos_and_nothing_else(guest):
    assert isinstance(guest.tree.find(guest.task, guest.tree.root, "/tmp/fifo"), Fifo)
    assert guest.sys("mknodat", AT_FDCWD, "/tmp/fifo", S_IFIFO | 0o666, 0) == "EEXIST"
    assert guest.sys("mknodat", AT_FDCWD, "/tmp/plain", 0o640, 0) == 0
    assert guest.tree.find(guest.task, guest.tree.root, "/tmp/plain").stat().mode == S_IFREG | 0o640
    assert guest.sys("mknodat", AT_FDCWD, "/tmp/device", S_IFBLK | 0o666, 1) == "EPERM"
    assert guest.sys("mknodat", AT_FDCWD, "/tmp/other", 0o170000, 1) == "EINVAL"
    assert isinstance(end(guest, O_RDWR), FifoEnd)
