"""What holds for every kind of open file (emu/server/vfs/open_file.py)."""

import importlib
import pkgutil

import pytest

from emu.server import vfs
from emu.server.vfs.open_file import OpenFile, SeekableFile

for module in pkgutil.iter_modules(vfs.__path__):
    importlib.import_module(f"{vfs.__name__}.{module.name}")


def kinds(base):
    return [each for kind in base.__subclasses__() for each in (kind, *kinds(kind))]


KINDS = [kind for kind in kinds(OpenFile) if kind is not SeekableFile]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_file_with_positions_has_a_size_and_gives_bytes_from_a_position(kind):
    """pwrite with O_APPEND, lseek from the end and ioctl ask any file with positions for them."""
    if kind.seekable:
        assert issubclass(kind, SeekableFile)
    if issubclass(kind, SeekableFile):
        assert kind.size is not SeekableFile.size
        assert kind.read_at is not OpenFile.read_at
