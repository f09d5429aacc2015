"""Filling a cold compile cache before the first CPU starts, with a progress bar.

Two processes compile disjoint shares.  A file lock makes machines that start at the
same time wait for one another instead of compiling twice.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from .. import cache
from .config import MachineError

WORKERS = 2


def ensure_warm(quiet=False):
    """Return with a complete cache; MachineError when compiling fails."""
    if cache.is_warm():
        return
    with cache.cache_lock():
        if not cache.is_warm():
            _compile(quiet)
            cache.mark_warm()


def _compile(quiet):
    from ..cpu_worker.warm import everything  # heavy: only when something has to be compiled

    with (
        tqdm(total=len(everything()), desc="compiling the kernel (once)", unit="fn", disable=quiet) as bar,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        running = []
        jobs = [pool.submit(_worker, part, bar, running) for part in range(WORKERS)]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # Ctrl-C too: do not wait for the compilers
            for process in running:
                process.kill()
            raise


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
        raise MachineError(f"compiling the kernel failed: {' '.join(errors.strip().splitlines()[-1:])}")
