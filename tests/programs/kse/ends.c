/* Main leaves first, with threads ready, asleep and blocked in the kernel; the last of them ends the program. */
#include "kse_check.h"

enum { THREADS = 30 };

static int ends[2];
static atomic_int left = THREADS;

static void *outlive(void *argument) {
    char byte;
    switch ((long)argument % 3) {
    case 0: kse_sleep_ns(3 * MS); break;
    case 1: CHECK(read(ends[0], &byte, 1) == 1); break;
    case 2:
        kse_yield();
        CHECK(write(ends[1], "x", 1) == 1);
        break;
    }
    if (--left == 0)
        ok("ends");
    return NULL;
}

int main(int argc, char **argv) {
    start(argc, argv, 1 * MS);
    CHECK(pipe(ends) == 0);
    for (long n = 0; n < THREADS; n++) {
        struct kse_attributes a = {.detached = n % 2 == 0, .stack_bytes = n % 5 ? 0 : 200000};
        kse_t t;
        CHECK(kse_thread_create(&t, &a, outlive, (void *)n) == 0);
        if (n % 2)
            CHECK(kse_thread_detach(t) == 0);
    }
    kse_thread_exit(NULL);
}
