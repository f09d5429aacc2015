"""What a CPU's main loop does around its guests' system calls."""

import ctypes
import os
import signal
import struct
import sys

import pytest

from emu.cpu_worker import loop
from emu.hot import callback
from emu.kernel.actions import YIELD
from emu.shm.cpumask import to_int, to_words
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
RET_ALLOW, RET_KILL_PROCESS = 0x7FFF0000, 0x80000000
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # of the host's filter machine (linux/bpf_common.h)
SCHED_YIELD = {"x86_64": 24, "aarch64": 124, "riscv64": 124}


@callback(3)
def yield_at_once(address, me, i):
    """A guest's sched_yield."""
    return YIELD


def forbid_yielding():
    """From here on the host kills this process when it yields its core. False where the host has no such filters."""
    libc = ctypes.CDLL(None)
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (LOAD_WORD, 0, 0, 0),  # the number of the system call
            (JUMP_EQUAL, 0, 1, SCHED_YIELD[os.uname().machine]),
            (RETURN, 0, 0, RET_KILL_PROCESS),
            (RETURN, 0, 0, RET_ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(code)))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0


NOT_POSSIBLE = 77


def yields_the_hosts_core(cpus, i):
    """Whether the host sees a yield when thread i yields, in a forked process that ends with it."""
    hot.system_call.compile()
    cpus.machine["cpus"][0]["linux_call"] = yield_at_once.address
    pid = os.fork()
    if pid == 0:
        if not forbid_yielding():
            os._exit(NOT_POSSIBLE)
        hot.system_call(cpus.base, 0, i)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NOT_POSSIBLE:
        pytest.skip("this host has no filters of system calls")
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    assert ended_by in (0, signal.SIGSYS) and (ended_by or status == 0), status
    return ended_by == signal.SIGSYS


@pytest.mark.skipif(os.uname().machine not in SCHED_YIELD or sys.platform != "linux", reason="no number of sched_yield")
@pytest.mark.parametrize(
    ("others", "host_cores", "yields"),
    [(0, 1, True), (1, 1, False), (0, 2, False)],
    ids=["nothing-else-to-run", "another-thread-runs", "a-core-for-each-cpu"],
)
def test_a_yield_gives_the_hosts_core_away_where_another_cpu_may_need_it_for_what_the_thread_waits_for(
    others, host_cores, yields
):
    with played(2, "random") as cpus:
        cpus.machine["host_cores"] = host_cores
        i = cpus.start(0, affinity=0b01)
        assert cpus.pick(0) == i
        for _ in range(others):
            cpus.start(0, affinity=0b01)
        assert yields_the_hosts_core(cpus, i) == yields


@pytest.mark.parametrize("policy", ["codezero", "inko", "alux"])
def test_a_cpu_that_becomes_idle_looks_once_more_at_what_others_may_have_put_there_before_its_bit_was_seen(policy):
    with played(2, policy) as cpus:
        for _ in range(2):  # whatever it found the last time that it was idle
            for _ in range(2):  # one is for CPU 1, so that the other is worth taking
                cpus.threads[cpus.start(1, affinity=0b10)]["affinity"] = to_words(0b11)
            assert not to_int(cpus.machine["idle"]) and cpus.pick(1) >= 0
            cpus.machine["cpus"]["pending"] = 0
            cpus.machine["cpus"]["looked"][0] = 1
            assert hot.idle(cpus.base, 0) == 0 and cpus.current(0) >= 0
            assert not to_int(cpus.machine["idle"])
            for cpu in range(2):
                cpus.exit(cpu, cpus.current(cpu))


def test_nobody_waits_for_an_idle_cpus_tlb_and_everybody_for_one_that_found_work():
    """The CPU says that it uses its TLB no more before it looks for work, and that it does before it runs a thread."""
    with played(2, "codezero") as cpus:
        cpu = cpus.machine["cpus"][0]
        cpu["tlb_active"] = 1
        assert hot.idle(cpus.base, 0) == loop.PARK and cpu["tlb_active"] == 0
        cpus.start(0, affinity=0b01)
        assert hot.idle(cpus.base, 0) == 0 and cpu["tlb_active"] == 1
