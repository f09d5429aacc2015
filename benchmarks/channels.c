/* Times mailboxes, channels and pages that move. Prints, in ns: a send to a running receiver's mailbox with 4 senders; a
 * small message one way, batches of 64 sent and received, and one by one; 1 MB moved and mapped, untouched before and
 * stored to before; the bare call. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "emu.h"

enum { SENDERS = 4, CHUNK = 100, BATCH = 64, MOVED = 1 << 20 };
static int first;
static long each;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(int right, int line) {
    if (!right) {
        printf("line %d\n", line);
        exit(2);
    }
}
#define CHECK(what) check(what, __LINE__)

static void pin(int cpu) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    CHECK(sched_setaffinity(0, sizeof mask, &mask) == 0);
}

static void *send_all(void *argument) {
    pin((int)(long)argument);
    for (long k = 0; k < each; k++)
        while (emu_mailbox_send(first, k, 0, 0, 0) == -11) sched_yield();
    return NULL;
}

static int compare(const void *a, const void *b) { return *(double *)a < *(double *)b ? -1 : 1; }

/* The senders share all CPUs but the first, which the receiver has. The median of many short stretches: the host takes
 * a core away now and then, and nothing moves meanwhile. */
static double mailbox(int cpus) {
    pthread_t threads[SENDERS];
    struct emu_mail m;
    first = gettid();
    pin(0);
    for (long k = 0; k < SENDERS; k++)
        pthread_create(&threads[k], NULL, send_all, (void *)(1 + k % (cpus > 1 ? cpus - 1 : 1)));
    long chunks = SENDERS * each / CHUNK;
    double *took = malloc((size_t)chunks * sizeof *took), start = now();
    for (long k = 0; k < chunks; k++) {
        for (int n = 0; n < CHUNK; n++)
            while (emu_mailbox_receive(&m, 0) <= 0) {}
        took[k] = now() - start;
        start += took[k];
    }
    for (long k = chunks * CHUNK; k < SENDERS * each; k++)
        while (emu_mailbox_receive(&m, 0) <= 0) {}
    for (int k = 0; k < SENDERS; k++) pthread_join(threads[k], NULL);
    qsort(took, (size_t)chunks, sizeof *took, compare);
    return took[chunks / 2] / CHUNK;
}

static double send_alone(long count) {
    struct emu_mail m;
    first = gettid();
    double took = 0;
    for (long k = 0; k < count; k += 1000) {
        double start = now();
        for (int n = 0; n < 1000; n++) CHECK(emu_mailbox_send(first, n, 0, 0, 0) == 0);
        took += now() - start;
        for (int n = 0; n < 1000; n++) CHECK(emu_mailbox_receive(&m, 0) > 0);
    }
    return took / count;
}

static double small(long count, long batch) {
    static long messages[BATCH][2];
    long port = emu_port_create(sizeof messages[0], 0), chan = emu_chan_create(port);
    CHECK(chan > 0);
    double start = now();
    for (long k = 0; k < count; k += batch) {
        CHECK(emu_chan_send_many(chan, messages, batch) == batch);
        CHECK(emu_port_receive_many(port, messages, batch, 0, NULL) == batch);
    }
    double took = now() - start;
    CHECK(emu_chan_drop(chan) == 0 && emu_port_close(port) == 0);
    return took / count;
}

static double moves(long count, int stored) {
    long port = emu_port_create(0, 0), chan = emu_chan_create(port);
    char *at = mmap(NULL, MOVED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(chan > 0 && at != MAP_FAILED);
    double took = 0;
    memset(at, 1, MOVED);
    for (long k = 0; k < count; k++) {
        if (stored)
            for (long n = 0; n < MOVED; n += 4096) at[n] = (char)k;
        double start = now();
        CHECK(emu_chan_send(chan, at, MOVED) == 0);
        CHECK(emu_port_receive(port, NULL, 0, 0, (void **)&at) == MOVED);
        took += now() - start;
    }
    CHECK(munmap(at, MOVED) == 0 && emu_port_close(port) == 0);
    return took / count;
}

static double bare(long count) {
    double start = now();
    for (long k = 0; k < count; k++) emu_mailbox_count(first);
    return (now() - start) / count;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    int cpus = atoi(argv[1]);
    long count = atol(argv[2]), moved = atol(argv[3]);
    each = count / SENDERS;
    double shared = mailbox(cpus);
    printf("%.1f %.1f %.1f %.1f %.1f %.1f %.1f\n", shared, send_alone(count), small(count, BATCH), small(count, 1),
           moves(moved, 0), moves(moved, 1), bare(count));
    return 0;
}
