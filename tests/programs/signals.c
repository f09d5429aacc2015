/* Signals: handlers and their arguments, masks and pending signals, order of delivery, SIGSEGV caught and left by
 * siglongjmp, the registers in the context, EINTR, SA_RESTART, SA_RESETHAND, SA_NODEFER, alternate stacks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t count, last, on_stack, depth, deepest;
static volatile pid_t handled_by;

static void handler(int signal) {
    count++;
    last = last * 100 + signal;
    handled_by = gettid();
}

static void install(int signal, void (*function)(int), int flags) {
    struct sigaction action = {.sa_handler = function, .sa_flags = flags};
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static void check_delivery(void) {
    struct sigaction old;
    install(SIGUSR1, handler, 0);
    CHECK(raise(SIGUSR1) == 0 && count == 1 && last == SIGUSR1 && handled_by == gettid());
    CHECK(kill(getpid(), SIGUSR1) == 0 && count == 2);
    CHECK(syscall(SYS_tkill, gettid(), SIGUSR1) == 0 && count == 3);
    CHECK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == 0 && count == 4);
    CHECK(pthread_kill(pthread_self(), 0) == 0 && count == 4);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == handler);
    CHECK(signal(SIGUSR1, SIG_IGN) == handler && raise(SIGUSR1) == 0 && count == 4);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    CHECK(raise(SIGCHLD) == 0); /* ignored by default */
    CHECK_ERROR(sigaction(SIGKILL, &old, NULL), EINVAL);
    CHECK_ERROR(sigaction(SIGSTOP, &old, NULL), EINVAL);
    CHECK_ERROR(sigaction(99, &old, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_tkill, gettid(), 99), EINVAL);
    CHECK_ERROR(syscall(SYS_tkill, 99999999, SIGUSR1), ESRCH);
    CHECK_ERROR(syscall(SYS_tkill, -1, SIGUSR1), EINVAL);
}

static void check_mask(void) {
    sigset_t set, old, pending;
    install(SIGUSR1, handler, 0);
    install(SIGUSR2, handler, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    count = last = 0;
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR1));
    CHECK(raise(SIGUSR2) == 0 && raise(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && count == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    /* Each once, and both before sigprocmask returned. Of two, the frame of the higher number is made last and runs first. */
    CHECK(count == 2 && (last == SIGUSR2 * 100 + SIGUSR1 || last == SIGUSR1 * 100 + SIGUSR2));
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
    CHECK_ERROR(syscall(SYS_rt_sigprocmask, 77, &set, NULL, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4), EINVAL);
    sigfillset(&set); /* SIGKILL and SIGSTOP are left out silently */
    CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && sigprocmask(SIG_SETMASK, &old, &set) == 0 && !sigismember(&set, SIGKILL));
}

static void nesting(int signal) {
    if (++depth > deepest)
        deepest = depth;
    if (depth < 3 && count++ < 5)
        raise(signal);
    depth--;
}

static void check_flags(void) {
    struct sigaction old;
    count = depth = deepest = 0;
    install(SIGUSR1, nesting, 0); /* blocked while its handler runs: one after the other */
    raise(SIGUSR1);
    CHECK(deepest == 1 && count == 6);
    count = deepest = 0;
    install(SIGUSR1, nesting, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(deepest == 3);
    install(SIGUSR1, handler, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
}

static sigjmp_buf back;
static volatile uintptr_t fault_address, fault_pc, fault_s11;
static volatile int fault_code;

static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *user = context;
    CHECK(signal == SIGSEGV && info->si_signo == SIGSEGV);
    fault_address = (uintptr_t)info->si_addr;
    fault_code = info->si_code;
    fault_pc = user->uc_mcontext.__gregs[REG_PC];
    fault_s11 = user->uc_mcontext.__gregs[27];
    siglongjmp(back, 1);
}

static void skip_instruction(int signal, siginfo_t *info, void *context) {
    ucontext_t *user = context;
    (void)signal, (void)info;
    user->uc_mcontext.__gregs[REG_A0] = 1234; /* the handler may change registers, pc among them */
    user->uc_mcontext.__gregs[REG_PC] += 4;
}

static void check_faults(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigset_t now;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    for (volatile int i = 0; i < 3; i++) {
        volatile uintptr_t address = 0x1230 + 8 * (uintptr_t)i;
        if (sigsetjmp(back, 1) == 0) {
            __asm__ volatile("li s11, 77\n sd zero, 0(%0)" ::"r"(address) : "s11", "memory");
            CHECK(!"no fault came");
        }
        CHECK(fault_address == address && fault_code == SEGV_MAPERR && fault_pc != 0 && fault_s11 == 77);
        CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGSEGV));
    }
    action.sa_sigaction = skip_instruction;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(sigaction(SIGILL, &action, NULL) == 0);
    register long a0 __asm__("a0") = 0;
    __asm__ volatile(".option push\n .option norvc\n ld zero, 0(zero)\n .option pop" : "+r"(a0)::"memory");
    CHECK(a0 == 1234);
    a0 = 0;
    __asm__ volatile(".word 0xffffffff" : "+r"(a0)::"memory");
    CHECK(a0 == 1234);
}

static void note_stack(int signal) {
    char here;
    stack_t now;
    (void)signal;
    CHECK(sigaltstack(NULL, &now) == 0);
    on_stack = &here >= (char *)now.ss_sp && &here < (char *)now.ss_sp + now.ss_size && now.ss_flags == SS_ONSTACK;
}

static void check_alternate_stack(void) {
    static char memory[16384];
    stack_t alternate = {.ss_sp = memory, .ss_size = sizeof memory}, old;
    CHECK(sigaltstack(&alternate, &old) == 0 && old.ss_flags == SS_DISABLE);
    install(SIGUSR1, note_stack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(on_stack == 1);
    alternate.ss_size = 100;
    CHECK_ERROR(syscall(SYS_sigaltstack, &alternate, NULL), ENOMEM);
    alternate.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&alternate, NULL) == 0);
}

/* Floating-point and integer registers must survive a handler that uses them all. */
static void clobber(int signal) {
    volatile double x = signal;
    for (int i = 0; i < 10; i++)
        x = x * 1.5 + 1;
    __asm__ volatile("li t0, 1\n li t6, 2\n fmv.d.x ft0, t0\n fmv.d.x ft11, t6\n fmv.d.x fa0, t0" ::: "t0", "t6", "ft0", "ft11", "fa0");
}

static void check_registers(void) {
    install(SIGUSR1, clobber, 0);
    register long a0 __asm__("a0") = gettid();
    register long a1 __asm__("a1") = SIGUSR1;
    register long a7 __asm__("a7") = SYS_tkill;
    long t0, ft0, ft11;
    __asm__ volatile("li t0, 11\n li t6, 22\n fmv.d.x ft0, t0\n fmv.d.x ft11, t6\n ecall\n mv %0, t0\n fmv.x.d %1, ft0\n fmv.x.d %2, ft11\n"
                     : "=&r"(t0), "=&r"(ft0), "=&r"(ft11), "+r"(a0)
                     : "r"(a1), "r"(a7)
                     : "t0", "t6", "ft0", "ft11", "memory");
    CHECK(a0 == 0 && t0 == 11 && ft0 == 11 && ft11 == 22);
}

static volatile int asleep, slept_error, read_result;
static int pipe_ends[2];

static void *sleep_long(void *unused) {
    struct timespec time = {30, 0}, left = {0, 0};
    (void)unused;
    asleep = 1;
    errno = 0;
    slept_error = nanosleep(&time, &left) == -1 ? errno : 0;
    CHECK(left.tv_sec >= 20 && left.tv_sec < 30);
    return NULL;
}

static void *read_pipe(void *unused) {
    char c;
    (void)unused;
    asleep = 1;
    read_result = (int)read(pipe_ends[0], &c, 1);
    return NULL;
}

/* Sends the signal to a thread that most likely sleeps by now. */
static void interrupt(pthread_t id) {
    struct timespec pause = {0, 20000000};
    while (!asleep)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    nanosleep(&pause, NULL);
    CHECK(pthread_kill(id, SIGUSR2) == 0);
}

static void check_interruption(void) {
    pthread_t id;
    count = 0;
    install(SIGUSR2, handler, SA_RESTART); /* nanosleep is not restarted all the same */
    slept_error = -1;
    CHECK(pthread_create(&id, NULL, sleep_long, NULL) == 0);
    while (slept_error < 0) /* a signal may come before the sleep */
        interrupt(id);
    CHECK(pthread_join(id, NULL) == 0);
    CHECK(slept_error == EINTR && count >= 1 && handled_by != gettid());

    asleep = 0;
    CHECK(pipe(pipe_ends) == 0);
    CHECK(pthread_create(&id, NULL, read_pipe, NULL) == 0);
    count = 0;
    interrupt(id); /* read is */
    while (count == 0)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(write(pipe_ends[1], "x", 1) == 1);
    CHECK(pthread_join(id, NULL) == 0);
    CHECK(read_result == 1);
}

static void check_wait(void) {
    sigset_t set, old;
    siginfo_t info;
    struct timespec soon = {0, 5000000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK_ERROR(sigtimedwait(&set, &info, &soon), EAGAIN);
    raise(SIGUSR1);
    CHECK(sigtimedwait(&set, &info, &soon) == SIGUSR1 && info.si_signo == SIGUSR1);
    raise(SIGUSR1);
    count = 0;
    install(SIGUSR1, handler, 0);
    CHECK_ERROR(sigsuspend(&old), EINTR);
    CHECK(count == 1);
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

int main(void) {
    check_delivery();
    check_mask();
    check_flags();
    check_faults();
    check_alternate_stack();
    check_registers();
    check_interruption();
    check_wait();
    return ok("signals");
}
