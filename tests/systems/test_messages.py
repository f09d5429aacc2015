"""Messages between threads on whole machines (cz-7, cz-13; each line of the contract: tests/programs/l4ipc.c)."""

import subprocess
import sys
from pathlib import Path

import pytest

from emu import MachineError
from emu.actor.policies import BUILTIN
from emu.guests import build
from emu.machine import watching
from tests.guests.programs import SOURCES
from tests.systems.guests import build_guest
from tests.systems.test_deadlock import end_after_looks
from tests.traces import checked_trace

EMU = [sys.executable, str(Path(__file__).resolve().parents[2] / "tools" / "cli.py")]

CALLS = """
static atomic_int server;
static void *serve(void *argument) {
    struct emu_message m = {0};
    server = gettid();
    long client = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    while (m.mr[0] != 0)
        client = emu_ipc((int)client, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
    return argument;
}
static long call_often(int count) {
    struct emu_message m = {0};
    while (!server)
        sched_yield();
    for (int k = 1; k <= count; k++) {
        m.mr[0] = k;
        if (emu_ipc(server, server, 0, -1, &m) != server || m.mr[0] != k)
            return 1;
    }
    m.mr[0] = 0;
    return emu_ipc(server, EMU_NILTHREAD, 0, -1, &m);
}
"""
PAIR = (
    CALLS
    + """
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, serve, NULL);
    long result = call_often(3000);
    pthread_join(thread, NULL);
    return (int)result;
}
"""
)
BESIDE = (
    CALLS
    + """
static atomic_long turns;
static atomic_int over;
static void *compute(void *argument) {
    while (!over)
        turns++;
    return argument;
}
int main(void) {
    pthread_t thread, other;
    pthread_create(&thread, NULL, serve, NULL);
    pthread_create(&other, NULL, compute, NULL);
    while (turns == 0)
        sched_yield();
    struct emu_message m = {.mr = {1}};
    for (long before = turns; turns == before;) /* for ever, if nobody else got the CPU */
        if (emu_ipc(server, server, 0, -1, &m) != server)
            return 1;
    over = 1;
    m.mr[0] = 0;
    emu_ipc(server, EMU_NILTHREAD, 0, -1, &m);
    pthread_join(thread, NULL);
    pthread_join(other, NULL);
    return 0;
}
"""
)
EMBRACE = """
#include <sys/prctl.h>
static atomic_int first;
static void *second(void *argument) {
    struct emu_message m = {0};
    prctl(PR_SET_NAME, "second");
    emu_ipc(first, EMU_NILTHREAD, 0, -1, &m);
    return argument;
}
int main(void) {
    struct emu_message m = {0};
    pthread_t thread;
    first = gettid();
    pthread_create(&thread, NULL, second, NULL);
    prctl(PR_SET_NAME, "first");
    int partner = 0;
    for (int k = first + 1; partner == 0; k++) /* the other thread, by its answer to nothing */
        if (emu_ipc(k, EMU_NILTHREAD, 0, 0, &m) == -11)
            partner = k;
    emu_ipc(partner, partner, 0, -1, &m);
    return 0;
}
"""
STORES_TO_0 = """
#include <signal.h>
static void leave(int number) { (void)number; _exit(7); }
int main(void) {
    signal(SIGSEGV, leave);
    *(volatile int *)8 = 1;
    return 0;
}
"""
LENDER = """
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
static char *const at = (char *)0x3000000;
/* A parent of a vfork that is killed, and another task in its record: it sees nothing of the former's memory. */
int main(void) {
    for (int k = 0; k < 10; k++) {
        int pipes[2];
        char word;
        pipe(pipes);
        pid_t lender = fork();
        if (lender == 0) {
            mmap(at, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            strcpy(at, "secret");
            if (vfork() == 0) {
                write(pipes[1], "x", 1);
                for (volatile long n = 0; n < 3000000; n++) {}
                _exit(0);
            }
            _exit(0);
        }
        read(pipes[0], &word, 1);
        kill(lender, SIGKILL);
        waitpid(lender, NULL, 0);
        pid_t next = fork();
        if (next == 0) {
            mmap(at, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            _exit(strcmp(at, "") == 0 ? 0 : 3);
        }
        int status;
        if (waitpid(next, &status, 0) != next || status != 0)
            return 3;
        close(pipes[0]), close(pipes[1]);
    }
    return 0;
}
"""


@pytest.mark.system("cz-7")
@pytest.mark.parametrize("policy", BUILTIN)
def test_a_call_hands_the_cpu_over_and_the_trace_says_who_sent_what_to_whom(boot, seed, tmp_path, policy):
    with boot(1, policy, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn(build_guest(tmp_path, PAIR))
        report = machine.run()
    assert job.exit_status == 0 and report.leaks == {}
    trace = checked_trace(machine)
    sends, receives = trace.of_kind("send"), trace.of_kind("receive")
    assert len(sends) == len(receives) == 6001
    assert (sends["a"] == receives["thread"]).all() and (receives["a"] == sends["thread"]).all()
    assert (trace.of_kind("switch")["a"] == 0).sum() > 5000, "nobody waits for the CPU that it is given"
    lines = subprocess.run([*EMU, "trace", tmp_path / "trace"], capture_output=True, text=True, check=True).stdout
    assert " send " in lines and " receive " in lines


@pytest.mark.system("cz-7")
@pytest.mark.system("cz-13")
@pytest.mark.system("cz-6")
@pytest.mark.parametrize("policy", ["random", "inko", "bsd4"], ids=["locked", "lock-free", "global"])
def test_a_program_that_uses_each_line_of_the_contract_breaks_no_rule_of_traces(boot, seed, tmp_path, policy):
    elf = tmp_path / "l4ipc.elf"
    build.compile_c(SOURCES / "l4ipc.c", elf)
    with boot(2, policy, seed=seed, trace=tmp_path / "trace") as machine:
        job = machine.spawn(str(elf))
        report = machine.run(limit_s=100)
    assert job.exit_status == 0, machine.output.read_text()
    assert report.leaks == {}
    checked = subprocess.run([*EMU, "trace", tmp_path / "trace", "--check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    checked_trace(machine)


@pytest.mark.system("cz-7")
@pytest.mark.parametrize("policy", BUILTIN)
def test_two_that_call_each_other_all_the_time_leave_the_cpu_to_a_third(boot, seed, tmp_path, policy):
    with boot(1, policy, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, BESIDE))
        machine.run(limit_s=60)
    assert job.exit_status == 0


@pytest.mark.system("cz-7")
def test_two_that_wait_for_each_others_messages_are_named(boot, seed, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(watching, "DEADLOCK_S", 0.2)
    with boot(2, seed=seed, patience_s=0.6) as machine:
        end_after_looks(machine, 3)
        machine.spawn(build_guest(tmp_path, EMBRACE))
        with pytest.raises(MachineError, match="the guests did not end within 60 s"):
            machine.run(limit_s=60)
    text = capfd.readouterr().err
    assert "emu: every thread waits for another one; Ctrl-C ends this" in text
    first, second = text.split("Ctrl-C ends this\n")[1].splitlines()[1:3]
    assert f"send to {second.split()[1]} second" in first and f"send to {first.split()[1]} first" in second


def test_the_first_access_of_a_cpu_to_page_0_is_the_guests_fault(boot, seed, tmp_path):
    with boot(1, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, STORES_TO_0))
        machine.run()
    assert job.exit_status == 7


@pytest.mark.parametrize("cpus", [1, 2])
def test_the_memory_of_a_killed_parent_of_a_vfork_is_not_seen_by_the_next_task_in_its_record(
    boot, seed, tmp_path, cpus
):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, LENDER))
        report = machine.run()
    assert job.exit_status == 0 and report.leaks == {}
