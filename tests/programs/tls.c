/* Thread-local storage: _Thread_local variables, zeroed and initialised, and pthread keys with destructors. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"

enum { THREADS = 16, ROUNDS = 200 };

static _Thread_local long zeroed;
static _Thread_local long initialised = 42;
static _Thread_local _Alignas(64) char aligned[64] = "aligned";
static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *value) {
    CHECK(value == &zeroed);
    atomic_fetch_add(&destroyed, 1);
}

static void *use(void *argument) {
    long self = (long)argument;
    CHECK(zeroed == 0 && initialised == 42 && errno == 0);
    CHECK((unsigned long)aligned % 64 == 0 && strcmp(aligned, "aligned") == 0);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, &zeroed) == 0);
    for (long i = 0; i < ROUNDS; i++) {
        zeroed += self, initialised++;
        errno = (int)self;
        sched_yield();
        CHECK(zeroed == (i + 1) * self && initialised == 43 + i && errno == (int)self);
        CHECK(pthread_getspecific(key) == &zeroed);
    }
    return &zeroed;
}

int main(void) {
    pthread_t ids[THREADS];
    CHECK(pthread_key_create(&key, destroy) == 0);
    zeroed = -1;
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, use, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *where;
        CHECK(pthread_join(ids[i], &where) == 0);
        CHECK(where != &zeroed);
    }
    CHECK(zeroed == -1 && initialised == 42);
    CHECK(destroyed == THREADS);
    return ok("tls");
}
