/* bench_mem: memory speed on one thread: a pointer chase in random order and a streaming pass over the same
 * 8 MiB (2048 pages, far beyond the reach of a TLB of 256 entries).
 * Arguments: ITERATIONS (default 12). One iteration is about 8.6 million instructions: 128 Ki dependent loads, then
 * 896 Ki words read and written. Building the chain costs 2.6 million once. Prints a checksum. */
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"

enum { LINES = 128 * 1024, WORDS = 7 };

static struct line {
    uint64_t next; /* index of the line to visit after this one */
    uint64_t words[WORDS];
} lines[LINES];

/* One cycle through all lines, in random order (Sattolo's algorithm). */
static void build_chain(void) {
    uint64_t random = 88172645463325252u;
    for (uint64_t i = 0; i < LINES; i++)
        lines[i].next = i;
    for (uint64_t i = LINES - 1; i > 0; i--) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t j = random % i, swapped = lines[i].next;
        lines[i].next = lines[j].next;
        lines[j].next = swapped;
    }
}

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 1, 12, 0, 1L << 40);
    uint64_t checksum = 0, at = 0;
    build_chain();
    for (long i = 0; i < iterations; i++) {
        for (int step = 0; step < LINES; step++) {
            at = lines[at].next;
            checksum += at ^ (uint64_t)step;
        }
        for (int line = 0; line < LINES; line++)
            for (int word = 0; word < WORDS; word++)
                checksum = (checksum << 7 | checksum >> 57) + (lines[line].words[word] += (uint64_t)line ^ checksum);
    }
    printf("checksum %016llx\n", (unsigned long long)checksum);
    return 0;
}
