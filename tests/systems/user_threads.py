"""A guest's text for tests of upcalls: user threads on the raw calls, without a library (tests/systems/guests.py)."""

USER_THREADS = """
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
enum { MOST = 8, STACK = 16384 };
static char stacks[MOST][STACK], upcall_stacks[MOST][STACK] __attribute__((aligned(16)));
static struct kse_mailbox boxes[MOST];
static struct kse_thr_mailbox threads[MOST];
/* A system call by a user thread, which has no errno of its own. */
static long call(long number, long a, long b, long c, long d) {
    register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}
static void check(int condition, int status) {
    if (!condition)
        call(SYS_exit_group, status, 0, 0, 0);
}
static void fill(struct kse_mailbox *box, int k, void (*func)(struct kse_mailbox *)) {
    *box = (struct kse_mailbox){.func = func, .stack = upcall_stacks[k], .stack_bytes = STACK};
    __asm__("mv %0, tp" : "=r"(box->thread_pointer));
}
static long create(int k, void (*func)(struct kse_mailbox *), int newgroup) {
    fill(&boxes[k], k, func);
    return kse_create(&boxes[k], newgroup);
}
/* User thread k begins at body(k) when it is switched to. */
static void prepare(int k, void (*body)(long)) {
    threads[k] = (struct kse_thr_mailbox){.pc = (long)body};
    threads[k].x[2] = (long)stacks[k] + STACK;
    __asm__("mv %0, gp" : "=r"(threads[k].x[3]));
    __asm__("mv %0, tp" : "=r"(threads[k].x[4]));
    threads[k].x[10] = k;
}
static void go_on(struct kse_thr_mailbox *thread) {
    kse_switchin(thread);
    check(0, 90);
}
"""
