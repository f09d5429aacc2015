/* PI futexes: the word, who owns it, each error, hand-over, requeues, dead owners; wake-ups by real-time priority. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static atomic_int word, other, order, ready;
static pthread_t ids[8];

static long futex(void *address, int operation, long value, const void *fourth, void *second, int third) {
    return syscall(SYS_futex, address, operation | FUTEX_PRIVATE_FLAG, value, fourth, second, third);
}

static int self(void) { return (int)syscall(SYS_gettid); }

static void pause_ms(long milliseconds) { nanosleep(&(struct timespec){0, milliseconds * 1000000}, NULL); }

static struct timespec in_ms(clockid_t clock, long milliseconds) {
    struct timespec now;
    clock_gettime(clock, &now);
    int64_t ns = now.tv_nsec + milliseconds * 1000000LL;
    return (struct timespec){now.tv_sec + ns / 1000000000, ns % 1000000000};
}

/* Until thread `tid` sleeps. */
static void until_asleep(int tid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    for (;; pause_ms(1)) {
        FILE *file = fopen(path, "r");
        CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
        fclose(file);
        if (strchr(line, ')')[2] == 'S')
            return;
    }
}

static void until(atomic_int *at, int value) {
    while (atomic_load(at) != value)
        pause_ms(1);
}

static void check_alone(void) {
    struct timespec late = in_ms(CLOCK_REALTIME, 20);
    word = 0;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0 && word == self());
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    CHECK_ERROR(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && word == 0);
    CHECK_ERROR(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    CHECK(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0) == 0 && word == self());
    word = 0;
    CHECK(futex(&word, FUTEX_LOCK_PI2, 0, &late, NULL, 0) == 0 && word == self());
    word = FUTEX_OWNER_DIED; /* whoever gets it is told */
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0 && word == (int)(FUTEX_OWNER_DIED | self()));
    word = 0x3ffffffe; /* nobody */
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
    CHECK_ERROR(futex((char *)&word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex((void *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERROR(futex((void *)8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI, 0, &(struct timespec){0, -1}, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI, 0, NULL, &other, word), EINVAL); /* wakes one, always */
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NULL, &word, word), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NULL, &other, word + 1), EAGAIN);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NULL, &other, word) == 0);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI, word, NULL, &word, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI, word + 1, NULL, &other, 0), EAGAIN);
    word = 0;
}

/* A thread that does something with a word that another holds. */
struct part {
    void *(*body)(struct part *);
    int priority, got;
    atomic_int tid;
};

static void *begin(void *argument) {
    struct part *part = argument;
    struct sched_param parameter = {.sched_priority = part->priority};
    if (part->priority)
        CHECK(sched_setscheduler(0, SCHED_FIFO, &parameter) == 0);
    part->tid = self();
    return part->body(part);
}

static void start(int k, struct part *part, void *(*body)(struct part *), int priority) {
    *part = (struct part){.body = body, .priority = priority};
    CHECK(pthread_create(&ids[k], NULL, begin, part) == 0);
    while (!part->tid)
        pause_ms(1);
}

static void join(int count) {
    for (int k = 0; k < count; k++)
        CHECK(pthread_join(ids[k], NULL) == 0);
}

static void *lock_and_count(struct part *part) {
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK((word & FUTEX_TID_MASK) == self());
    part->got = ++order;
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    return NULL;
}

static void check_hand_over(int privileged) {
    struct part parts[4];
    int priorities[4] = {0, 0, 10, 50};
    order = 0;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    for (int k = 0; k < 4; k++) {
        start(k, &parts[k], lock_and_count, privileged ? priorities[k] : 0);
        until_asleep(parts[k].tid);
    }
    CHECK(word == (int)(FUTEX_WAITERS | self()));
    CHECK_ERROR(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_REQUEUE, 0, (void *)1, &other, 0), EINVAL);
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    join(4);
    CHECK(word == 0);
    if (privileged)
        CHECK(parts[3].got == 1 && parts[2].got == 2 && parts[0].got == 3 && parts[1].got == 4);
}

static void *wait_and_count(struct part *part) {
    CHECK(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
    part->got = ++order;
    ready = order;
    return NULL;
}

static void check_plain_order(void) {
    struct part parts[4];
    int priorities[4] = {0, 10, 0, 50}, expected[4] = {3, 2, 4, 1};
    order = ready = word = 0;
    for (int k = 0; k < 4; k++) {
        start(k, &parts[k], wait_and_count, priorities[k]);
        until_asleep(parts[k].tid);
    }
    for (int k = 1; k <= 4; k++) {
        CHECK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
        until(&ready, k);
    }
    join(4);
    for (int k = 0; k < 4; k++)
        CHECK(parts[k].got == expected[k]);
}

static void *lock_in_time(struct part *part) {
    struct timespec at = in_ms(CLOCK_REALTIME, 20);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI, 0, &at, NULL, 0), ETIMEDOUT);
    at = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI2, 0, &at, NULL, 0), ETIMEDOUT);
    at = in_ms(CLOCK_REALTIME, 20);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &at, NULL, 0), ETIMEDOUT);
    CHECK_ERROR(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
    part->got = 1;
    return NULL;
}

static void check_timeouts(void) {
    struct part part;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    start(0, &part, lock_in_time, 0);
    join(1);
    CHECK(part.got == 1 && futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && word == 0);
}

/* The circle: this thread owns `word` and the other `other`; each wants the other's. */
static void *lock_crosswise(struct part *part) {
    CHECK(futex(&other, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    ready = 1;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    part->got = 1;
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(futex(&other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    return NULL;
}

static void check_circle(void) {
    struct part part;
    ready = 0;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    start(0, &part, lock_crosswise, 0);
    until(&ready, 1);
    until_asleep(part.tid);
    CHECK_ERROR(futex(&other, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    join(1);
    CHECK(part.got == 1 && word == 0 && other == 0);
}

static atomic_int signals;
static void on_signal(int number) { signals += number == SIGUSR1; }

static void check_signal(void) { /* locking begins anew after any handler */
    struct part part;
    struct sigaction action = {.sa_handler = on_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    order = 0;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    start(0, &part, lock_and_count, 0);
    until_asleep(part.tid);
    CHECK(syscall(SYS_tgkill, getpid(), part.tid, SIGUSR1) == 0);
    until(&signals, 1);
    until_asleep(part.tid);
    CHECK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    join(1);
    CHECK(part.got == 1);
}

static void *die_with_it(struct part *part) {
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    ready = 1;
    until(&ready, 2);
    pause_ms(20);
    part->got = 1;
    syscall(SYS_exit, 0);
    return NULL;
}

static void check_dead_owner(void) {
    struct part part;
    ready = 0;
    start(0, &part, die_with_it, 0);
    until(&ready, 1);
    ready = 2;
    CHECK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(part.got == 1 && (word & FUTEX_TID_MASK) == self() && word & FUTEX_OWNER_DIED);
    word = 0;
}

static void *wait_to_move(struct part *part) {
    CHECK(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &other, 0) == 0);
    CHECK((other & FUTEX_TID_MASK) == self());
    part->got = ++order;
    CHECK(futex(&other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    return NULL;
}

static void check_requeue(int privileged) {
    struct part parts[4];
    word = other = order = 0;
    for (int k = 0; k < 3; k++) {
        start(k, &parts[k], wait_to_move, privileged && k == 2 ? 20 : 0);
        until_asleep(parts[k].tid);
    }
    CHECK_ERROR(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_REQUEUE, 0, (void *)1, &other, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &ready, 0), EINVAL); /* not where they wait to go */
    CHECK(futex(&other, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)INT_MAX, &other, 0) == 3); /* all wait for this thread now */
    CHECK(other == (int)(FUTEX_WAITERS | self()) && order == 0);
    CHECK(futex(&other, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    join(3);
    CHECK(order == 3 && other == 0);
    if (privileged)
        CHECK(parts[2].got == 1 && parts[0].got == 2 && parts[1].got == 3);
    order = 0;
    for (int k = 0; k < 2; k++) {
        start(k, &parts[k], wait_to_move, 0);
        until_asleep(parts[k].tid);
    }
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &other, 0) == 1); /* free: the first one gets it */
    while (order != 1)
        pause_ms(1);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &other, 0) == 1);
    join(2);
    struct timespec at = in_ms(CLOCK_MONOTONIC, 10);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &at, &other, 0), ETIMEDOUT);
    at = in_ms(CLOCK_REALTIME, 10);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &at, &other, 0), ETIMEDOUT);
}

/* The C library's mutex and condition. */
static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int counted, rounds;

static void *count(struct part *part) {
    for (int k = 0; k < 300; k++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        counted++;
        if (k % 16 == 0)
            sched_yield();
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    CHECK(pthread_mutex_lock(&mutex) == 0);
    rounds++;
    while (rounds < 4)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    CHECK(pthread_cond_broadcast(&condition) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    part->got = 1;
    return NULL;
}

static void *die_robustly(struct part *part) {
    CHECK(pthread_mutex_lock(&mutex) == 0);
    ready = part->got = 1;
    return NULL;
}

static void check_library(void) {
    struct part parts[4];
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    for (int k = 0; k < 4; k++)
        start(k, &parts[k], count, 0);
    join(4);
    CHECK(counted == 4 * 300);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
    CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    start(0, &parts[0], die_robustly, 0);
    join(1);
    CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
}

static void check_processes(void) { /* the owner is another process, which dies */
    atomic_int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        if (syscall(SYS_futex, shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0) != 0)
            _exit(1);
        shared[1] = 1;
        while (!((unsigned)shared[0] & FUTEX_WAITERS))
            pause_ms(1);
        _exit(0);
    }
    until(&shared[1], 1);
    CHECK(syscall(SYS_futex, shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK((shared[0] & FUTEX_TID_MASK) == self() && shared[0] & FUTEX_OWNER_DIED);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static int priority_of(int tid) {
    struct sched_param parameter;
    CHECK(sched_getparam(tid, &parameter) == 0);
    return parameter.sched_priority;
}

int main(void) {
    struct sched_param parameter = {.sched_priority = 1};
    int privileged = sched_setscheduler(0, SCHED_FIFO, &parameter) == 0;
    if (privileged) {
        parameter.sched_priority = 0;
        CHECK(priority_of(0) == 1 && sched_setscheduler(0, SCHED_OTHER, &parameter) == 0);
    }
    check_alone();
    check_hand_over(privileged);
    if (privileged)
        check_plain_order();
    word = 0;
    check_timeouts();
    check_circle();
    check_signal();
    check_dead_owner();
    check_requeue(privileged);
    check_library();
    check_processes();
    return ok("pifutex");
}
