/* hop: one thread that moves between two CPUs, by sched_setaffinity, and looks where it is each time.
 * Arguments: HOPS (default 1000). Prints "HOPS hops"; exit status 1 if it was somewhere else. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>

#include "arguments.h"

int main(int argc, char **argv) {
    long hops = argument(argc, argv, 1, 1000, 0, 1L << 40);
    cpu_set_t all, one;
    int cpus[2], found = 0;
    sched_getaffinity(0, sizeof all, &all);
    for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
        if (CPU_ISSET(cpu, &all))
            cpus[found++] = cpu;
    for (long k = 0; k < hops; k++) {
        int cpu = cpus[k % found];
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_getcpu() != cpu) {
            fprintf(stderr, "hop %ld: not on CPU %d\n", k, cpu);
            return 1;
        }
    }
    printf("%ld hops\n", hops);
    return 0;
}
