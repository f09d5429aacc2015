"""What is done to a thread in the middle of a call: SIGKILL, another context, recycling (cz-8)."""

import pytest

from tests.systems.guests import build_guest
from tests.systems.test_rust import finish

# SIGKILL ends also what no other signal interrupts: a suspended thread, one that waits for a vforked child.
KILLED = """
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int killed(int child, int one_thread) {
    int status = 0;
    if (one_thread ? syscall(SYS_tkill, child, SIGKILL) : kill(child, SIGKILL)) return 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}
int main(void) {
    for (int one_thread = 0; one_thread < 2; one_thread++) {
        int child = fork();
        if (child == 0) for (;;) sched_yield();
        struct emu_ids ids = {child, 0, 0};
        if (emu_thread_control(EMU_THREAD_SUSPEND, &ids)) return 1;
        if (!killed(child, one_thread)) return 2;
        int began[2];
        if (pipe(began)) return 3;
        if ((child = fork()) == 0) {
            close(began[0]);
            if (vfork() == 0) { /* it waits for this one, which ends when nobody reads any more */
                char byte = 1;
                while (write(began[1], &byte, 1) == 1) usleep(1000);
                _exit(0);
            }
            _exit(1);
        }
        char byte;
        close(began[1]);
        signal(SIGPIPE, SIG_IGN);
        if (read(began[0], &byte, 1) != 1 || !killed(child, one_thread)) return 4;
        close(began[0]);
    }
    return 0;
}
"""

# A thread that is suspended in read(2) is about to make the call, as the context says that is read; another context
# begins with its own pc, and nothing of the call is left.
EXCHANGED = """
#include <sys/syscall.h>
static int empty[2], other[2];
static volatile int tid, reached;
static char stack[16384] __attribute__((aligned(16)));
__asm__(".option push\\n.option norvc\\n ebreak\\n.globl target\\ntarget: call on_target\\n.option pop\\n");
void target(void);
__attribute__((used)) static void on_target(void) {
    char byte;
    reached = read(other[0], &byte, 1) == 1 && byte == 'b' ? 1 : 2;
    emu_leave(0);
}
static void *reader(void *unused) {
    char byte;
    (void)unused;
    tid = gettid();
    (void)!read(empty[0], &byte, 1);
    for (;;) pause();
}
static int suspended_in_read(int number, struct emu_context *context) { /* not: it is on its way there, or woken */
    struct emu_ids ids = {number, 0, 0};
    if (emu_thread_control(EMU_THREAD_SUSPEND, &ids) || emu_exchange_registers(number, context, EMU_READ)) exit(20);
    return context->x[17] == SYS_read && *(int *)context->pc == 0x73 /* ecall */ && context->x[10] == empty[0];
}
static int begins_at_target(int number, struct emu_context *context, int recycles) {
    struct emu_ids ids = {number, 0, 0};
    if (recycles) {
        if (emu_thread_control(EMU_THREAD_RECYCLE, &ids)) return 0;
        if (emu_exchange_registers(number, context, EMU_READ) || context->pc || context->x[10]) return 0;
    }
    asm volatile("mv %0, gp\\n mv %1, tp" : "=r"(context->x[3]), "=r"(context->x[4]));
    context->pc = (long)target, context->x[2] = (long)(stack + sizeof stack);
    if (emu_exchange_registers(number, context, EMU_WRITE_X | EMU_WRITE_PC)) return 0;
    emu_thread_control(EMU_THREAD_RUN, &ids);
    if (write(other[1], "b", 1) != 1) return 0;
    return emu_thread_control(EMU_THREAD_WAIT, &ids) == 0 && reached == 1;
}
int main(void) {
    for (int k = 0; k < 40; k++) {
        struct emu_context context;
        pthread_t thread;
        int woken = k % 2, recycles = k / 2 % 2;
        tid = reached = 0;
        if (pipe(empty) || pipe(other) || pthread_create(&thread, NULL, reader, NULL)) return 1;
        while (tid == 0) sched_yield();
        struct emu_ids ids = {tid, 0, 0};
        for (int tries = 0, seen = 0; seen < 2; tries++, emu_thread_control(EMU_THREAD_RUN, &ids), nap(1000)) {
            seen += suspended_in_read(tid, &context);
            if (tries == 2000) return 7;
        }
        /* Now it is in the call, most probably, and nobody has read its context since. */
        if (woken && write(empty[1], "a", 1) != 1) return 1; /* it looks again before it is suspended */
        if (emu_thread_control(EMU_THREAD_SUSPEND, &ids)) return 2;
        if (!begins_at_target(tid, &context, recycles)) return 3 + 2 * woken + recycles;
        for (int n = 0; n < 2; n++) close(empty[n]), close(other[n]);
    }
    return 0;
}
"""


@pytest.mark.parametrize("cpus", [1, 3])
def test_a_kill_ends_threads_that_no_signal_interrupts(boot, seed, tmp_path, cpus):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, KILLED))
        report = finish(machine)
    assert job.exit_status == 0 and report.leaks == {}


@pytest.mark.system("cz-8")
@pytest.mark.parametrize("cpus", [1, 3])
def test_a_thread_suspended_in_a_call_begins_where_its_new_context_says(boot, seed, tmp_path, cpus):
    with boot(cpus, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, EXCHANGED))
        report = finish(machine)
    assert job.exit_status == 0 and report.leaks == {}
