"""Translated code on disk, beside the compile cache: what one run has translated, the next one finds.

    store = Store()
    store.load(page, data, careful)         the Pack of a guest page: of the regions that are entered there
    store.save(page, data, careful, pack)   put a Pack there, together with what others have put there meanwhile

A pack is known by its page's guest address and bytes, so another program, whose page differs, does not meet it, and two
tasks that execute one program share it.  The bytes of a region's other pages are in the pack and are compared before
it is used (known.py).  All packs of a folder are made by the same emu, the same LLVM and for the same processor: the
folder's name is a digest of those, so others are never looked at.

Damage: each file carries a checksum (hot/checked_file.py); one that fails it is as if it were not there.  Files are
replaced whole.  Where two machines save one pack at once, what one of them has added may be missing: it is translated
again some day.  Where nothing can be written, nothing is, and nobody is told: only the next run takes longer.

Size: all packs of all folders together have LIMIT_BYTES, and what the machines that run have written since they last
looked, at most SLACK_BYTES each.  Those that were used longest ago go first.  A file's time says when it was used.

Who may write here decides what CPUs execute, as with the compile cache, whose directory and rules these are (cache.py).
"""

import contextlib
import hashlib
import os
from dataclasses import astuple, dataclass, field

import llvmlite.binding as llvm
import msgpack

from ...hot import cache
from ...limits import MIB

LIMIT_BYTES = 256 * MIB
SLACK_BYTES = 16 * MIB
PACK_REGIONS = 256  # of one page
PACK_BYTES = 4 * MIB
PACK_LINKS = 256
_BLOCK = 512  # bytes, in which the host counts a file's room


@dataclass(frozen=True)
class Kept:
    """A region: what it was made of, and its code (machine_code.py)."""

    entry: int
    targets: tuple  # where its indirect jumps were known to go
    size: int  # instructions
    parts: tuple  # (guest address, bytes), each within a page: all that it was made from
    code: bytes
    fixups: int
    nr_fixups: int

    @property
    def size_bytes(self):
        return len(self.code) + sum(len(data) for _, data in self.parts)


@dataclass
class Pack:
    """What is known of a page: its regions by their entries, in the order in which they became hot, and other pages.

    `links`: guest addresses of pages on which the same task had regions.
    """

    regions: dict = field(default_factory=dict)
    links: set = field(default_factory=set)

    def add(self, other):
        """Take over what this pack lacks, as far as there is room."""
        for entry, kept in other.regions.items():
            self.regions.setdefault(entry, kept)
        room, kept = PACK_BYTES, {}
        for entry, each in self.regions.items():
            room -= each.size_bytes
            if room < 0 or len(kept) == PACK_REGIONS:
                break
            kept[entry] = each
        self.regions = kept
        self.links = set(sorted(self.links | other.links)[:PACK_LINKS])

    def packed(self):
        return msgpack.packb([[astuple(each) for each in self.regions.values()], sorted(self.links)])

    @classmethod
    def unpacked(cls, content):
        regions, links = msgpack.unpackb(content, use_list=False)
        return cls({each[0]: Kept(*each) for each in regions}, set(links))


def root():
    """The directory of all packs."""
    return cache.cache_root() / "translated"


def _files():
    """(time of last use, bytes, path) of each file below `root`."""
    found = []
    with contextlib.suppress(OSError):
        for folder in os.scandir(root()):
            with contextlib.suppress(OSError):  # another machine may be removing the same
                for each in os.scandir(folder):
                    with contextlib.suppress(OSError):
                        status = each.stat(follow_symlinks=False)
                        found.append((status.st_mtime_ns, status.st_blocks * _BLOCK, each.path))
    return found


def usage():
    """How many packs there are, and their bytes on disk."""
    files = _files()
    return len(files), sum(size for _, size, _ in files)


def _folder():
    """The name of the folder for code that is made here and now."""
    features = sorted(llvm.get_host_cpu_features().items())
    made_by = (cache.CACHE_DIR.name, llvm.llvm_version_info, llvm.get_host_cpu_name(), features)
    return hashlib.sha256(repr(made_by).encode()).hexdigest()[:20]


class Store:
    def __init__(self, limit_bytes=LIMIT_BYTES, slack_bytes=SLACK_BYTES):
        self.folder = root() / _folder()
        self.limit_bytes, self.slack_bytes = limit_bytes, slack_bytes
        self.writable = True
        self._unseen_bytes = slack_bytes  # written since this machine has last looked how much there is

    @staticmethod
    def name_of(page, data, careful):
        """What the pack of a page with these bytes is called."""
        return hashlib.sha256(f"{page:x} {careful:d}\0".encode() + data).hexdigest()[:40]

    def load(self, name):
        """The Pack of this name; an empty one where there is none."""
        path = self.folder / name
        content = cache.load(path, name)
        if content is None:
            return Pack()
        with contextlib.suppress(OSError):
            os.utime(path)
        return Pack.unpacked(content)

    def save(self, name, pack):
        """Put a pack there. What is there already, and not in it, is added to it first."""
        if not self.writable:
            return
        pack.add(self.load(name))
        content = pack.packed()
        try:
            cache.store(self.folder / name, name, content, durable=False)
        except OSError:
            self.writable = False
            return
        self._unseen_bytes += len(content)
        if self._unseen_bytes > self.slack_bytes:
            self._unseen_bytes = 0
            self._trim()

    def _trim(self):
        """Remove what was used longest ago, so that there is room for some time."""
        files = sorted(_files())
        total = sum(size for _, size, _ in files)
        if total <= self.limit_bytes:
            return
        for _, size, path in files:
            if total <= self.limit_bytes * 3 // 4:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size
        for folder in {os.path.dirname(path) for _, _, path in files}:
            with contextlib.suppress(OSError):  # those that are empty now
                os.rmdir(folder)
