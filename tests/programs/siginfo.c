/* What a handler is told: siginfo of kill, tgkill, sigqueue and faults; queues of real-time signals and their bound;
 * alternate stacks; frames that a program has made itself. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static siginfo_t got;
static volatile int count;
static volatile uintptr_t stack_of_handler, pc;
static sigjmp_buf back;

static void note(int signal, siginfo_t *info, void *context) {
    char here;
    (void)signal;
    got = *info;
    pc = ((ucontext_t *)context)->uc_mcontext.__gregs[REG_PC];
    stack_of_handler = (uintptr_t)&here;
    count++;
}

static void leave(int signal, siginfo_t *info, void *context) {
    note(signal, info, context);
    siglongjmp(back, 1);
}

static void handle(int signal, void (*function)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static long queue(pid_t pid, int signal, int code, int value) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = code, info.si_pid = getpid(), info.si_uid = 7, info.si_value.sival_int = value;
    return syscall(SYS_rt_sigqueueinfo, pid, signal, &info);
}

static void check_senders(void) {
    handle(SIGUSR1, note, 0);
    CHECK(kill(getpid(), SIGUSR1) == 0 && got.si_signo == SIGUSR1 && got.si_errno == 0 && got.si_code == SI_USER);
    CHECK(got.si_pid == getpid() && got.si_uid == getuid());
    CHECK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == 0 && got.si_code == SI_TKILL && got.si_pid == getpid());
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42}) == 0);
    CHECK(got.si_code == SI_QUEUE && got.si_value.sival_int == 42 && got.si_pid == getpid());
    CHECK(queue(getpid(), SIGUSR1, SI_USER, 5) == 0 && got.si_code == SI_USER && got.si_uid == 7); /* to itself it may */
    CHECK_ERROR(queue(0x3ffffff, SIGUSR1, SI_USER, 0), EPERM);
    CHECK_ERROR(queue(0x3ffffff, SIGUSR1, SI_TKILL, 0), EPERM);
    CHECK_ERROR(queue(0x3ffffff, SIGUSR1, SI_QUEUE, 0), ESRCH);
    CHECK_ERROR(queue(getpid(), 65, SI_QUEUE, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 8), EFAULT);
    CHECK_ERROR(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGUSR1, &got), EINVAL);
    got.si_code = SI_QUEUE, got.si_value.sival_int = 43;
    siginfo_t again = got;
    CHECK(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &again) == 0 && got.si_value.sival_int == 43);
}

static void check_queues(void) {
    sigset_t all, old, pending;
    siginfo_t info;
    struct timespec none = {0, 0};
    struct rlimit before, few = {6, 1024};
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0);
    for (int i = 1; i <= 3; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}) == 0);
    CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 4}) == 0 && pthread_kill(pthread_self(), SIGRTMIN) == 0);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5}) == 0 && kill(getpid(), SIGUSR1) == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGRTMIN + 1) && sigismember(&pending, SIGUSR1));
    /* Standard signals once, with what came first; then the lowest number, a thread's own before its task's. */
    CHECK(sigtimedwait(&all, &info, &none) == SIGRTMIN && info.si_code == SI_TKILL);
    CHECK(sigtimedwait(&all, &info, &none) == SIGUSR1 && info.si_code == SI_QUEUE && info.si_value.sival_int == 5);
    CHECK(sigtimedwait(&all, &info, &none) == SIGRTMIN && info.si_value.sival_int == 4);
    for (int i = 1; i <= 3; i++)
        CHECK(sigtimedwait(&all, &info, &none) == SIGRTMIN + 1 && info.si_value.sival_int == i);
    CHECK_ERROR(sigtimedwait(&all, &info, &none), EAGAIN);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGRTMIN + 1));

    CHECK(getrlimit(RLIMIT_SIGPENDING, &before) == 0 && setrlimit(RLIMIT_SIGPENDING, &few) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) == 0);
    CHECK_ERROR(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 6}), EAGAIN);
    CHECK(kill(getpid(), SIGRTMIN + 1) == 0); /* comes, though nothing is known of it */
    CHECK(kill(getpid(), SIGUSR1) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(sigtimedwait(&all, &info, &none) == (i == 0 ? SIGUSR1 : SIGRTMIN) && (i > 0 || info.si_pid == getpid()));
    CHECK(sigtimedwait(&all, &info, &none) == SIGRTMIN && info.si_value.sival_int == 5);
    CHECK(sigtimedwait(&all, &info, &none) == SIGRTMIN + 1 && info.si_code == SI_USER && info.si_pid == 0);
    CHECK(setrlimit(RLIMIT_SIGPENDING, &before) == 0);

    CHECK(kill(getpid(), SIGUSR2) == 0 && kill(getpid(), SIGRTMIN) == 0); /* forgotten when they are ignored */
    CHECK(signal(SIGUSR2, SIG_IGN) == SIG_DFL && signal(SIGRTMIN, SIG_IGN) == SIG_DFL);
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGRTMIN));
    CHECK(kill(getpid(), SIGUSR2) == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2)); /* blocked: kept */
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

static void check_faults(void) {
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    handle(SIGSEGV, leave, 0), handle(SIGILL, leave, 0), handle(SIGTRAP, leave, 0);
    if (sigsetjmp(back, 1) == 0)
        *(volatile char *)page = 1;
    CHECK(got.si_signo == SIGSEGV && got.si_code == SEGV_ACCERR && got.si_addr == page);
    CHECK(munmap(page, 4096) == 0);
    if (sigsetjmp(back, 1) == 0)
        *(volatile char *)page = 1;
    CHECK(got.si_signo == SIGSEGV && got.si_code == SEGV_MAPERR && got.si_addr == page);
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile(".word 0xffffffff");
    CHECK(got.si_signo == SIGILL && got.si_code == ILL_ILLOPC && (uintptr_t)got.si_addr == pc && pc != 0);
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("ebreak");
    CHECK(got.si_signo == SIGTRAP && got.si_code == TRAP_BRKPT && (uintptr_t)got.si_addr == pc);
}

static char stacks[2][32768];

static int on(int k) {
    return stack_of_handler >= (uintptr_t)stacks[k] && stack_of_handler < (uintptr_t)stacks[k] + sizeof stacks[k];
}

static void change_stack(int signal, siginfo_t *info, void *context) {
    stack_t other = {.ss_sp = stacks[1], .ss_size = sizeof stacks[1]}, now;
    note(signal, info, context);
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK);
    CHECK_ERROR(sigaltstack(&other, NULL), EPERM);
}

static void disarmed(int signal, siginfo_t *info, void *context) {
    stack_t now;
    note(signal, info, context);
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_DISABLE);
}

static void check_stacks(void) {
    stack_t first = {.ss_sp = stacks[0], .ss_size = sizeof stacks[0]}, now, none = {.ss_flags = SS_DISABLE};
    struct { void *sp; int flags; size_t size; } raw = {stacks[0], 0, MINSIGSTKSZ - 1};
    CHECK_ERROR(syscall(SYS_sigaltstack, &raw, NULL), ENOMEM);
    raw.size = (size_t)-1;
    CHECK_ERROR(syscall(SYS_sigaltstack, &raw, NULL), ENOMEM);
    raw.sp = (void *)-4096L, raw.size = 8192;
    CHECK_ERROR(syscall(SYS_sigaltstack, &raw, NULL), ENOMEM);
    raw.flags = 4;
    CHECK_ERROR(syscall(SYS_sigaltstack, &raw, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_sigaltstack, 8, NULL), EFAULT);
    CHECK(sigaltstack(&first, NULL) == 0);
    handle(SIGUSR1, change_stack, SA_ONSTACK);
    CHECK(raise(SIGUSR1) == 0 && on(0));
    handle(SIGUSR1, note, 0);
    CHECK(raise(SIGUSR1) == 0 && !on(0));
    first.ss_flags = (int)(1U << 31); /* SS_AUTODISARM */
    CHECK(sigaltstack(&first, NULL) == 0);
    handle(SIGUSR1, disarmed, SA_ONSTACK);
    CHECK(raise(SIGUSR1) == 0 && on(0));
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stacks[0] && now.ss_flags == first.ss_flags); /* armed again */
    CHECK(sigaltstack(&none, NULL) == 0);
}

/* A frame that cannot be written is a SIGSEGV, which a handler on another stack may take. */
static void check_bad_stack(void) {
    stack_t first = {.ss_sp = stacks[0], .ss_size = sizeof stacks[0]};
    CHECK(sigaltstack(&first, NULL) == 0);
    handle(SIGSEGV, leave, SA_ONSTACK), handle(SIGUSR1, note, 0);
    count = 0;
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("mv a0, %0\n li a1, 10\n li sp, 64\n li a7, 129\n ecall\n ebreak" ::"r"((long)getpid()) : "a0", "a1", "a7", "memory");
    CHECK(count == 1 && got.si_signo == SIGSEGV && got.si_code == SI_KERNEL && on(0));
    if (sigsetjmp(back, 1) == 0) /* rt_sigreturn from nowhere */
        __asm__ volatile("li sp, 64\n li a7, 139\n ecall\n ebreak" ::: "a7", "memory");
    CHECK(count == 2 && got.si_signo == SIGSEGV && got.si_code == SI_KERNEL);
}

static void spoil(int signal, siginfo_t *info, void *context) {
    ucontext_t *user = context;
    note(signal, info, context);
    user->uc_mcontext.__gregs[REG_PC] |= 1;
    memset(&user->uc_mcontext.__fpregs, 0xff, sizeof user->uc_mcontext.__fpregs);
    memset(&user->uc_sigmask, 0xff, 8);
    user->uc_stack.ss_sp = (void *)-1L, user->uc_stack.ss_flags = 77, user->uc_stack.ss_size = -1;
}

static void check_hostile_frames(void) {
    sigset_t now, empty;
    sigemptyset(&empty);
    handle(SIGUSR1, spoil, 0);
    count = 0;
    CHECK(syscall(SYS_tkill, gettid(), SIGUSR1) == 0 && count == 1);
    CHECK(sigprocmask(SIG_SETMASK, &empty, &now) == 0 && sigismember(&now, SIGTERM));
    CHECK(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP));
    __asm__ volatile("fscsr zero");
}

int main(void) {
    check_senders();
    check_queues();
    check_faults();
    check_stacks();
    check_bad_stack();
    check_hostile_frames();
    return ok("siginfo");
}
