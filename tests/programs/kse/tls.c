/* errno, __thread variables and keys are each thread's own, through yields, blocking calls and preemption; malloc and
 * stdio work from all of them. */
#include "kse_check.h"

#include <fcntl.h>

enum { THREADS = 24, ROUNDS = 150 };

static __thread long zeroed, initialised = 42;
static __thread _Alignas(64) char aligned[64] = "aligned";
static kse_key_t key;
static atomic_int destroyed;
static int empty;

static void destroy(void *value) {
    free(value);
    destroyed++;
}

static void *use(void *argument) {
    long self = (long)argument;
    CHECK(zeroed == 0 && initialised == 42 && errno == 0 && kse_getspecific(key) == NULL);
    CHECK((uintptr_t)aligned % 64 == 0 && strcmp(aligned, "aligned") == 0);
    kse_setspecific(key, malloc(100));
    for (long n = 1; n <= ROUNDS; n++) {
        char byte, text[32];
        zeroed += self, initialised++;
        errno = (int)self;
        if (n % 3 == 0) {
            kse_yield();
        } else if (n % 16 == 1) {
            usleep(10); /* in the kernel */
        } else if (n % 16 == 2) {
            CHECK(read(empty, &byte, 1) == -1 && errno == EAGAIN);
            errno = (int)self;
        }
        void *block = malloc((size_t)(n * self % 700));
        CHECK(block && snprintf(text, sizeof text, "%ld", self) > 0 && atol(text) == self);
        free(block);
        CHECK(errno == self && zeroed == n * self && initialised == 42 + n);
    }
    aligned[0] = 'A'; /* who gets this memory next has it as it was */
    return &zeroed;
}

int main(int argc, char **argv) {
    int ends[2];
    kse_t threads[THREADS];
    start(argc, argv, 500000);
    CHECK(pipe2(ends, O_NONBLOCK) == 0 && kse_key_create(&key, destroy) == 0);
    empty = ends[0];
    for (int round = 0; round < 2; round++) {
        for (long n = 0; n < THREADS; n++)
            threads[n] = create(use, n + 1);
        for (int n = 0; n < THREADS; n++)
            CHECK((long *)join(threads[n]) != &zeroed);
    }
    CHECK(destroyed == 2 * THREADS && zeroed == 0);
    return ok("tls");
}
