/* teach_priority_inversion: Priority inversion: the most important thread waits for a lock that the least important
 * one holds, and that one does not run because a third, which needs no lock at all, is more important than it is.
 * `teach_priority_inversion fixed`: who holds the lock inherits the priority of who waits for it. Priorities are
 * those of SCHED_FIFO, on one CPU. */
#include <time.h>
#include "teach_threads.h"

static long fixed;
static mutex lock;
static volatile long high_waits;

static void be_released(void) { /* some time later, when something has happened */
    nanosleep(&(struct timespec){.tv_nsec = 1000}, 0);
}

static void take(void) {
    if (fixed) mutex_lock_pi(&lock);
    if (!fixed) mutex_lock(&lock);
}

static void release(void) {
    if (fixed) mutex_unlock_pi(&lock);
    if (!fixed) mutex_unlock(&lock);
}

static void low(long self) {
    (void)self;
    take();
    release();
}

static void middle(long self) {
    (void)self;
    be_released();
    emu_assert(!high_waits);
}

static void high(long self) {
    (void)self;
    be_released();
    high_waits = 1;
    take();
    high_waits = 0;
    release();
}

int main(int argc, char **argv) {
    fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    start(1, high, 3);
    start(2, middle, 2);
    start(3, low, 1);
    emu_explore_begin();
    for (long k = 1; k <= 3; k++)
        wait_for(k);
    return 0;
}
