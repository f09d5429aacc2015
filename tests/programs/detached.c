/* Detached threads, which unmap their own stacks as they end; then main leaves by pthread_exit while others still run,
 * and the last of them ends the process, with status 0. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { THREADS = 100, LAST = 4 };

static atomic_int ended, last_ended;

static void *end(void *unused) {
    (void)unused;
    atomic_fetch_add(&ended, 1);
    return NULL;
}

static void *outlive_main(void *unused) {
    (void)unused;
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    if (atomic_fetch_add(&last_ended, 1) == LAST - 1)
        ok("detached");
    return NULL;
}

int main(void) {
    pthread_t id;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 32768) == 0);
    for (int i = 0; i < THREADS; i++)
        if (i % 2 == 0) {
            CHECK(pthread_create(&id, &attributes, end, NULL) == 0);
        } else {
            CHECK(pthread_create(&id, NULL, end, NULL) == 0);
            CHECK(pthread_detach(id) == 0);
        }
    while (ended < THREADS)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    for (int i = 0; i < LAST; i++)
        CHECK(pthread_create(&id, &attributes, outlive_main, NULL) == 0);
    pthread_exit(NULL);
}
