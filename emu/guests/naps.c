/* naps: one thread that sleeps again and again, and how much too long each time.
 * Arguments: COUNT MICROSECONDS SLACK (default 100 1000 0): how often, how long, and the timer slack in ns that it asks
 * for, 0 for the machine's. Prints the ns of oversleeping, a line for each nap; exit status 1 if one ended too early. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "arguments.h"

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv) {
    long count = argument(argc, argv, 1, 100, 1, 1000000);
    long microseconds = argument(argc, argv, 2, 1000, 0, 1000000000);
    long slack_ns = argument(argc, argv, 3, 0, 0, 1000000000);
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    long *late_ns = malloc(count * sizeof *late_ns);
    int early = 0;
    if (slack_ns > 0 && prctl(PR_SET_TIMERSLACK, slack_ns) != 0) {
        perror("naps: prctl");
        return 2;
    }
    for (long k = 0; k < count; k++) {
        long start_ns = now_ns();
        nanosleep(&time, NULL);
        late_ns[k] = now_ns() - start_ns - microseconds * 1000;
        early |= late_ns[k] < 0;
    }
    for (long k = 0; k < count; k++)
        printf("%ld\n", late_ns[k]);
    return early;
}
