"""The processes of a command under test."""

import time

import psutil

COMPUTING_S = 0.1


def children_of(process):
    """All that it has started, and they in turn."""
    return psutil.Process(process.pid).children(recursive=True)


def cpus_of(process):
    """Those that are CPUs of a machine."""
    return [child for child in children_of(process) if child.name().startswith("emu-cpu-")]


def wait_for_work(process, cpus=2):
    """Until so many CPUs of a command have computed for a while."""
    end = time.monotonic() + 60
    while sum(cpu.cpu_times().user > COMPUTING_S for cpu in cpus_of(process)) < cpus:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)


def gone(processes):
    """Whether they have ended, or do so in a while."""
    return not psutil.wait_procs(processes, timeout=10)[1]
