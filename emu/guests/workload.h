/* What the workload guest measures with: clocks, log-scaled histograms, and waiters that know when they were released. */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The names of both lists are in emu/workload/result.py, in this order. */
enum { SLEEP, WAIT, BARRIER, JOIN, LOCK, START, KINDS };
enum { NICE, REALTIME, AFFINITY, REFUSALS };
enum { SUB = 8, BUCKETS = 488, SECOND_NS = 1000000000 };

/* The calling thread's processor time without that of its system calls: kind 1 of a thread's clock, as the kernel
 * numbers such clocks (clock_getcpuclockid(3)). It depends on the work alone, not on the host. */
#define THREAD_USER_TIME ((clockid_t)(~0u << 3 | 4 | 1))

static inline long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* SUB buckets for each power of two: a value is known to an eighth. Values below SUB have one each. */
struct histogram {
    long sum_ns, max_ns;
    unsigned count[BUCKETS];
};

static inline void record(struct histogram *h, long ns) {
    ns = ns < 0 ? 0 : ns;
    int exponent = 63 - __builtin_clzl((unsigned long)ns | 1);
    int bucket = ns < SUB ? (int)ns : (exponent - 2) * SUB + (int)(ns >> (exponent - 3) & (SUB - 1));
    h->count[bucket]++;
    h->sum_ns += ns;
    h->max_ns = ns > h->max_ns ? ns : h->max_ns;
}

static inline void write_histogram(FILE *out, int kind, const struct histogram *h) {
    int any = 0;
    for (int k = 0; k < BUCKETS; k++) {
        if (h->count[k] == 0)
            continue;
        if (!any++)
            fprintf(out, "latency %d %ld %ld", kind, h->sum_ns, h->max_ns);
        fprintf(out, " %d %u", k, h->count[k]);
    }
    if (any)
        fputc('\n', out);
}

static inline void futex_wait(_Atomic int *word, int value) {
    syscall(SYS_futex, word, 128, value, NULL); /* WAIT | PRIVATE */
}

static inline void futex_wake(_Atomic int *word, int count) {
    syscall(SYS_futex, word, 129, count); /* WAKE | PRIVATE */
}

struct waiter {
    struct waiter *next;
    long released_ns;
    _Atomic int released;
};

/* A condition (count: signals that found nobody) or a barrier (count: threads that are there). */
struct queue {
    pthread_mutex_t lock;
    struct waiter *first;
    long count, parties;
};

static inline void append(struct queue *queue, struct waiter *waiter) {
    struct waiter **link = &queue->first;
    while (*link != NULL)
        link = &(*link)->next;
    *link = waiter;
}

/* Let waiters go that are on no queue any more. One that was released may be gone at once, so nothing of it is read
 * afterwards; its address may then be woken in vain, which every futex wait has to bear. */
static inline void release_all(struct waiter *waiter) {
    long now_ns = clock_ns(CLOCK_MONOTONIC);
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        waiter->released_ns = now_ns;
        atomic_store(&waiter->released, 1);
        futex_wake(&waiter->released, 1);
        waiter = next;
    }
}

#endif
