"""Filling a cold compile cache, or mending a damaged one, before the first CPU starts, with a progress bar.

A process of its own compiles (machine/warm.py).  A file lock makes machines that start at the same time wait for one
another instead of compiling twice.
"""

import contextlib
import errno
import os
import subprocess
import sys

from ..errors import MachineError, refusals_of_the_host
from ..hot import cache, object_files
from .children import started_ignoring
from .held_signals import held_signals


def ensure_warm(quiet=False):
    """Return with a complete cache; MachineError when compiling fails."""
    if cache.is_warm():
        cache.mark_used()
        return
    try:
        with cache.cache_lock():
            if not cache.is_warm():
                cache.mark_warm(_compile(quiet))
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise MachineError(f"{error.strerror}: raise the limit (ulimit -n)") from None
        raise MachineError(cache.not_written(error)) from None


def _compile(quiet):
    """Compile everything that the cache lacks; the places of all object files."""
    from tqdm import tqdm  # late, as the next: every command would wait for them

    from .warm import everything  # heavy: only when something has to be compiled

    units = everything()
    missing = [unit.name for unit in units if not unit.is_stored]
    what = "mending the compile cache" if cache.damaged() else "compiling the kernel (once)"
    with tqdm(total=len(missing), desc=what, unit="file", disable=quiet or not missing) as bar:
        if missing:
            with open(os.memfd_create("errors"), "w+b") as errors:  # a pipe might be full before the process has ended
                with held_signals(), started_ignoring():
                    compiler = _start_compiler(errors)
                with compiler:
                    try:
                        _follow(compiler, missing, bar, errors)
                    except BaseException:  # Ctrl-C too
                        compiler.kill()
                        raise
    return object_files.needed([unit.place for unit in units]) or {}


def _start_compiler(errors):
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "emu.machine.warm", str(os.getpid())]
    environment = {**os.environ, "EMU_CACHE_DIR": os.path.abspath(cache.cache_root())}  # it may be relative
    folder = cache.SOURCE_ROOT.parent
    with refusals_of_the_host():
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, bufsize=0, cwd=folder, env=environment)


def _follow(compiler, names, bar, errors):
    """Have the units of these names compiled; MachineError when that fails, by what the compiler writes to `errors`."""
    with contextlib.suppress(BrokenPipeError):  # it died
        compiler.stdin.write("".join(f"{name}\n" for name in names).encode())
    compiler.stdin.close()
    while compiler.stdout.readline():
        bar.update()
    if compiler.wait():
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if cache.says_not_written(said):
            raise MachineError(said.strip())
        killed = f"its process was killed by signal {-compiler.returncode}" if compiler.returncode < 0 else ""
        raise MachineError(f"compiling the kernel failed: {killed or _cause(said)}")


def _cause(errors):
    """The lines of a compiler's traceback that say what is wrong: Numba's error and where it came from."""
    lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("File ") or "Error" in line or line.startswith("- Resolution")]
    return " | ".join(dict.fromkeys(telling[-8:] or lines[-1:]))
