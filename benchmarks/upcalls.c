/* What threads cost, in two forms from one source: kernel threads (pthreads), and user threads on upcalls
 * (-include kse_pthread.h). Usage: upcalls WHAT [THREADS [ROUNDS]]; prints ns for each step, and what a step is.
 *
 *   yield      two threads give way to each other
 *   create     a thread is created and joined
 *   lock       a mutex is locked and unlocked by one thread
 *   contend    THREADS add under one mutex, and each gives way now and then while it has it
 *   ring       a byte goes round THREADS, each blocked in read on a pipe of its own
 *   pairs      THREADS / 2 pairs play ping-pong through pipes, all at the same time
 *   serve      THREADS connections (socket pairs), each with a thread of the server; one client asks all, then reads
 *              all */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };

static long threads, rounds;
static int (*ends)[2], (*back)[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile long counter;

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}
static void need(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}
static pthread_t begin(void *(*body)(void *), long n) {
    static pthread_attr_t small;
    static int ready;
    pthread_t id;
    if (!ready++)
        need(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 16384) == 0, "attributes");
    need(pthread_create(&id, &small, body, (void *)n) == 0, "pthread_create");
    return id;
}
static void run_all(void *(*body)(void *)) {
    static pthread_t ids[MOST];
    for (long n = 0; n < threads; n++)
        ids[n] = begin(body, n);
    for (long n = 0; n < threads; n++)
        pthread_join(ids[n], NULL);
}
static void pass(int from, int to) {
    char byte;
    need(read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1, "a byte");
}

static void *yields(void *n) {
    for (long k = 0; k < rounds; k++)
        sched_yield();
    return n;
}
static void *nothing(void *n) { return n; }
static void *adds(void *n) {
    for (long k = 0; k < rounds; k++) {
        pthread_mutex_lock(&lock);
        counter++;
        if (k % 8 == 0)
            sched_yield();
        pthread_mutex_unlock(&lock);
    }
    return n;
}
static void *passes(void *argument) {
    long n = (long)argument;
    for (long k = 0; k < rounds; k++)
        pass(ends[n][0], ends[(n + 1) % threads][1]);
    return argument;
}
static void *plays(void *argument) {
    long n = (long)argument;
    if (n % 2 == 0)
        need(write(ends[n + 1][1], "x", 1) == 1, "write");
    for (long k = 0; k < rounds; k++)
        if (n % 2 || k < rounds - 1)
            pass(ends[n][0], ends[n ^ 1][1]);
    return argument;
}
static void *serves(void *argument) {
    char text[64];
    long n = (long)argument, got;
    while ((got = read(back[n][0], text, sizeof text)) > 0)
        need(write(back[n][0], text, (size_t)got) == got, "answer");
    return argument;
}

static void open_all(int sockets) {
    struct rlimit most = {2 * MOST + 64, 2 * MOST + 64};
    setrlimit(RLIMIT_NOFILE, &most);
    int (*all)[2] = calloc((size_t)threads, sizeof *all);
    for (long n = 0; n < threads; n++)
        need((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, all[n]) : pipe(all[n])) == 0, "descriptors");
    ends = back = all;
}

static long measure(const char *what) {
    long began;
    if (strcmp(what, "yield") == 0) {
        threads = 2;
        began = now_ns();
        run_all(yields);
        return (now_ns() - began) / (2 * rounds);
    }
    if (strcmp(what, "create") == 0) {
        pthread_join(begin(nothing, 0), NULL);
        began = now_ns();
        for (long k = 0; k < rounds; k++)
            pthread_join(begin(nothing, k), NULL);
        return (now_ns() - began) / rounds;
    }
    if (strcmp(what, "lock") == 0) {
        began = now_ns();
        for (long k = 0; k < rounds; k++) {
            pthread_mutex_lock(&lock);
            pthread_mutex_unlock(&lock);
        }
        return (now_ns() - began) / rounds;
    }
    if (strcmp(what, "contend") == 0) {
        began = now_ns();
        run_all(adds);
        need(counter == threads * rounds, "counter");
        return (now_ns() - began) / (threads * rounds);
    }
    if (strcmp(what, "ring") == 0) {
        static pthread_t ids[MOST];
        open_all(0);
        for (long n = 1; n < threads; n++)
            ids[n] = begin(passes, n);
        began = now_ns();
        for (long k = 0; k < rounds; k++) {
            need(write(ends[1 % threads][1], "x", 1) == 1, "write");
            char byte;
            need(read(ends[0][0], &byte, 1) == 1, "read");
        }
        began = now_ns() - began;
        for (long n = 1; n < threads; n++)
            pthread_join(ids[n], NULL);
        return began / (threads * rounds);
    }
    if (strcmp(what, "pairs") == 0) {
        open_all(0);
        began = now_ns();
        run_all(plays);
        return (now_ns() - began) / (threads * rounds);
    }
    if (strcmp(what, "serve") == 0) {
        static pthread_t ids[MOST];
        char text[64] = "what is it that you want to know, and why should I tell you?";
        open_all(1);
        for (long n = 0; n < threads; n++)
            ids[n] = begin(serves, n);
        began = now_ns();
        for (long k = 0; k < rounds; k++) {
            for (long n = 0; n < threads; n++)
                need(write(ends[n][1], text, sizeof text) == sizeof text, "ask");
            for (long n = 0; n < threads; n++)
                need(read(ends[n][1], text, sizeof text) == sizeof text, "be told");
        }
        began = now_ns() - began;
        for (long n = 0; n < threads; n++) {
            close(ends[n][1]);
            pthread_join(ids[n], NULL);
        }
        return began / (threads * rounds);
    }
    fprintf(stderr, "upcalls: %s is nothing that can be measured\n", what);
    exit(2);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "yield";
    threads = argc > 2 ? atol(argv[2]) : 8;
    rounds = argc > 3 ? atol(argv[3]) : 1000;
    if (threads < 1 || threads > MOST || rounds < 1)
        return 2;
    printf("%s %ld %ld %ld ns\n", what, threads, rounds, measure(what));
    return 0;
}
