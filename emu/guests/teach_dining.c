/* teach_dining: Dining philosophers: each takes the fork on the left, then the one on the right. When all have taken
 * the first, none ever gets the second. `teach_dining fixed`: all take forks in the order of their numbers. */
#include "teach_threads.h"

enum { PHILOSOPHERS = 3 };
static long fixed;
static mutex fork_of[PHILOSOPHERS];

static void order(long *a, long *b) {
    if (*a > *b) {
        long other = *a;
        *a = *b;
        *b = other;
    }
}

static void dine(long self) {
    long first = self, second = (self + 1) % PHILOSOPHERS;
    if (fixed) order(&first, &second);
    mutex_lock(&fork_of[first]);
    mutex_lock(&fork_of[second]);
    mutex_unlock(&fork_of[second]);
    mutex_unlock(&fork_of[first]);
}

int main(int argc, char **argv) {
    fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    for (long k = 1; k < PHILOSOPHERS; k++)
        start(k, dine, 0);
    emu_explore_begin();
    dine(0);
    for (long k = 1; k < PHILOSOPHERS; k++)
        wait_for(k);
    return 0;
}
