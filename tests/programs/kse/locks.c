/* Mutexes, conditions, semaphores, read-write locks and barriers, by threads that lose their upcall at any
 * instruction. */
#include "kse_check.h"

enum { THREADS = 8, ROUNDS = 3000, SLOTS = 3, ITEMS = 1500, PHASES = 50 };

static kse_mutex_t lock = KSE_MUTEX_INITIALIZER;
static kse_cond_t not_full = KSE_COND_INITIALIZER, not_empty = KSE_COND_INITIALIZER;
static kse_sem_t turns = KSE_SEM_INITIALIZER(2);
static kse_rwlock_t table = KSE_RWLOCK_INITIALIZER;
static kse_barrier_t barrier;
static kse_once_t once = KSE_ONCE_INITIALIZER;
static long counter, filled, sum, value[2], phase[THREADS], done_once;
static atomic_int inside;

static void *count(void *unused) {
    for (int n = 0; n < ROUNDS; n++) {
        kse_mutex_lock(&lock);
        long old = *(volatile long *)&counter;
        if (n % 64 == 0)
            kse_yield();
        counter = old + 1;
        kse_mutex_unlock(&lock);
    }
    return unused;
}

static void *produce(void *unused) {
    for (int n = 1; n <= ITEMS; n++) {
        kse_mutex_lock(&lock);
        while (filled == SLOTS)
            kse_cond_wait(&not_full, &lock);
        filled++;
        sum += n;
        kse_cond_signal(&not_empty);
        kse_mutex_unlock(&lock);
    }
    return unused;
}
static void *consume(void *unused) {
    for (int n = 1; n <= ITEMS; n++) {
        kse_mutex_lock(&lock);
        while (filled == 0)
            kse_cond_wait(&not_empty, &lock);
        filled--;
        sum -= n;
        kse_cond_signal(&not_full);
        kse_mutex_unlock(&lock);
    }
    return unused;
}

static void set_once(void) {
    kse_yield();
    done_once++;
}

static void *others(void *argument) {
    long self = (long)argument;
    kse_once(&once, set_once);
    CHECK(done_once == 1);
    for (int n = 0; n < PHASES; n++) {
        kse_sem_wait(&turns);
        CHECK(++inside <= 2);
        kse_yield();
        inside--;
        kse_sem_post(&turns);

        if (self % 4 == 0) {
            kse_rwlock_wrlock(&table);
            value[0]++;
            kse_yield();
            value[1]++;
        } else {
            kse_rwlock_rdlock(&table);
            CHECK(value[0] == value[1]);
        }
        kse_rwlock_unlock(&table);

        phase[self]++;
        kse_barrier_wait(&barrier);
        for (int k = 0; k < THREADS; k++)
            CHECK(phase[k] == phase[self]);
        kse_barrier_wait(&barrier);
    }
    return NULL;
}

static void all(void *(*even)(void *), void *(*odd)(void *)) {
    kse_t threads[THREADS];
    for (long n = 0; n < THREADS; n++)
        threads[n] = create(n % 2 ? odd : even, n);
    for (int n = 0; n < THREADS; n++)
        join(threads[n]);
}

int main(int argc, char **argv) {
    start(argc, argv, 200000);
    all(count, count);
    CHECK(counter == (long)THREADS * ROUNDS);
    all(produce, consume);
    CHECK(filled == 0 && sum == 0);
    kse_barrier_init(&barrier, THREADS);
    all(others, others);

    kse_mutex_t recursive, strict;
    kse_mutex_init(&recursive, KSE_RECURSIVE), kse_mutex_init(&strict, KSE_ERRORCHECK);
    CHECK(kse_mutex_lock(&recursive) == 0 && kse_mutex_lock(&recursive) == 0 && kse_mutex_trylock(&recursive) == 0);
    for (int n = 0; n < 3; n++)
        CHECK(kse_mutex_unlock(&recursive) == 0);
    CHECK(kse_mutex_unlock(&recursive) == EPERM);
    CHECK(kse_mutex_lock(&strict) == 0 && kse_mutex_lock(&strict) == EDEADLK && kse_mutex_unlock(&strict) == 0);
    return ok("locks");
}
