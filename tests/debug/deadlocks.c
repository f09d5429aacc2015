/* Threads that wait for each other in a circle, on purpose: `deadlocks WAY`. Ready when it has printed a line. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "../../emu/guests/emu_ipc.h"

static const char *way;
static atomic_int ready;
static pthread_mutex_t mutexes[2];
static pthread_t threads[2];
static int tids[2];

static void meet(void) {
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 2)
        usleep(100);
}

__attribute__((noinline)) static void take(int number) {
    if (strcmp(way, "kernel") == 0)
        emu_mutex_lock(number);
    else
        pthread_mutex_lock(&mutexes[number]);
    atomic_signal_fence(memory_order_seq_cst); /* no tail call */
}

__attribute__((noinline)) static void take_both(int first) {
    take(first);
    meet();
    take(!first);
    atomic_signal_fence(memory_order_seq_cst);
}

static void *run(void *argument) {
    int me = argument != NULL;
    prctl(PR_SET_NAME, me ? "right" : "left");
    tids[me] = (int)syscall(SYS_gettid);
    if (strcmp(way, "join") == 0) {
        meet();
        pthread_join(threads[!me], NULL);
    } else if (strcmp(way, "mixed") == 0 && me) {
        emu_mutex_lock(0);
        meet();
        take(1);
    } else if (strcmp(way, "mixed") == 0) {
        take(1);
        meet();
        emu_mutex_lock(0);
    } else {
        take_both(me);
    }
    return NULL;
}

static void *compute(void *argument) {
    prctl(PR_SET_NAME, "busy");
    for (volatile unsigned long k = 0;; k++)
        ;
    return argument;
}

int main(int argc, char **argv) {
    pthread_mutexattr_t attributes;
    way = argc > 1 ? argv[1] : "kernel";
    pthread_mutexattr_init(&attributes);
    if (strcmp(way, "mixed") == 0)
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    else
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    for (int k = 0; k < 2; k++)
        pthread_mutex_init(&mutexes[k], &attributes);
    if (argc > 2) {
        pthread_t busy;
        pthread_create(&busy, NULL, compute, NULL);
    }
    for (long k = 0; k < 2; k++)
        pthread_create(&threads[k], NULL, run, (void *)k);
    while (atomic_load(&ready) < 2)
        usleep(100);
    usleep(20000);
    puts("ready");
    fflush(stdout);
    pthread_join(threads[0], NULL);
    return 0;
}
