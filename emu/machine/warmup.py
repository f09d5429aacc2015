"""Filling a cold compile cache, or mending a damaged one, before the first CPU starts, with a progress bar.

A few processes compile, each the next source file as soon as it is done with one.  A file lock makes
machines that start at the same time wait for one another instead of compiling twice.
"""

import contextlib
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from tqdm import tqdm

from ..errors import MachineError, refusals_of_the_host
from ..hot import cache
from .children import started_ignoring
from .held_signals import held_signals

MOST_COMPILERS = 4  # each has to type what its functions call, so more compilers would mostly repeat that


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
    """Compile everything that the cache lacks; all units."""
    from .warm import everything  # heavy: only when something has to be compiled

    units = everything()
    missing = [unit.name for unit in units if not unit.is_stored]
    what = "mending the compile cache" if cache.damaged() else "compiling the kernel (once)"
    with contextlib.ExitStack() as stack:
        with held_signals(), started_ignoring():
            count = min(os.cpu_count() or 1, MOST_COMPILERS, len(missing))
            compilers = [stack.enter_context(_start_compiler()) for _ in range(count)]
        bar = stack.enter_context(tqdm(total=len(missing), desc=what, unit="file", disable=quiet or not missing))
        pool = stack.enter_context(ThreadPoolExecutor(count + 1))
        names = iter(missing)
        try:
            for done in as_completed([pool.submit(_feed, each, names, bar) for each in compilers]):
                done.result()
        except BaseException:  # Ctrl-C too: do not wait for the others
            for each in compilers:
                each.kill()
            raise
    return units


def _start_compiler():
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "emu.machine.warm", str(os.getpid())]
    environment = {**os.environ, "EMU_CACHE_DIR": os.path.abspath(cache.cache_root())}  # it may be relative
    folder = cache.SOURCE_ROOT.parent
    with refusals_of_the_host():
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, cwd=folder, env=environment)


def _feed(compiler, names, bar):
    """Have a compiler compile the units that the others have not begun."""
    with contextlib.suppress(BrokenPipeError):  # it died
        for name in names:
            compiler.stdin.write(f"{name}\n".encode())
            if not compiler.stdout.readline():
                break
            bar.update()
    compiler.stdin.close()
    errors = compiler.stderr.read().decode(errors="replace")
    if compiler.wait():
        if cache.says_not_written(errors):
            raise MachineError(errors.strip())
        killed = f"its process was killed by signal {-compiler.returncode}" if compiler.returncode < 0 else ""
        raise MachineError(f"compiling the kernel failed: {killed or _cause(errors)}")


def _cause(errors):
    """The lines of a compiler's traceback that say what is wrong: Numba's error and where it came from."""
    lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("File ") or "Error" in line or line.startswith("- Resolution")]
    return " | ".join(dict.fromkeys(telling[-8:] or lines[-1:]))
