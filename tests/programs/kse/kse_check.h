/* What these programs share: how they start, from their arguments UPCALLS and STEALING (0 or 1). */
#ifndef KSE_CHECK_H
#define KSE_CHECK_H

#define _GNU_SOURCE
#include <stdatomic.h>

#include "../../../emu/guests/kse_threads.h"
#include "../check.h"

enum { MS = 1000000 };

static inline void start(int argc, char **argv, uint64_t quantum_ns) {
    struct kse_options o = {argc > 1 ? atoi(argv[1]) : 1, argc > 2 ? atoi(argv[2]) : 0, quantum_ns};
    CHECK(kse_start_with(&o) == 0);
}
static inline kse_t create(void *(*function)(void *), long argument) {
    kse_t t;
    CHECK(kse_thread_create(&t, NULL, function, (void *)argument) == 0);
    return t;
}
static inline long join(kse_t t) {
    void *result;
    CHECK(kse_thread_join(t, &result) == 0);
    return (long)result;
}

#endif
