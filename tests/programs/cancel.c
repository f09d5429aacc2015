/* pthread_cancel: deferred at a cancellation point (blocked in nanosleep, in a condition variable), disabled and enabled
 * again, asynchronous in a loop without system calls; clean-up handlers run and the mutex is held again in them. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static atomic_int ready, cleaned;

static void clean(void *unlock) {
    atomic_fetch_add(&cleaned, 1);
    if (unlock != NULL)
        CHECK(pthread_mutex_unlock(unlock) == 0);
}

static void *sleep_forever(void *unused) {
    (void)unused;
    pthread_cleanup_push(clean, NULL);
    ready = 1;
    for (;;)
        nanosleep(&(struct timespec){100, 0}, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_forever(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(clean, &lock);
    ready = 1;
    for (;;)
        pthread_cond_wait(&never, &lock);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *spin_forever(void *unused) {
    (void)unused;
    pthread_cleanup_push(clean, NULL);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    ready = 1;
    for (volatile long i = 0;; i++)
        ;
    pthread_cleanup_pop(0);
    return NULL;
}

static atomic_int may_go;

static void *refuse_at_first(void *unused) {
    int state;
    (void)unused;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0 && state == PTHREAD_CANCEL_ENABLE);
    ready = 1;
    while (!may_go)
        nanosleep(&(struct timespec){0, 1000000}, NULL); /* would be a cancellation point */
    atomic_fetch_add(&cleaned, 1);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    CHECK(!"the thread was not cancelled");
    return NULL;
}

static void cancel(void *(*body)(void *), int expected) {
    pthread_t id;
    void *result;
    ready = may_go = 0;
    CHECK(pthread_create(&id, NULL, body, NULL) == 0);
    while (!ready)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    CHECK(pthread_cancel(id) == 0);
    may_go = 1;
    CHECK(pthread_join(id, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && cleaned == expected);
}

int main(void) {
    cancel(sleep_forever, 1);
    cancel(wait_forever, 2);
    CHECK(pthread_mutex_trylock(&lock) == 0);
    cancel(spin_forever, 3);
    cancel(refuse_at_first, 4);
    return ok("cancel");
}
