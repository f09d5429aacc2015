/* Spinlocks of the program's own on C11 atomics: test-and-set and ticket, with sched_yield in the wait loop; and
 * pthread_spin_lock, which spins without a system call. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"

enum { THREADS = 6, ITERATIONS = 3000 };

static atomic_flag flag = ATOMIC_FLAG_INIT;
static atomic_uint next_ticket, now_serving;
static pthread_spinlock_t spin;
static long by_flag, by_ticket, by_spin;

static void *add(void *unused) {
    (void)unused;
    for (int i = 0; i < ITERATIONS; i++) {
        while (atomic_flag_test_and_set_explicit(&flag, memory_order_acquire))
            sched_yield();
        by_flag++;
        atomic_flag_clear_explicit(&flag, memory_order_release);

        unsigned ticket = atomic_fetch_add_explicit(&next_ticket, 1, memory_order_relaxed);
        while (atomic_load_explicit(&now_serving, memory_order_acquire) != ticket)
            sched_yield();
        by_ticket++;
        atomic_store_explicit(&now_serving, ticket + 1, memory_order_release);

        if (i % 16 == 0) { /* seldom: whoever waits for a preempted holder burns its whole slice */
            pthread_spin_lock(&spin);
            by_spin++;
            pthread_spin_unlock(&spin);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(by_flag == (long)THREADS * ITERATIONS);
    CHECK(by_ticket == (long)THREADS * ITERATIONS);
    CHECK(by_spin == (long)THREADS * ((ITERATIONS + 15) / 16));
    return ok("spinlock");
}
