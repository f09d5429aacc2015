/* spawn: creates a thread and joins it, again and again; it measures the life cycle (and mmap and munmap of stacks).
 * Arguments: N (default 1000). Prints "N threads"; exit status 1 if one did not run. */
#include <pthread.h>
#include <stdio.h>

#include "arguments.h"

static long ran;

static void *run(void *self) {
    (void)self;
    ran++;
    return NULL;
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 1000, 0, 1L << 40);
    for (long i = 0; i < count; i++) {
        pthread_t id;
        int error = pthread_create(&id, NULL, run, NULL);
        if (error == 0)
            error = pthread_join(id, NULL);
        if (error != 0) {
            fprintf(stderr, "spawn: thread %ld of %ld: error %d\n", i, count, error);
            return 1;
        }
    }
    printf("%ld threads\n", ran);
    return ran != count;
}
