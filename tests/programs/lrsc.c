/* Load-reserved and store-conditional in inline assembly: success, sign extension, failure without a reservation,
 * failure after another thread changed the word, and exact totals of lr/sc loops under contention.
 * (Another thread that stores the *same* value may go unnoticed where sc is a compare-and-swap; not tested.) */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 10000 };

static _Alignas(64) uint64_t doubleword;
static _Alignas(64) uint32_t word;
static atomic_int stage;

static int64_t load_reserved(uint64_t *address) {
    int64_t value;
    __asm__ volatile("lr.d.aq %0, (%1)" : "=r"(value) : "r"(address) : "memory");
    return value;
}

/* 0 if it stored. */
static long store_conditional(uint64_t *address, uint64_t value) {
    long failed;
    __asm__ volatile("sc.d.rl %0, %2, (%1)" : "=&r"(failed) : "r"(address), "r"(value) : "memory");
    return failed;
}

static void check_single(void) {
    long failed;
    int64_t value;
    doubleword = 41;
    do {
        CHECK(load_reserved(&doubleword) == 41);
    } while (store_conditional(&doubleword, 42) != 0); /* may fail now and then, but not for ever */
    CHECK(doubleword == 42);
    CHECK(store_conditional(&doubleword, 43) != 0 && doubleword == 42); /* sc has used the reservation up */

    word = 0x80000000u;
    do {
        __asm__ volatile("lr.w %0, (%2)\n sc.w %1, %3, (%2)" : "=&r"(value), "=&r"(failed) : "r"(&word), "r"(5) : "memory");
    } while (failed != 0);
    CHECK(value == INT32_MIN && word == 5);

    doubleword = 1;
    word = 2;
    load_reserved(&doubleword);
    __asm__ volatile("sc.w %0, %2, (%1)" : "=&r"(failed) : "r"(&word), "r"(9) : "memory"); /* a reservation elsewhere */
    CHECK(failed != 0 && word == 2);
}

/* Changes the word whenever the main thread holds a reservation on it. */
static void *disturb(void *unused) {
    (void)unused;
    for (int i = 0; i < 20; i++) {
        while (atomic_load(&stage) != 2 * i + 1)
            sched_yield();
        __atomic_store_n(&doubleword, 1000 + (uint64_t)i, __ATOMIC_SEQ_CST);
        atomic_store(&stage, 2 * i + 2);
    }
    return NULL;
}

static void check_disturbed(void) {
    pthread_t id;
    CHECK(pthread_create(&id, NULL, disturb, NULL) == 0);
    for (int i = 0; i < 20; i++) {
        doubleword = 5;
        load_reserved(&doubleword);
        atomic_store(&stage, 2 * i + 1);
        while (atomic_load(&stage) != 2 * i + 2)
            sched_yield();
        CHECK(store_conditional(&doubleword, 6) != 0);
        CHECK(doubleword == 1000 + (uint64_t)i);
    }
    CHECK(pthread_join(id, NULL) == 0);
}

static void *add(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        long value, failed;
        __asm__ volatile("0: lr.d %0, (%2)\n addi %0, %0, 1\n sc.d %1, %0, (%2)\n bnez %1, 0b"
                         : "=&r"(value), "=&r"(failed) : "r"(&doubleword) : "memory");
        __asm__ volatile("0: lr.w.aqrl %0, (%2)\n addi %0, %0, 3\n sc.w.aqrl %1, %0, (%2)\n bnez %1, 0b"
                         : "=&r"(value), "=&r"(failed) : "r"(&word) : "memory");
    }
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    check_single();
    check_disturbed();
    doubleword = 0;
    word = 0;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(doubleword == (uint64_t)THREADS * ROUNDS);
    CHECK(word == 3u * THREADS * ROUNDS);
    return ok("lrsc");
}
