/* Times pipes between two processes. Prints the ns of a byte's round trip, and the bytes moved in a ns, times 1,000. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    int trips = atoi(argv[1]), pipefuls = atoi(argv[2]), there[2], back[2], many[2];
    char byte = 1;
    if (argc != 3 || pipe(there) || pipe(back) || pipe(many)) return 2;
    if (fork() == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            if (write(back[1], &byte, 1) != 1) _exit(3);
        close(many[1]);
        while (read(many[0], buffer, sizeof buffer) > 0) {}
        _exit(0);
    }
    double start = 0;
    for (int k = -trips / 10; k < trips; k++) {
        if (k == 0) start = now();
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 4;
    }
    double trip_ns = (now() - start) / trips;
    close(there[1]);
    start = now();
    for (int k = 0; k < pipefuls; k++)
        if (write(many[1], buffer, sizeof buffer) != sizeof buffer) return 5;
    close(many[1]);
    int status = 1;
    wait(&status);
    double bytes = (double)pipefuls * sizeof buffer;
    printf("%.0f %.0f\n", trip_ns, 1000 * bytes / (now() - start));
    return status != 0;
}
