/* What the self-checking test programs share: a check that says what failed, and the one line of success. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit with status 1 and name the condition, its line and errno, unless it holds. */
#define CHECK(condition)                                                                             \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            printf("failed: %s (%s:%d, errno %d)\n", #condition, __FILE__, __LINE__, errno);         \
            fflush(stdout);                                                                          \
            _Exit(1);                                                                                \
        }                                                                                            \
    } while (0)

/* The call must return -1 and set errno to `error`. */
#define CHECK_ERROR(call, error)                                                                     \
    do {                                                                                             \
        errno = 0;                                                                                   \
        long result_ = (long)(call);                                                                 \
        if (result_ != -1 || errno != (error)) {                                                     \
            printf("failed: %s is %ld with errno %d, not -1 with %s (%s:%d)\n", #call, result_, errno, \
                   #error, __FILE__, __LINE__);                                                      \
            fflush(stdout);                                                                          \
            _Exit(1);                                                                                \
        }                                                                                            \
    } while (0)

static inline int ok(const char *name) {
    printf("ok %s\n", name);
    return 0;
}

#endif
