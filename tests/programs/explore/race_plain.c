/* Two threads add to `count`: in no order, or with -DLOCKED each under a mutex, or with -DJOINED one after the other. */
#include <pthread.h>

static int count;
#ifdef LOCKED
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
#endif

static void add(void) {
#ifdef LOCKED
    pthread_mutex_lock(&lock);
#endif
    count++;
#ifdef LOCKED
    pthread_mutex_unlock(&lock);
#endif
}

static void *adder(void *unused) {
    add();
    return unused;
}

int main(void) {
    pthread_t thread;
#ifdef JOINED
    add();
#endif
    pthread_create(&thread, 0, adder, 0);
#ifndef JOINED
    add();
#endif
    pthread_join(thread, 0);
    count++;
    return count != 3;
}
