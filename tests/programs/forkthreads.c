/* Forks while other threads store and read: no thread ever misses what another of its task has stored, and no child
   sees what was stored after it was forked. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGES 8
#define WORDS 1024  /* ints of a page */
#define FORKS 16

static int values[PAGES * WORDS] __attribute__((aligned(4096)));  /* copied on write, again and again */
static int *announced;                                            /* shared memory: never copied */
static volatile int stop;

static void *writer(void *unused) {
    for (int k = 1; !stop; k++) {
        for (int page = 0; page < PAGES; page++) {
            __atomic_store_n(&values[page * WORDS], k, __ATOMIC_RELEASE);
            __atomic_store_n(&announced[page], k, __ATOMIC_RELEASE);
        }
        if (k % 64 == 0) sched_yield();
    }
    return unused;
}

static void *reader(void *unused) {
    while (!stop) {
        for (int page = 0; page < PAGES; page++) {
            int expected = __atomic_load_n(&announced[page], __ATOMIC_ACQUIRE);
            int found = __atomic_load_n(&values[page * WORDS], __ATOMIC_ACQUIRE);
            CHECK(found >= expected);
        }
    }
    return unused;
}

static void *adder(void *word) {
    for (int k = 0; k < 20000; k++) __atomic_fetch_add((int *)word, 1, __ATOMIC_RELAXED);
    return word;
}

static int child(void) {
    int before[PAGES];
    for (int page = 0; page < PAGES; page++) before[page] = values[page * WORDS];
    for (int k = 0; k < 8; k++) {
        sched_yield();
        for (int page = 0; page < PAGES; page++) {
            CHECK(values[page * WORDS] == before[page]);
            if (k == 4) values[page * WORDS] = before[page] = -page;
        }
    }
    return 0;
}

int main(void) {
    pthread_t threads[5];
    static int sum;
    announced = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pthread_create(&threads[0], NULL, writer, NULL) == 0);
    for (int k = 1; k < 3; k++) CHECK(pthread_create(&threads[k], NULL, reader, NULL) == 0);
    for (int k = 3; k < 5; k++) CHECK(pthread_create(&threads[k], NULL, adder, &sum) == 0);
    for (int k = 0; k < FORKS; k++) {
        pid_t pids[3];
        for (int n = 0; n < 3; n++) {
            pids[n] = fork();
            CHECK(pids[n] >= 0);
            if (pids[n] == 0) _exit(child());
        }
        for (int n = 0; n < 3; n++) {
            int status;
            CHECK(waitpid(pids[n], &status, 0) == pids[n] && status == 0);
        }
    }
    stop = 1;
    for (int k = 0; k < 5; k++) CHECK(pthread_join(threads[k], NULL) == 0);
    CHECK(sum == 40000);
    return ok("forkthreads");
}
