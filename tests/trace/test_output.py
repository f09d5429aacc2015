"""A file is there whole, or what was there before is: whatever ends its writer."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from emu.errors import TraceError
from emu.trace import output
from emu.trace.output import nameless_file, whole_file


@pytest.fixture(params=["nameless", "named"])
def place(request, tmp_path, monkeypatch):
    """A path, on a file system with and without nameless files."""
    if request.param == "named":
        monkeypatch.setattr(output, "_nameless", lambda folder: None)
    return tmp_path / "out"


def test_it_has_its_name_when_it_is_whole_and_not_before(place):
    with whole_file(place) as file:
        file.write(b"all of it")
        assert not place.exists()
    assert place.read_bytes() == b"all of it" and list(place.parent.iterdir()) == [place]


def test_what_was_there_is_replaced_at_once_also_through_a_link(place, tmp_path):
    place.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(place)
    with whole_file(link) as file:
        file.write(b"new")
        assert place.read_bytes() == b"old"
    assert place.read_bytes() == b"new" and link.is_symlink()


def test_an_error_leaves_what_was_there(place):
    place.write_bytes(b"old")
    with pytest.raises(TraceError, match="out: cannot be written: No space left on device"), whole_file(place) as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert place.read_bytes() == b"old" and list(place.parent.iterdir()) == [place]


def test_a_file_that_may_not_be_written_is_not_replaced(place, monkeypatch):
    def refuse(path, flags, *more, **others):
        if os.fspath(path) == os.path.realpath(place) and flags & os.O_ACCMODE == os.O_WRONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return host_open(path, flags, *more, **others)

    host_open = os.open  # whoever runs the tests may be allowed everything
    place.write_bytes(b"old")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TraceError, match="Permission denied"), whole_file(place) as file:
        file.write(b"new")
    assert place.read_bytes() == b"old"


def test_an_interruption_leaves_nothing(place):
    with pytest.raises(KeyboardInterrupt), whole_file(place) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list(place.parent.iterdir()) == []


def test_a_killed_writer_leaves_nothing(tmp_path):
    text = (
        "import os, signal, sys\n"
        "from emu.trace.output import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        "    file.write(b'half' * 100_000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", text, str(tmp_path / "out")], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL and list(tmp_path.iterdir()) == []


def test_a_folder_and_a_folder_that_is_not_there_are_refused(tmp_path):
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "out", "No such file or directory")):
        with pytest.raises(TraceError, match=why), whole_file(path):
            pass


def test_a_device_is_written_as_it_comes():
    with whole_file("/dev/null") as file:
        file.write(b"gone")
    with pytest.raises(TraceError, match="/dev/full: cannot be written: No space"), whole_file("/dev/full") as file:
        file.write(b"gone")


def test_a_temporary_file_has_no_name():
    with nameless_file() as file:
        file.write(b"here")
        file.flush()
        assert os.fstat(file.fileno()).st_nlink == 0 and os.pread(file.fileno(), 9, 0) == b"here"


def test_where_nothing_is_mounted_at_proc_it_is_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "DESCRIPTORS", "/no/such/folder")
    with whole_file(tmp_path / "out") as file:
        file.write(b"all of it")
    assert (tmp_path / "out").read_bytes() == b"all of it" and len(list(tmp_path.iterdir())) == 1
