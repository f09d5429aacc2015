/* Suspend and resume in each situation of the Codezero document: running, asleep (on time, on a futex), in a system
 * call, and by the thread itself; without waiting (async); of threads that resume themselves, suspend each other, or
 * leave while their suspender waits. Prints one line for each that went well; exits with the number of the first that did not. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"

static atomic_int tid, ready, word;
static atomic_long counter;
static long slept_ns;
static int result;

static void fail(int code, const char *what) {
    printf("failed: %s\n", what);
    fflush(stdout);
    _exit(code);
}

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void nap(long us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void begin(void) {
    atomic_store(&tid, syscall(SYS_gettid));
    atomic_store(&ready, 1);
}

static void *run(void *argument) {
    begin();
    while (!atomic_load(&word))
        atomic_fetch_add(&counter, 1);
    return argument;
}

static void *sleep_on_time(void *argument) {
    struct timespec time = {0, 150000000};
    begin();
    long start_ns = now_ns();
    result = nanosleep(&time, NULL);
    slept_ns = now_ns() - start_ns;
    atomic_fetch_add(&counter, 1);
    return argument;
}

static void *sleep_on_futex(void *argument) {
    begin();
    while (!atomic_load(&word))
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    atomic_fetch_add(&counter, 1);
    return argument;
}

static void *call(void *argument) {
    struct utsname name;
    begin();
    while (!atomic_load(&word)) {
        uname(&name); /* served: the thread sleeps meanwhile */
        atomic_fetch_add(&counter, 1);
    }
    return argument;
}

static void *suspend_self(void *argument) {
    begin();
    result = emu_suspend(syscall(SYS_gettid));
    atomic_fetch_add(&counter, 1);
    return argument;
}

static atomic_int other, turns;

static void *resume_self(void *argument) {
    int self = syscall(SYS_gettid);
    begin();
    while (!atomic_load(&word)) {
        emu_resume(self); /* undoes a suspend that has not taken effect yet */
        atomic_fetch_add(&counter, 1);
    }
    return argument;
}

static void *suspend_other(void *argument) {
    int self = syscall(SYS_gettid), mine = (int)(long)argument;
    if (mine)
        atomic_store(&other, self);
    else
        begin();
    while (!atomic_load(&other) || !atomic_load(&ready))
        nap(50);
    for (int k = 0; k < 30; k++) {
        emu_suspend(mine ? atomic_load(&tid) : atomic_load(&other));
        atomic_fetch_add(&turns, 1);
    }
    return argument;
}

static void *leave(void *argument) {
    atomic_store(&tid, syscall(SYS_gettid));
    atomic_store(&ready, 1);
    return argument;
}

static pthread_t start(void *(*body)(void *)) {
    pthread_t thread;
    atomic_store(&ready, 0);
    atomic_store(&word, 0);
    atomic_store(&counter, 0);
    if (pthread_create(&thread, NULL, body, NULL) != 0)
        fail(1, "create");
    while (!atomic_load(&ready))
        nap(200);
    return thread;
}

static void stays_still(int code, const char *what) {
    long before = atomic_load(&counter);
    nap(5000);
    if (atomic_load(&counter) != before)
        fail(code, what);
}

static void wake(void) {
    atomic_store(&word, 1);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    pthread_t thread = start(run);
    for (int k = 0; k < rounds; k++) {
        if (emu_suspend(tid) != 0)
            fail(2, "suspend a running thread");
        if (k % 10 == 0)
            stays_still(3, "a suspended thread ran");
        long before = atomic_load(&counter);
        if (emu_suspend(tid) != -22)
            fail(4, "suspending twice is refused");
        if (emu_resume(tid) != 0)
            fail(5, "resume");
        while (atomic_load(&counter) == before)
            nap(100);
    }
    if (emu_resume(tid) != -22)
        fail(6, "resuming what runs is refused");
    wake();
    pthread_join(thread, NULL);
    puts("running");

    for (long answer = -3; answer == -3;) { /* on a busy machine its sleep may be over before we come to it: again */
        thread = start(sleep_on_time);
        nap(1000);
        answer = emu_suspend(tid);
        if (answer == -3)
            pthread_join(thread, NULL);
        else if (answer != 0)
            fail(7, "suspend a sleeping thread");
    }
    nap(200000); /* longer than its sleep */
    if (atomic_load(&counter) != 0)
        fail(8, "the sleep ended while suspended");
    emu_resume(tid);
    pthread_join(thread, NULL);
    if (result != 0 || slept_ns < 150000000)
        fail(9, "the sleep did not go on");
    puts("asleep");

    thread = start(sleep_on_futex);
    nap(1000);
    if (emu_suspend(tid) != 0)
        fail(10, "suspend a waiting thread");
    wake(); /* finds nobody, or the waiter of a restarted wait later sees the word */
    stays_still(11, "a suspended waiter ran");
    emu_resume(tid);
    pthread_join(thread, NULL);
    puts("waiting");

    thread = start(call);
    for (int k = 0; k < rounds; k++) {
        if (emu_suspend(tid) != 0)
            fail(12, "suspend a thread in a call");
        if (k % 10 == 0)
            stays_still(13, "a suspended caller ran");
        emu_resume(tid);
    }
    atomic_store(&word, 1);
    pthread_join(thread, NULL);
    puts("calling");

    thread = start(suspend_self);
    nap(2000);
    stays_still(14, "it suspended itself and ran");
    if (atomic_load(&counter) != 0)
        fail(15, "it went on by itself");
    while (emu_resume(tid) != 0)
        nap(200);
    pthread_join(thread, NULL);
    if (result != 0)
        fail(16, "result of a self-suspend");
    puts("itself");
    if (emu_suspend(tid) != -3)
        fail(17, "it has left");

    thread = start(run);
    for (int k = 0; k < rounds; k++) {
        if (emu_sched_suspend_async(tid) != 0)
            fail(18, "suspend without waiting");
        if (k % 2)
            nap(300);
        if (emu_sched_suspend_async(tid) != -22)
            fail(19, "asked twice");
        if (emu_sched_resume_sync(tid) != 0)
            fail(20, "resume and give way");
    }
    wake();
    pthread_join(thread, NULL);
    puts("without waiting");

    thread = start(resume_self);
    for (int k = 0; k < 50 * rounds; k++) {
        long answer = emu_suspend(tid); /* the waiter is woken whoever was first */
        if (answer == 0)
            answer = emu_resume(tid);
        else if (answer == -11)
            result++;
        if (answer != 0 && answer != -11)
            fail(21, "suspending a thread that resumes itself");
    }
    wake();
    pthread_join(thread, NULL);
    puts("resumes itself");

    pthread_t second;
    thread = start(suspend_other);
    pthread_create(&second, NULL, suspend_other, (void *)1);
    /* They may both be suspended, also while they leave, and then nobody else would resume them. Until they have left
     * (-3) no call of the C library's: it may wait for a lock that one of them holds. */
    for (long first = 0, second = 0; first != -3 || second != -3; nap(50)) {
        first = emu_resume(tid);
        second = emu_resume(other);
    }
    pthread_join(thread, NULL);
    pthread_join(second, NULL);
    if (atomic_load(&turns) != 60)
        fail(22, "they suspend each other");
    puts("each other");

    for (int k = 0; k < 10 * rounds; k++) {
        thread = start(leave);
        long answer = emu_suspend(tid);
        if (answer == 0)
            emu_resume(tid);
        else if (answer != -3)
            fail(23, "suspending a thread that leaves");
        pthread_join(thread, NULL);
    }
    puts("ok suspend");
    return 0;
}
