"""A primary and a blocking pool of CPUs, on whole machines (inko-6)."""

import pytest

from emu import MachineError
from emu.actor.policies import BUILTIN
from tests.systems.guests import build_guest
from tests.systems.test_rust import finish
from tests.traces import checked_trace

WANDER = """
/* Threads begin and end blocking operations, and see on which CPU they are: 0 and 1 are primary. */
static int is_there(int blocking) { return (sched_getcpu() >= 2) == blocking; }
static void use(int k) {
    for (volatile int n = 0; n < 300 * (k % 5); n++)
        ;
}
static void *work(void *argument) {
    unsigned chance = (unsigned)(long)argument;
    for (int k = 0; k < 120; k++) {
        int blocking = k % 2;
        long found = blocking ? emu_blocking_begin() : k ? emu_blocking_end() : 0;
        if (found != 0 || !is_there(blocking))
            exit(2);
        for (int n = 0; n < 4; n++) {
            chance = chance * 1103515245 + 12345;
            use(chance >> 16 & 7);
            if (chance >> 20 & 1)
                sched_yield();
            else if ((chance >> 21 & 7) == 0)
                nap(50);
            if (!is_there(blocking))
                exit(3);
        }
    }
    if (emu_blocking_begin() != -22)
        exit(4);
    return emu_blocking_end() == 0 && emu_blocking_end() == -22 ? NULL : argument;
}
int main(void) {
    pthread_t threads[6];
    for (long k = 0; k < 6; k++)
        if (pthread_create(&threads[k], NULL, work, (void *)(k + 1)) != 0)
            return 5;
    for (int k = 0; k < 6; k++) {
        void *wrong;
        pthread_join(threads[k], &wrong);
        if (wrong)
            return 6;
    }
    return 0;
}
"""


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", BUILTIN)
def test_between_begin_and_end_a_thread_runs_on_blocking_cpus_only_else_on_primary_ones(boot, seed, tmp_path, policy):
    with boot(4, policy, seed=seed, blocking_cpus=2, trace=tmp_path / "trace") as machine:
        job = machine.spawn(build_guest(tmp_path, WANDER))
        report = finish(machine)
        assert job.exit_status == 0, "2, 3: on a CPU of the other pool"
        assert [c.blocking for c in report.cpus] == [False, False, True, True]
    trace = checked_trace(machine)
    assert len(trace.of_kind("pool")) == 6 * 120


HOLDER = """
/* One thread keeps its CPU until the other one has run, which takes 200 turns. No slice ever ends here. */
static atomic_int turns;
static void *run(void *argument) {
    for (int k = 0; k < 200; k++) {
        atomic_fetch_add(&turns, 1);
        sched_yield();
    }
    return argument;
}
int main(int argc, char **argv) {
    pthread_t thread;
    int declares = argc > 1 && argv[1][0] == 'd';
    if (declares && emu_blocking_begin() != 0)
        return 2;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        return 3;
    long patience = 3000000;
    while (atomic_load_explicit(&turns, memory_order_relaxed) < 200)
        if (!declares && --patience == 0)
            break;
    int seen = atomic_load(&turns);
    if (declares && emu_blocking_end() != 0)
        return 4;
    printf("%d turns\\n", seen);
    fflush(stdout);
    pthread_join(thread, NULL);
    return 0;
}
"""


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", ["random", "alux:jiffy_ns=1000000000000"], ids=["own-queues", "one-queue"])
def test_who_holds_its_cpu_in_a_blocking_operation_holds_up_no_primary_cpu(boot, seed, tmp_path, policy):
    name, _, value = policy.partition(":jiffy_ns=")
    options = {"parameters": {"jiffy_ns": int(value)}} if value else {"slice_ns": 10**12}
    with boot(2, name, seed=seed, blocking_cpus=1, **options) as machine:
        job = machine.spawn(build_guest(tmp_path, HOLDER), "declares")
        finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"200 turns\n"
    with boot(2, name, seed=seed, blocking_cpus=1, **options) as machine:
        job = machine.spawn(build_guest(tmp_path, HOLDER))
        finish(machine)
        assert job.exit_status == 0 and machine.output.read_bytes() == b"0 turns\n", "there is one primary CPU"


RULES = """
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
static long ask(unsigned long mask) { return sched_setaffinity(0, sizeof mask, (cpu_set_t *)&mask); }
static unsigned long asked(void) {
    unsigned long mask[128] = {0};
    sched_getaffinity(0, sizeof mask, (cpu_set_t *)mask);
    return mask[0];
}
static int status_of(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}
static void *where(void *argument) {
    *(int *)argument = sched_getcpu();
    return NULL;
}
int main(int argc, char **argv) {
    if (argc > 1) /* a program that was begun in a blocking operation */
        return sched_getcpu() < 2 && emu_blocking_end() == -22 ? 0 : 21;
    if (asked() != 15) /* pools do not show in what it asked for */
        return 1;
    if (emu_blocking_begin() != 0 || asked() != 15 || sched_getcpu() < 2)
        return 2;
    pthread_t thread;
    int there = -1;
    pthread_create(&thread, NULL, where, &there);
    pthread_join(thread, NULL);
    if (there < 0 || there >= 2)
        return 3;
    pid_t child = fork();
    if (child == 0)
        _exit(sched_getcpu() < 2 && emu_blocking_end() == -22 ? 0 : 1);
    if (status_of(child) != 0 || sched_getcpu() < 2)
        return 4;
    child = fork();
    if (child == 0) {
        emu_blocking_begin();
        execl(argv[0], argv[0], "again", NULL);
        _exit(1);
    }
    if (status_of(child) != 0)
        return 5;
    if (ask(1 << 0 | 1 << 3) != 0 || sched_getcpu() != 3) /* it is in the operation still */
        return 6;
    if (emu_blocking_end() != 0 || sched_getcpu() != 0)
        return 7;
    if (emu_blocking_begin() != 0 || sched_getcpu() != 3 || emu_blocking_end() != 0)
        return 8;
    if (ask(1 << 1) != 0 || emu_blocking_begin() != 1 || sched_getcpu() != 1) /* a pinned thread stays */
        return 9;
    if (emu_exclusive(1) != 0 || sched_getcpu() != 1 || emu_blocking_end() != 0 || emu_blocking_begin() != 1)
        return 10;
    if (emu_exclusive(0) != 0 || emu_blocking_end() != 0)
        return 11;
    if (ask(1 << 2) != 0 || sched_getcpu() != 2) /* it was asked for */
        return 12;
    if (emu_blocking_begin() != 0 || emu_blocking_end() != 1 || sched_getcpu() != 2)
        return 13;
    if (emu_exclusive(1) != 0)
        return 14;
    return 0;
}
"""


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("policy", ["inko", "codezero", "bsd4"])
def test_pinned_and_exclusive_threads_children_and_new_programs_keep_their_rules(boot, seed, tmp_path, policy):
    guest = build_guest(tmp_path, RULES, "rules")
    with boot(4, policy, seed=seed, blocking_cpus=2, mounts=[f"{tmp_path}:{tmp_path}"]) as machine:
        job = machine.spawn(guest)
        finish(machine)
        assert job.exit_status == 0


WITHOUT = """
int main(void) {
    for (int k = 0; k < 10; k++)
        if (emu_blocking_begin() != 1 || emu_blocking_end() != 0)
            return 2;
    return 0;
}
"""


@pytest.mark.system("inko-6")
def test_a_machine_without_blocking_cpus_says_so_and_goes_on(boot, seed, tmp_path):
    with boot(2, "inko", seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, WITHOUT))
        report = finish(machine)
        assert job.exit_status == 0 and report.migrations <= 1


@pytest.mark.system("inko-6")
def test_cpus_keep_their_pool_when_they_leave_and_come_and_the_last_of_a_pool_stays(boot, seed, tmp_path):
    with boot(4, "inko", seed=seed, blocking_cpus=2) as machine:
        job = machine.spawn(build_guest(tmp_path, WANDER))
        machine.remove_cpu(3)
        with pytest.raises(MachineError, match="CPU 2 cannot be removed: it is the last blocking one"):
            machine.remove_cpu(2)
        machine.remove_cpu(0)
        with pytest.raises(MachineError, match="CPU 1 cannot be removed: it is the last primary one"):
            machine.remove_cpu(1)
        assert (machine.add_cpu(), machine.add_cpu()) == (0, 3)
        report = finish(machine)
        assert job.exit_status == 0
        assert [c.blocking for c in report.cpus] == [False, False, True, True]
