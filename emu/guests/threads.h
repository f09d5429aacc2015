/* Start threads and wait for all of them, for the guests. */
#ifndef THREADS_H
#define THREADS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 1024 };

/* Run body(0) ... body(count - 1), each in a thread of its own, and join them. Exits with status 1 if one cannot start. */
static inline void run_threads(long count, void *(*body)(void *)) {
    static pthread_t ids[MAX_THREADS];
    for (long i = 0; i < count; i++) {
        int error = pthread_create(&ids[i], NULL, body, (void *)i);
        if (error != 0) {
            fprintf(stderr, "thread %ld of %ld cannot start: error %d\n", i, count, error);
            exit(1);
        }
    }
    for (long i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
}

#endif
