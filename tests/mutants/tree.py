"""The copy of the repository in which mutants live: the user's checkout is only read.

The copy is always at the same place, in a folder of its own under the user's cache, beside a compile cache of its
own.  `Tree` makes the copy equal to the checkout first, whatever an earlier run that was killed has left, and one run
at a time has it (a file lock).
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from emu.hot.cache import cache_root

LEFT_OUT = {".git", ".venv", "build", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
SOURCES = ("emu", "tests", "tools", "pyproject.toml")  # what a verdict depends on


class Busy(Exception):
    """Another run has the copy."""


def files_below(root):
    """Relative paths of the files of a repository, without what is made from them."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in LEFT_OUT and not n.endswith(".egg-info"))
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and not name.endswith(".pyc"):
                yield path.relative_to(root)


class Tree:
    """A copy of the repository `root`; a context manager that holds the copy's lock."""

    def __init__(self, root, folder):
        self.root, self.folder = Path(root), Path(folder)
        self.path = self.folder / "tree"
        self.digest = ""
        self._serial = 0

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = open(self.folder / "lock", "w")  # noqa: SIM115 (closed in __exit__)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Busy(f"another run of mutants has {self.folder}") from None
        self._copy()
        self._link_cache()
        return self

    def __exit__(self, *exception):
        self._lock.close()

    def _copy(self):
        wanted = set(files_below(self.root))
        have = set(files_below(self.path)) if self.path.is_dir() else set()
        for relative in have - wanted:
            (self.path / relative).unlink()
        digest = hashlib.sha256()
        for relative in sorted(wanted):
            data, target = (self.root / relative).read_bytes(), self.path / relative
            if relative.parts[0] in SOURCES:
                digest.update(str(relative).encode() + b"\0" + data)
            if relative not in have or target.read_bytes() != data:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / relative, target)
                shutil.copymode(self.root / relative, target)
        self.digest = digest.hexdigest()[:16]

    def _link_cache(self):
        """What others compiled. Their files are replaced whole, never written to, so both may have them."""
        for folder in (*cache_root().glob("*/complete"), *cache_root().glob("code/*")):
            source = folder if folder.is_dir() else folder.parent
            target = self.folder / "cache" / source.relative_to(cache_root())
            if not target.exists():
                with contextlib.suppress(OSError):  # another file system, or cleared away meanwhile
                    shutil.copytree(source, target, copy_function=os.link, ignore=shutil.ignore_patterns("lock"))

    @contextlib.contextmanager
    def mutated(self, mutant):
        """The copy has the mutant's fault inside the block."""
        path = self.path / mutant.file
        text = path.read_text()
        changed = mutant.mutated(text)
        try:
            self._write(path, changed)
            yield
        finally:
            self._write(path, text)

    def _write(self, path, text):
        path.write_text(text)
        # Python's bytecode goes by second and size: each version of a run has a time of its own, and what is there may
        # be an earlier run's, whose version had the same.
        for made in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):  # Python's, and pytest's of its own
            made.unlink()
        self._serial += 1
        os.utime(path, (self._serial, self._serial))

    def environment(self, seed):
        """What a process needs to run in the copy, and to find nothing of the checkout."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.path),
            "EMU_CACHE_DIR": str(self.folder / "cache"),
            "EMU_SEED": str(seed),
            "EMU_LONGER": "6",
        }  # fmt: skip
