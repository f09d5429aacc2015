/* 10,000 user threads, alive at the same time, on few upcalls; their memory is used again for 10,000 others. */
#include "kse_check.h"

enum { THREADS = 10000 };

static kse_mutex_t lock = KSE_MUTEX_INITIALIZER;
static kse_cond_t all_here = KSE_COND_INITIALIZER;
static int here;

static void *wait_for_all(void *argument) {
    kse_mutex_lock(&lock);
    if (++here == THREADS)
        kse_cond_broadcast(&all_here);
    while (here < THREADS)
        kse_cond_wait(&all_here, &lock);
    kse_mutex_unlock(&lock);
    return argument;
}

int main(int argc, char **argv) {
    static kse_t threads[THREADS];
    start(argc, argv, KSE_QUANTUM_NS);
    for (int round = 0; round < 2; round++) {
        char *lowest = NULL;
        here = 0;
        for (long n = 0; n < THREADS; n++) {
            threads[n] = create(wait_for_all, n);
            if (!lowest || (char *)threads[n] < lowest)
                lowest = (char *)threads[n];
        }
        static char *first_lowest;
        CHECK(round == 0 || lowest >= first_lowest);
        first_lowest = lowest;
        for (long n = 0; n < THREADS; n++)
            CHECK(join(threads[n]) == n);
        CHECK(here == THREADS);
    }
    return ok("many");
}
