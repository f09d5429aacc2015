/* Who runs when, as asked for: policies and priorities of threads, by three calls; nice values of a thread, a group and
 * a user; what is inherited, and what is not with SCHED_RESET_ON_FORK; affinity that holds at once; errors. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { RESET = 0x40000000, IDLE = 5 };

struct attributes {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
    unsigned lowest, highest;
};

static struct attributes get(int tid) {
    struct attributes a;
    memset(&a, 0xee, sizeof a);
    CHECK(syscall(SYS_sched_getattr, tid, &a, sizeof a, 0) == 0 && a.size == sizeof a);
    return a;
}

static long set(unsigned policy, unsigned long flags, int nice, unsigned priority) {
    struct attributes a = {.size = sizeof a, .policy = policy, .flags = flags, .nice = nice, .priority = priority};
    return syscall(SYS_sched_setattr, 0, &a, 0);
}

static long scheduler(int policy, int priority) { return syscall(SYS_sched_setscheduler, 0, policy, &priority); }
static long policy(int tid) { return syscall(SYS_sched_getscheduler, tid); }

static int realtime(int tid) {
    int priority = -1;
    CHECK(syscall(SYS_sched_getparam, tid, &priority) == 0);
    return priority;
}

static void in_child(void (*check)(void)) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void policies(void) {
    CHECK(policy(0) == SCHED_OTHER && realtime(0) == 0 && get(0).policy == SCHED_OTHER && get(0).flags == 0);
    CHECK(scheduler(SCHED_FIFO, 20) == 0 && policy(0) == SCHED_FIFO && realtime(0) == 20 && get(0).priority == 20);
    struct timespec slice = {9, 9};
    CHECK(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec == 0);
    int ten = 10, none = 0;
    CHECK(syscall(SYS_sched_setparam, 0, &ten) == 0 && policy(0) == SCHED_FIFO && realtime(0) == 10);
    CHECK_ERROR(syscall(SYS_sched_setparam, 0, &none), EINVAL); /* FIFO needs a priority */
    CHECK(set(SCHED_RR, 0, 0, 99) == 0 && policy(0) == SCHED_RR && realtime(0) == 99);
    CHECK(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_nsec > 0);
    CHECK_ERROR(set(SCHED_RR, 0, 0, 100), EINVAL);
    CHECK_ERROR(set(SCHED_OTHER, 0, 0, 1), EINVAL);
    CHECK_ERROR(set(77, 0, 0, 0), EINVAL);
    CHECK_ERROR(set(SCHED_OTHER, 1UL << 40, 0, 0), EINVAL);
    CHECK_ERROR(scheduler(-1, 0), EINVAL);
    CHECK(set(SCHED_BATCH, 0, 7, 0) == 0 && policy(0) == SCHED_BATCH && get(0).nice == 7 && realtime(0) == 0);
    CHECK(getpriority(PRIO_PROCESS, 0) == 7);
    CHECK(set(0, 8 | 16 | 1, 3, 0) == 0 && policy(0) == (SCHED_BATCH | RESET) && get(0).nice == 7); /* keep both */
    CHECK(set(SCHED_OTHER, 0, 0, 0) == 0 && policy(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0);
    CHECK(scheduler(IDLE, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 0 && scheduler(SCHED_OTHER, 0) == 0);

    struct {
        struct attributes first;
        unsigned long later;
    } longer = {.first = {.size = sizeof longer}, .later = 1};
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &longer, 0), E2BIG);
    CHECK(longer.first.size == 48);
    longer.first.size = 20;
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, &longer, 0), E2BIG);
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
    CHECK_ERROR(syscall(SYS_sched_setattr, -1, &longer, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 0, &longer, 47, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_getattr, 1 << 29, &longer, 48, 0), ESRCH);
    CHECK_ERROR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
}

static void inherits(void) { CHECK(policy(0) == SCHED_RR && realtime(0) == 30 && getpriority(PRIO_PROCESS, 0) == -3); }
static void begins_anew(void) {
    CHECK(policy(0) == SCHED_OTHER && realtime(0) == 0 && getpriority(PRIO_PROCESS, 0) == 0);
}
static void keeps_its_low_priority(void) { CHECK(policy(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 6); }

static void what_children_inherit(void) {
    CHECK(setpriority(PRIO_PROCESS, 0, -3) == 0 && scheduler(SCHED_RR, 30) == 0);
    in_child(inherits);
    CHECK(scheduler(SCHED_RR | RESET, 30) == 0 && policy(0) == (SCHED_RR | RESET) && get(0).flags == 1);
    in_child(begins_anew);
    CHECK(scheduler(SCHED_OTHER | RESET, 0) == 0);
    in_child(begins_anew); /* a negative nice value goes, too */
    CHECK(setpriority(PRIO_PROCESS, 0, 6) == 0);
    in_child(keeps_its_low_priority);
    CHECK(scheduler(SCHED_OTHER, 0) == 0 && setpriority(PRIO_PROCESS, 0, 0) == 0);
}

static atomic_int tid, done;
static void *wait_here(void *unused) {
    (void)unused;
    atomic_store(&tid, (int)syscall(SYS_gettid));
    while (!atomic_load(&done))
        nanosleep(&(struct timespec){0, 200000}, NULL);
    return NULL;
}

static void nice_values(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_here, NULL) == 0);
    while (!atomic_load(&tid))
        sched_yield();
    CHECK(setpriority(PRIO_PROCESS, tid, 4) == 0 && getpriority(PRIO_PROCESS, tid) == 4); /* of the thread alone */
    CHECK(getpriority(PRIO_PROCESS, 0) == 0);
    CHECK(getpriority(PRIO_PGRP, 0) == 0 && getpriority(PRIO_USER, 0) == 0); /* the most important one's */
    CHECK(setpriority(PRIO_PGRP, 0, 11) == 0 && getpriority(PRIO_PGRP, getpgrp()) == 11);
    CHECK(getpriority(PRIO_PROCESS, tid) == 11 && getpriority(PRIO_PROCESS, getpid()) == 11);
    CHECK(setpriority(PRIO_USER, 0, 2) == 0 && getpriority(PRIO_PROCESS, tid) == 2);
    CHECK(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
    CHECK(setpriority(PRIO_PROCESS, 0, -100) == 0 && getpriority(PRIO_PROCESS, 0) == -20);
    CHECK(setpriority(PRIO_PROCESS, 0, 0) == 0);
    CHECK_ERROR(getpriority(PRIO_PGRP, 1 << 29), ESRCH);
    CHECK_ERROR(getpriority(PRIO_USER, 4242), ESRCH);
    CHECK_ERROR(getpriority(PRIO_PROCESS, 1 << 29), ESRCH);
    CHECK_ERROR(getpriority(3, 0), EINVAL);
    atomic_store(&done, 1);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void as_another_user(void) {
    struct rlimit some_nice = {15, 15}, some_priority = {8, 8};
    CHECK(setrlimit(RLIMIT_NICE, &some_nice) == 0 && setrlimit(RLIMIT_RTPRIO, &some_priority) == 0);
    CHECK(setuid(1000) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 10) == 0 && setpriority(PRIO_PROCESS, 0, 5) == 0); /* 20 - 5 is allowed */
    CHECK_ERROR(setpriority(PRIO_PROCESS, 0, 4), EACCES);
    CHECK_ERROR(setpriority(PRIO_PROCESS, getppid(), 19), EPERM);
    CHECK_ERROR(set(SCHED_OTHER, 0, -1, 0), EPERM);
    CHECK(scheduler(SCHED_FIFO | RESET, 8) == 0);
    CHECK_ERROR(scheduler(SCHED_FIFO | RESET, 9), EPERM);
    CHECK_ERROR(scheduler(SCHED_FIFO, 8), EPERM); /* RESET_ON_FORK is for good */
    int zero = 0;
    CHECK_ERROR(syscall(SYS_sched_setscheduler, getppid(), SCHED_OTHER, &zero), EPERM);
}

static void affinity_at_once(void) {
    cpu_set_t all, one;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int cpu = 0; cpu < CPU_COUNT(&all) && cpu < 4; cpu++) {
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0 && sched_getcpu() == cpu);
    }
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

int main(void) {
    policies();
    what_children_inherit();
    nice_values();
    in_child(as_another_user);
    affinity_at_once();
    return ok("sched");
}
