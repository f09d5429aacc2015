"""`emu doctor`: can this host run emu, and what is missing; ten lines."""

import importlib.util
import os
import platform
import sys
from importlib.metadata import version

import click
import psutil

from emu import cache
from emu.limits import GIB, MAX_CPUS, MIB


@click.command()
def doctor():
    """Say whether this host can run emu; sweep what dead machines left. Status 1: it cannot."""
    checks = list(_checks())
    for good, words in checks:
        click.echo(f"{'ok' if good else 'PROBLEM':8}{words}")
    sys.exit(0 if all(good for good, _ in checks) else 1)


def _checks():
    from emu.machine.directory import stale_directories, sweep
    from emu.machine.loader import GUEST_DIRECTORY
    from emu.machine.topology import Topology
    from emu.shm.segment import Window

    cores = psutil.Process().cpu_affinity()
    physical = psutil.cpu_count(logical=False)
    machine = platform.machine()
    versions = f"Python {platform.python_version()}, numba {version('numba')}"
    yield machine in ("x86_64", "aarch64"), f"host {machine}, {versions}"
    of = f"{psutil.cpu_count()} ({physical} physical)"
    siblings = max(1, (psutil.cpu_count() or 1) // (physical or 1))
    default = Topology(1, len(cores), 1)
    host = f"cores: {len(cores)} usable of {of}, {siblings} threads each"
    yield True, f"{host}; a machine has up to {MAX_CPUS} CPUs, {default} by default, siblings last"
    free = psutil.virtual_memory().available
    needs = "a machine of 8 CPUs needs about 0.5 GiB beside its guest's"
    yield free > GIB, f"memory: {free / GIB:.1f} GiB available; {needs}"
    yield hasattr(os, "memfd_create"), "anonymous shared memory (memfd)"
    try:
        Window.create(64 * MIB).destroy()
        yield True, "shared window: mapped at the same address in every process"
    except OSError as error:
        yield False, f"shared window cannot be mapped: {error}"
    yield True, f"compile cache {cache.CACHE_DIR}: {_cache_state()}"
    found = importlib.util.find_spec("ziglang") is not None
    compiler = "ziglang" if found else "none (pip install 'emu[test]' to build C guests)"
    yield True, f"guest compiler: {compiler}"
    guests = sorted(path.stem for path in GUEST_DIRECTORY.glob("*.elf"))
    yield bool(guests), f"guests: {', '.join(guests) or 'none found'}"
    stale = len(stale_directories())
    yield True, f"sockets of dead machines: {stale} found, {sweep()} swept"
    yield True, "compiling for this host's processor; guests are RV64GC Linux, static"


def _cache_state():
    entries, bad = cache.entries(), cache.damaged()
    if not entries:
        return "empty: the first run compiles for about a minute"
    if bad:
        return f"of {len(entries)} functions {len(bad)} missing or damaged: the next run compiles them anew"
    return f"complete, {len(entries)} functions, all checksums right"
