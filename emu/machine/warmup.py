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
        for job in [pool.submit(_worker, part, bar) for part in range(WORKERS)]:
            job.result()


def _worker(part, bar):
    command = [sys.executable, "-m", "emu.cpu_worker.warm", str(part), str(WORKERS)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cache.SOURCE_ROOT.parent
    ) as process:
        for _ in process.stdout:
            bar.update()
        errors = process.stderr.read()
    if process.returncode:
        raise MachineError(f"compiling the kernel failed: {errors.strip().splitlines()[-1:]}")
