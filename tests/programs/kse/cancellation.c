/* Threads are cancelled where they are: blocked in a read, in poll, in a semaphore, a condition, a sleep, a join;
 * about to block; and clean-up handlers run. One that has cancellation disabled is not, until it enables it. */
#include "kse_check.h"

enum { KINDS = 6, ROUNDS = 5 };

static int ends[2];
static kse_mutex_t lock = KSE_MUTEX_INITIALIZER;
static kse_cond_t never = KSE_COND_INITIALIZER;
static kse_sem_t none = KSE_SEM_INITIALIZER(0);
static kse_t for_ever;
static atomic_int cleaned, began;

static void clean(void *mutex) {
    cleaned++;
    if (mutex)
        CHECK(kse_mutex_unlock(mutex) == 0);
}

static void *block(void *argument) {
    long kind = (long)argument;
    char byte;
    if (kind == 2)
        kse_mutex_lock(&lock);
    kse_cleanup_push(clean, kind == 2 ? &lock : NULL);
    began++;
    for (;;) {
        switch (kind) {
        case 0: kse_read(ends[0], &byte, 1); break;
        case 1: kse_sem_wait(&none); break;
        case 2: kse_cond_wait(&never, &lock); break;
        case 3: kse_sleep_ns(100ul * 1000 * MS); break;
        case 4: kse_thread_join(for_ever, NULL); break;
        case 5: kse_poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, -1); break;
        }
    }
    kse_cleanup_pop(0);
    return NULL;
}

static void *refuse(void *unused) {
    (void)unused;
    kse_thread_self()->cancel_disabled = 1;
    began++;
    kse_sleep_ns(2 * MS);
    cleaned++;
    kse_thread_self()->cancel_disabled = 0;
    kse_testcancel();
    return NULL;
}

static void *wait_long(void *unused) {
    kse_sleep_ns(1000ul * 1000 * MS);
    return unused;
}

int main(int argc, char **argv) {
    start(argc, argv, 1 * MS);
    CHECK(pipe(ends) == 0);
    for_ever = create(wait_long, 0);
    int wanted = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (long kind = 0; kind < KINDS; kind++) {
            kse_t t = create(block, kind);
            if (round) /* else it may be cancelled before it begins to wait */
                while (began <= wanted)
                    kse_yield();
            if (round > 2)
                kse_sleep_ns(100000);
            kse_thread_cancel(t);
            CHECK(join(t) == (long)KSE_CANCELLED);
            if (round)
                CHECK(cleaned == wanted + 1);
            wanted = cleaned;
            began = wanted;
        }
    CHECK(kse_mutex_trylock(&lock) == 0);
    kse_t t = create(refuse, 0);
    while (began <= wanted)
        kse_yield();
    kse_thread_cancel(t);
    CHECK(join(t) == (long)KSE_CANCELLED && cleaned == wanted + 1);
    kse_thread_cancel(for_ever);
    CHECK(join(for_ever) == (long)KSE_CANCELLED);
    char byte = 1;
    CHECK(write(ends[1], &byte, 1) == 1 && kse_read(ends[0], &byte, 1) == 1);
    return ok("cancellation");
}
