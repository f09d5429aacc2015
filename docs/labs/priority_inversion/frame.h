// What runs the answer. Low takes the lock; only then high and middle are created. Low goes on when both have their priorities.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HIGH = -10, MIDDLE = 0, LOW = 10 };
static atomic_int low_has_it, ready, inside;

static void nap(void) { nanosleep(&(struct timespec){0, 1000000}, NULL); }

static void work(long steps) {
    for (volatile long i = 0; i < steps; i++)
        ;
}

static void enter(int nice) {
    take(nice);
    if (atomic_fetch_add(&inside, 1) != 0)
        exit(3);  // two hold the lock
}

static void leave(int nice) {
    atomic_fetch_sub(&inside, 1);
    give(nice);
}

static void *low(void *unused) {
    setpriority(PRIO_PROCESS, 0, LOW);
    enter(LOW);
    low_has_it = 1;
    while (ready < 2)  // asleep meanwhile, so that both get that far
        nap();
    work(200000);
    leave(LOW);
    return unused;
}

static void *high(void *unused) {
    setpriority(PRIO_PROCESS, 0, HIGH);
    ready++;
    enter(HIGH);
    puts("high");
    leave(HIGH);
    return unused;
}

static void *middle(void *unused) {
    setpriority(PRIO_PROCESS, 0, MIDDLE);
    ready++;
    work(4000000);
    puts("middle");
    return unused;
}

int main(void) {
    pthread_t threads[3];
    setpriority(PRIO_PROCESS, 0, -20);  // main is the most urgent, and sleeps
    setvbuf(stdout, NULL, _IONBF, 0);
    pthread_create(&threads[0], NULL, low, NULL);
    while (!low_has_it)
        nap();
    pthread_create(&threads[1], NULL, high, NULL);
    pthread_create(&threads[2], NULL, middle, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
