/* Sixteen threads, each with work of its own; what a session of gdb looks at. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 16, ROUNDS = 3 };

struct worker {
    long number, sum;
    double half;
};

static struct worker workers[THREADS];
static atomic_long finished;
volatile long watched = 5;
volatile long endless = 0;
static pthread_barrier_t barrier;

__attribute__((noinline)) static long square(long value) {
    long result = value * value;
    return result;
}

__attribute__((noinline)) static void work(struct worker *self) {
    for (long round = 0; round < ROUNDS; round++) {
        self->sum += square(self->number + round);
        self->half += 0.5;
    }
    atomic_fetch_add(&finished, 1);
}

static void *begin(void *argument) {
    struct worker *self = argument;
    pthread_barrier_wait(&barrier);
    work(self);
    return NULL;
}

__attribute__((noinline)) static void all_done(long sum) {
    watched = sum;
    printf("sum %ld, finished %ld\n", sum, (long)finished);
    fflush(stdout);
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (long n = 0; n < THREADS; n++) {
        workers[n].number = n;
        pthread_create(&threads[n], NULL, begin, &workers[n]);
    }
    long sum = 0;
    for (long n = 0; n < THREADS; n++) {
        pthread_join(threads[n], NULL);
        sum += workers[n].sum;
    }
    all_done(sum);
    while (endless)
        ;
    return 7;
}
