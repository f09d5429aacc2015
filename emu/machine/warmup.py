"""Filling a cold compile cache before the first CPU starts, with a progress bar.

Two processes compile disjoint shares.  A file lock makes machines that start at the
same time wait for one another instead of compiling twice.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from tqdm import tqdm

from .. import cache
from .config import MachineError

WORKERS = 2


def ensure_warm(quiet=False):
    """Return with a complete cache; MachineError when compiling fails."""
    if cache.is_warm():
        return
    try:
        with cache.cache_lock():
            if not cache.is_warm():
                cache.mark_warm(_compile(quiet))
    except OSError as error:
        where = error.filename or cache.cache_root()
        raise MachineError(
            f"the compile cache cannot be written: {where}: {error.strerror}; set EMU_CACHE_DIR to another"
        ) from None


def _compile(quiet):
    """Compile everything; the source files it comes from."""
    from ..cpu_worker.warm import everything  # heavy: only when something has to be compiled

    entries = everything()
    with (
        tqdm(total=len(entries), desc="compiling the kernel (once)", unit="fn", disable=quiet) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        running = []
        jobs = [pool.submit(_worker, part, bar, running) for part in range(WORKERS)]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:  # Ctrl-C too: do not wait for the other compilers
            for process in running:
                process.kill()
            raise
    return {e.function.__code__.co_filename for e in entries}


def _worker(part, bar, running):
    command = [sys.executable, "-m", "emu.cpu_worker.warm", str(part), str(WORKERS)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cache.SOURCE_ROOT.parent
    ) as process:
        running.append(process)
        for _ in process.stdout:
            bar.update()
        errors = process.stderr.read()
    if process.returncode:
        killed = f"its process was killed by signal {-process.returncode}" if process.returncode < 0 else ""
        raise MachineError(f"compiling the kernel failed: {killed or _cause(errors)}")


def _cause(errors):
    """The lines of a compiler's traceback that say what is wrong: Numba's error and where it came from."""
    lines = [line.strip() for line in errors.strip().splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("File ") or "Error" in line or line.startswith("- Resolution")]
    return " | ".join(dict.fromkeys(telling[-8:] or lines[-1:]))
