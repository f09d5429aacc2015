/* pthread_once: the function runs exactly once, and nobody gets past before it has finished. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { THREADS = 12 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int runs;
static int finished;

static void initialise(void) {
    atomic_fetch_add(&runs, 1);
    nanosleep(&(struct timespec){0, 20000000}, NULL); /* time for the others to arrive */
    finished = 1;
}

static void *arrive(void *unused) {
    (void)unused;
    CHECK(pthread_once(&once, initialise) == 0);
    CHECK(finished == 1 && runs == 1);
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, arrive, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(runs == 1);
    return ok("once");
}
