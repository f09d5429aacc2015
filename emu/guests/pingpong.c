/* pingpong: two threads wake each other through a futex; it measures block, wake-up and switch.
 * Arguments: ITERATIONS (default 10000 round trips: two waits and two wakes each). Prints the number of round trips. */
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arguments.h"
#include "threads.h"

static long iterations;
static atomic_int turn; /* whose turn it is: 0 or 1; the other waits on it */

static void *play(void *argument) {
    int self = (int)(long)argument;
    for (long i = 0; i < iterations; i++) {
        while (atomic_load(&turn) != self)
            if (syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !self, NULL, NULL, 0) != 0 && errno != EAGAIN && errno != EINTR)
                exit(1);
        atomic_store(&turn, !self);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    return NULL;
}

int main(int argc, char **argv) {
    iterations = argument(argc, argv, 1, 10000, 0, 1L << 40);
    run_threads(2, play);
    printf("%ld round trips\n", iterations);
    return 0;
}
