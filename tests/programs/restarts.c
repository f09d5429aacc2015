/* Which calls a signal ends: those that never restart say EINTR, whatever SA_RESTART says; those that do not wait are never
 * ended; a sleep whose signal another thread took goes on. And a flood of signals does not stop what it interrupts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile int handled, returned, stop;
static pthread_t main_thread;
static pid_t main_tid;

static void handler(int signal) {
    (void)signal;
    handled++;
}

static void kick_soon(void) {
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
    CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
}

static void *kick(void *argument) {
    int before = handled;
    (void)argument;
    while (handled == before)
        kick_soon();
    return NULL;
}

/* Not until one is handled: that may be before the call, which then would wait for ever. */
static void *kick_until_returned(void *argument) {
    (void)argument;
    while (!returned)
        kick_soon();
    return NULL;
}

#define INTERRUPTED(call)                                                                \
    do {                                                                                 \
        pthread_t kicker;                                                                \
        returned = 0;                                                                    \
        CHECK(pthread_create(&kicker, NULL, kick_until_returned, NULL) == 0);            \
        CHECK_ERROR(call, EINTR);                                                        \
        returned = 1;                                                                    \
        CHECK(pthread_join(kicker, NULL) == 0);                                          \
    } while (0)

static void check_never_restarted(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct timespec hour = {3600, 0}, left = {0, 0};
    sigset_t none, usr2;
    sigemptyset(&none), sigemptyset(&usr2), sigaddset(&usr2, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    INTERRUPTED(pause());
    INTERRUPTED(poll(NULL, 0, -1));
    INTERRUPTED(poll(NULL, 0, 3600000));
    INTERRUPTED(select(0, NULL, NULL, NULL, NULL));
    INTERRUPTED(sigsuspend(&none));
    INTERRUPTED(syscall(SYS_rt_sigtimedwait, &usr2, NULL, NULL, 8)); /* the C library may make it again */
    INTERRUPTED(nanosleep(&hour, &left));
    CHECK(left.tv_sec == 3599 && left.tv_nsec > 0);
    INTERRUPTED((errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &left)) ? -1 : 0);
}

static int ends[2];

static void *write_later(void *argument) {
    kick(argument);
    CHECK(write(ends[1], "x", 1) == 1);
    return NULL;
}

static void check_restarted(void) {
    pthread_t writer;
    char c = 0;
    CHECK(pipe(ends) == 0 && pthread_create(&writer, NULL, write_later, NULL) == 0);
    CHECK(read(ends[0], &c, 1) == 1 && c == 'x' && pthread_join(writer, NULL) == 0);
}

static void *kick_when_full(void *argument) {
    for (int pending = 0; pending < *(int *)argument;)
        CHECK(ioctl(ends[0], FIONREAD, &pending) == 0);
    return kick(NULL);
}

/* A write that a signal interrupts says how much it has written: begun anew, it would write that twice. */
static void check_partial_write(void) {
    static char data[3 << 16];
    pthread_t kicker;
    int capacity = fcntl(ends[1], F_GETPIPE_SZ), pending = 0;
    CHECK(capacity > 0 && capacity < (int)sizeof data);
    CHECK(pthread_create(&kicker, NULL, kick_when_full, &capacity) == 0);
    CHECK(write(ends[1], data, sizeof data) == capacity && pthread_join(kicker, NULL) == 0);
    CHECK(ioctl(ends[0], FIONREAD, &pending) == 0 && pending == capacity);
    close(ends[0]), close(ends[1]);
}

static void check_masks_of_waits(void) {
    sigset_t usr1, old, none, now;
    struct timespec soon = {0, 0};
    sigemptyset(&usr1), sigemptyset(&none), sigaddset(&usr1, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &usr1, &old) == 0 && raise(SIGUSR1) == 0);
    int before = handled;
    CHECK_ERROR(ppoll(NULL, 0, NULL, &none), EINTR);
    CHECK(handled == before + 1 && raise(SIGUSR1) == 0);
    CHECK_ERROR(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    CHECK(handled == before + 2);
    CHECK(ppoll(NULL, 0, &soon, &none) == 0 && sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

static void *flood(void *signal) {
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    while (!stop)
        CHECK(syscall(SYS_tgkill, getpid(), main_tid, (int)(long)signal) == 0);
    return NULL;
}

/* The interrupted program: only calls that do not wait, and a loop that has to advance. */
static void check_flood(void) {
    struct sigaction action = {.sa_handler = handler};
    struct stat status;
    pthread_t threads[2];
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(pthread_create(&threads[0], NULL, flood, (void *)(long)SIGUSR1) == 0);
    CHECK(pthread_create(&threads[1], NULL, flood, (void *)(long)SIGUSR2) == 0);
    handled = 0;
    for (volatile int i = 0; i < 1 || handled < 5; i++) /* a signal for each instruction, perhaps, and a slice for each signal */
        CHECK(fstat(0, &status) == 0 && getppid() >= 0);
    stop = 1;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Signals of one thread to itself all come before it goes on, however many. */
static void check_own_signals_come_first(void) {
    sigset_t all, old;
    sigfillset(&all);
    struct sigaction action = {.sa_handler = handler, .sa_mask = all};
    CHECK(sigaction(SIGRTMIN, &action, NULL) == 0 && sigprocmask(SIG_SETMASK, &all, &old) == 0);
    handled = 0;
    for (int i = 0; i < 200; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && handled == 200);
}

int main(void) {
    main_thread = pthread_self();
    main_tid = gettid();
    check_never_restarted();
    check_restarted();
    check_partial_write();
    check_masks_of_waits();
    check_own_signals_come_first();
    check_flood();
    return ok("restarts");
}
