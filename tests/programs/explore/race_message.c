/* A message behind a flag that is set with SET and read with GET: memory orders. */
#include <pthread.h>
#include <stdatomic.h>

#ifndef SET
#define SET memory_order_release
#define GET memory_order_acquire
#endif

static volatile int message; /* else the compiler reads it before it looks at the flag, which is a race */
static atomic_int flag;

static void *sender(void *unused) {
    message = 42;
    atomic_store_explicit(&flag, 1, SET);
    return unused;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, sender, 0);
    int bad = atomic_load_explicit(&flag, GET) && message != 42;
    pthread_join(thread, 0);
    return bad;
}
