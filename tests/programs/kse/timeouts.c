/* Time-outs: sleepers wake in the order of their times, timed waits end in time or are woken before, and none waits
 * on. */
#include "kse_check.h"

enum { SLEEPERS = 200 };

static kse_mutex_t lock = KSE_MUTEX_INITIALIZER;
static kse_cond_t never = KSE_COND_INITIALIZER;
static kse_sem_t tokens = KSE_SEM_INITIALIZER(0);
static atomic_int got, timed_out;
static uint64_t began;

static void *nap(void *argument) {
    uint64_t until = began + (uint64_t)argument;
    kse_sleep_until(until);
    CHECK(kse_now() >= until);
    return argument;
}

/* Tokens and time-outs race: each token is got once, each thread either gets one or says that it timed out. */
static void *want(void *argument) {
    if (kse_sem_timedwait(&tokens, 1, began + (uint64_t)argument) == 0)
        got++;
    else
        timed_out++;
    return argument;
}

int main(int argc, char **argv) {
    static kse_t threads[SLEEPERS];
    start(argc, argv, 1 * MS);
    began = kse_now();
    for (long n = 0; n < SLEEPERS; n++)
        threads[n] = create(nap, n * 7919 % SLEEPERS * 100000 + 1);
    for (long n = 0; n < SLEEPERS; n++)
        join(threads[n]);

    began = kse_now() + 2 * MS;
    for (long n = 0; n < SLEEPERS; n++)
        threads[n] = create(want, n * 7919 % SLEEPERS * 20000 + 1);
    kse_sleep_until(began);
    int posted = 0;
    while (got + timed_out < SLEEPERS) {
        kse_sem_post(&tokens);
        posted++;
        kse_sleep_ns(20000);
    }
    for (long n = 0; n < SLEEPERS; n++)
        join(threads[n]);
    CHECK(got + timed_out == SLEEPERS && got + tokens.value == posted);

    kse_mutex_lock(&lock);
    CHECK(kse_cond_timedwait(&never, &lock, kse_now() + MS) == ETIMEDOUT);
    CHECK(kse_cond_timedwait(&never, &lock, 1) == ETIMEDOUT); /* long ago */
    kse_mutex_unlock(&lock);
    CHECK(kse_sem_timedwait(&(kse_sem_t)KSE_SEM_INITIALIZER(0), 1, kse_now() + MS) == ETIMEDOUT);
    CHECK(kse.timers == NULL);
    return ok("timeouts");
}
