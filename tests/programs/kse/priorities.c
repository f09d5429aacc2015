/* The ready thread of the highest priority is the next one: at a switch, and at the end of a quantum. One shared
 * queue and one upcall, where that is exact. */
#include "kse_check.h"

enum { THREADS = 24 };

static int order[THREADS], count; /* no two run at a time */
static volatile int stop;

static void *note(void *argument) {
    order[count++] = (int)(long)argument;
    kse_yield();
    return NULL;
}
static void *busy(void *unused) {
    while (!stop)
        ;
    return unused;
}
static void *stop_it(void *unused) {
    kse_sleep_ns(3 * MS);
    stop = 1;
    return unused;
}

int main(int argc, char **argv) {
    char *alone[] = {argv[0], "1", "0"};
    start(argc > 1 ? 3 : 0, alone, 1 * MS);
    kse_thread_setpriority(kse_thread_self(), KSE_PRIORITIES - 1);
    kse_t threads[THREADS], low, high;
    for (int n = 0; n < THREADS; n++) {
        struct kse_attributes a = {.set_priority = 1, .priority = n % 6};
        CHECK(kse_thread_create(&threads[n], &a, note, (void *)(long)a.priority) == 0);
    }
    for (int n = 0; n < THREADS; n++)
        join(threads[n]);
    CHECK(count == THREADS);
    for (int n = 1; n < THREADS; n++)
        CHECK(order[n - 1] >= order[n]);

    struct kse_attributes lowest = {.set_priority = 1, .priority = 0}, higher = {.set_priority = 1, .priority = 5};
    CHECK(kse_thread_create(&low, &lowest, busy, NULL) == 0);
    CHECK(kse_thread_create(&high, &higher, stop_it, NULL) == 0);
    join(low), join(high);
    return ok("priorities");
}
