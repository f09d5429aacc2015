/* What the shapes have in common: threads that are made and joined, and a check that ends the program by abort(3). */
#ifndef SHAPE_H
#define SHAPE_H

#include <pthread.h>
#include <stdlib.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

typedef void *(*body)(void *);

static inline void start(pthread_t *thread, body what, long argument) {
    CHECK(pthread_create(thread, 0, what, (void *)argument) == 0);
}

/* Run each of these once, all at the same time, the n-th with the argument n. */
static inline void together(const body *what, int count) {
    pthread_t threads[128];
    for (int n = 0; n < count; n++)
        start(&threads[n], what[n], n);
    for (int n = 0; n < count; n++)
        pthread_join(threads[n], 0);
}

#define TOGETHER(...) together((const body[]){__VA_ARGS__}, LENGTH(((const body[]){__VA_ARGS__})))
#define LOCK(mutex) pthread_mutex_lock(&(mutex))
#define UNLOCK(mutex) pthread_mutex_unlock(&(mutex))
#define MUTEX(name) static pthread_mutex_t name = PTHREAD_MUTEX_INITIALIZER

#endif
