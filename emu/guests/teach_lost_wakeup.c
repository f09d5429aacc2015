/* teach_lost_wakeup: A lost wake-up: the consumer sees that nothing is ready, and the producer's signal comes before
 * it sleeps. `teach_lost_wakeup fixed` looks and sleeps under one mutex, under which the producer works, too. */
#include "teach_threads.h"

static long fixed;
static mutex lock;
static condition changed;
static volatile long ready;

static void produce(long self) {
    (void)self;
    if (fixed) mutex_lock(&lock);
    ready = 1;
    condition_signal(&changed);
    if (fixed) mutex_unlock(&lock);
}

static void consume(void) {
    if (fixed) mutex_lock(&lock);
    while (!ready) {
        if (!fixed) mutex_lock(&lock);
        condition_wait(&changed, &lock);
        if (!fixed) mutex_unlock(&lock);
    }
    if (fixed) mutex_unlock(&lock);
}

int main(int argc, char **argv) {
    fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    start(1, produce, 0);
    emu_explore_begin();
    consume();
    wait_for(1);
    return 0;
}
