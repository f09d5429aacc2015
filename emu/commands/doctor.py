"""`emu doctor`: can this host run emu, what is missing or refused, and what comes of it; one table.

A row is (state, what, found, consequence).  `PROBLEM` rows, in which no machine can run, make the status 1; `note` rows
say what a machine does without.
"""

import importlib.util
import os
import platform
import resource
import shutil
import sys
from importlib.metadata import version

import click
import psutil

from emu.hot import cache
from emu.limits import GIB, MAX_CPUS, MIB
from emu.tables import print_table

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"
DESCRIPTORS, DESCRIPTORS_PER_CPU = 40, 4  # that a supervisor needs: 48 are enough for 2 CPUs
LEAST_FILE_BYTES = 1 << 40  # the window's segments are sparse, and large


@click.command()
def doctor():
    """Say whether this host can run emu; sweep what dead machines left. Status 1: it cannot."""
    rows = [row for check in CHECKS for row in check()]
    print_table(("", "what", "found", "consequence"), rows)
    sys.exit(1 if any(row[0] == PROBLEM for row in rows) else 0)


def _host():
    machine = platform.machine()
    found = f"{machine}, Python {platform.python_version()}, numba {version('numba')}"
    known = machine in ("x86_64", "aarch64")
    yield OK if known else PROBLEM, "host", found, "code is compiled for it" if known else "needs x86-64 or aarch64"


def _cores():
    from emu.machine.config import may_pin, usable_cores

    usable, cores, physical = len(usable_cores()), psutil.cpu_count() or 1, psutil.cpu_count(logical=False)
    default = min(usable, MAX_CPUS)
    found = f"{usable} usable of {cores} ({physical or 'unknown'} physical)"
    yield OK, "cores", found, f"{default} CPUs by default, {MAX_CPUS} at most"
    if may_pin():
        yield OK, "pinning", "allowed", "CPU n runs on core n modulo cores"
    else:
        yield NOTE, "pinning", "refused (sched_setaffinity)", "CPUs run unpinned; a run says so"


def _memory():
    from emu.shm.segment import SHARED, Window

    free = psutil.virtual_memory().available
    needs = "8 CPUs need about 0.5 GiB beside the guest's memory"
    yield OK if free > GIB else NOTE, "memory", f"{free / GIB:.1f} GiB available", needs
    try:
        os.close(os.memfd_create("emu-doctor", os.MFD_CLOEXEC))
        yield OK, "shared memory", "memfd", "nothing in the file system"
    except (OSError, AttributeError) as error:
        said = getattr(error, "strerror", "missing")
        yield NOTE, "shared memory", f"memfd refused ({said})", f"nameless files in {SHARED}, if it has room"
    try:
        Window.create(64 * MIB).destroy()
        yield OK, "window", "mapped", "the same addresses in every process"
    except OSError as error:
        yield PROBLEM, "window", f"cannot be mapped: {error.strerror}", "no machine can run"


def _limits():
    """Limits of this process that are lower than a machine needs."""
    limits = (
        ("open files (ulimit -n)", resource.RLIMIT_NOFILE, DESCRIPTORS + DESCRIPTORS_PER_CPU * 8, "files for 8 CPUs"),
        ("file size (ulimit -f)", resource.RLIMIT_FSIZE, LEAST_FILE_BYTES, "bytes for shared memory"),
        ("address space (ulimit -v)", resource.RLIMIT_AS, LEAST_FILE_BYTES, "bytes for the window"),
    )
    low = []
    for name, number, needed, what in limits:
        soft, _ = resource.getrlimit(number)
        if soft != resource.RLIM_INFINITY and soft < needed:
            low.append((NOTE, name, f"{soft:,}", f"machines need up to {needed:,} {what}"))
    yield from low or [(OK, "limits", "high enough", "")]


def _sockets():
    from emu.machine.directory import _root, stale_directories, sweep

    stale = len(stale_directories())
    try:
        yield OK, "sockets", str(_root()), f"{stale} directories of dead machines found, {sweep()} swept"
    except OSError as error:
        yield PROBLEM, "sockets", "no place", error.strerror


def _cache():
    files, bad = cache.objects(), cache.damaged()
    where = str(cache.CACHE_DIR)
    if bad:
        state = f"of {len(files)} object files {len(bad)} missing or damaged: the next run compiles them anew"
        yield NOTE, "compile cache", where, state
    elif files:
        yield OK, "compile cache", where, f"complete: {len(files)} object files, all checksums right"
    else:
        yield OK, "compile cache", where, "empty: the first run compiles for less than a minute"
    try:
        cache.store(cache.CACHE_DIR / "doctor", "doctor", b"")
        (cache.CACHE_DIR / "doctor").unlink()
    except OSError as error:
        effect = "policies of yours are compiled by every process" if files and not bad else "no machine can run"
        state = NOTE if files and not bad else PROBLEM
        yield state, "compile cache", f"cannot be written: {error.strerror}", f"{effect}; set EMU_CACHE_DIR"


def _translated():
    from emu.isa.translator.store import LIMIT_BYTES, root, usage

    count, size_bytes = usage()
    found = f"{count} files, {size_bytes / MIB:.1f} MiB, of guests' hot code; at most {LIMIT_BYTES // MIB} MiB"
    yield OK, "translated code", str(root()), found


def _programs():
    from emu.machine.loader import GUEST_DIRECTORY

    guests = sorted(path.stem for path in GUEST_DIRECTORY.glob("*.elf"))
    yield OK if guests else PROBLEM, "guests", f"{len(guests)}", ", ".join(guests) or "emu is not installed whole"
    zig = importlib.util.find_spec("ziglang") is not None
    found = ["ziglang"] * zig + ["riscv64-linux-gnu-gcc"] * bool(shutil.which("riscv64-linux-gnu-gcc"))
    needs = "builds static RISC-V programs" if found else "pip install 'emu[test]' brings one; only to build guests"
    yield OK if found else NOTE, "C compiler", ", ".join(found) or "none", needs


CHECKS = (_host, _cores, _memory, _limits, _sockets, _cache, _translated, _programs)
