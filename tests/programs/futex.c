/* Raw futex system calls: what they return and the errors that Linux gives. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 6 };

static atomic_int word, other, awake;

static long futex(void *address, int operation, int value, const void *fourth, void *second, int third) {
    return syscall(SYS_futex, address, operation, value, fourth, second, third);
}

static void pause_ms(long milliseconds) { nanosleep(&(struct timespec){0, milliseconds * 1000000}, NULL); }

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void check_errors(void) {
    struct timespec short_time = {0, 5000000}, bad_time = {0, 1000000000}, negative = {-1, 0};
    char *words = (char *)&word;
    word = 1;
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &bad_time, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &negative, NULL, 0), EINVAL);
    CHECK_ERROR(futex((void *)8, FUTEX_WAIT_PRIVATE, 1, &short_time, NULL, 0), EFAULT);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, (void *)8, NULL, 0), EFAULT);
    CHECK_ERROR(futex(words + 1, FUTEX_WAIT_PRIVATE, 1, &short_time, NULL, 0), EINVAL);
    CHECK_ERROR(futex(words + 2, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &short_time, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &other, 0), EAGAIN); /* word is 1, not 0 */
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, -1, (void *)1, &other, 1), EINVAL);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 0);
}

static void check_timeouts(void) {
    struct timespec time = {0, 20000000};
    int64_t start = now_ns(CLOCK_MONOTONIC);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &time, NULL, 0), ETIMEDOUT); /* relative */
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20000000);

    int64_t until = now_ns(CLOCK_MONOTONIC) + 20000000;
    time = (struct timespec){until / 1000000000, until % 1000000000};
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &time, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT); /* absolute */
    CHECK(now_ns(CLOCK_MONOTONIC) >= until);

    until = now_ns(CLOCK_REALTIME) + 20000000;
    time = (struct timespec){until / 1000000000, until % 1000000000};
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1, &time, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= until);

    time = (struct timespec){1, 0}; /* long past */
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &time, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
    time = (struct timespec){0, 0};
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &time, NULL, 0), ETIMEDOUT);
}

static void *wait_once(void *unused) {
    (void)unused;
    CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == 0);
    atomic_fetch_add(&awake, 1);
    return NULL;
}

static void *wait_for_bit(void *argument) {
    CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 1 << (long)argument) == 0);
    atomic_fetch_add(&awake, 1 << (4 * (long)argument));
    return NULL;
}

static void *wait_shared(void *address) {
    CHECK(futex(address, FUTEX_WAIT, 0, NULL, NULL, 0) == 0);
    atomic_fetch_add(&awake, 1);
    return NULL;
}

static pthread_t ids[THREADS];

static void start(void *(*body)(void *), int count) {
    word = other = awake = 0;
    for (long i = 0; i < count; i++)
        CHECK(pthread_create(&ids[i], NULL, body, (void *)i) == 0);
    pause_ms(200);
}

static void join(int count) {
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
}

/* Calls until `wanted` waiters were counted: one that has not begun to wait yet is counted by a later call. */
static void wake_exactly(atomic_int *address, int wanted) {
    for (int done = 0; done < wanted; pause_ms(1)) {
        long count = futex(address, FUTEX_WAKE_PRIVATE, wanted - done, NULL, NULL, 0);
        CHECK(count >= 0 && count <= wanted - done);
        done += (int)count;
    }
}

static void check_wake(void) {
    start(wait_once, THREADS);
    wake_exactly(&word, 2);
    pause_ms(20);
    CHECK(awake == 2);
    wake_exactly(&word, THREADS - 2);
    join(THREADS);
    CHECK(awake == THREADS && futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
}

static void check_requeue(void) {
    start(wait_once, THREADS);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0) == 3); /* wakes 1, moves 2, counts both */
    pause_ms(20);
    CHECK(awake == 1);
    CHECK(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)1, &other, 0) == 1); /* moves 1; 2 stay */
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 2);
    CHECK(futex(&other, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 3);
    join(THREADS);
    CHECK(awake == THREADS);
}

static void check_bitset(void) {
    start(wait_for_bit, 3);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 1 << 5) == 0);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 1 << 1) == 1);
    pause_ms(20);
    CHECK(awake == 0x010);
    CHECK_ERROR(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 2); /* a plain wake matches every bit */
    join(3);
    CHECK(awake == 0x111);
}

static void check_wake_op(void) {
    start(wait_once, 2);
    other = 5; /* other += 3; wake 1 at word; if other was 5, wake 1 at other (nobody) */
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)) == 1);
    CHECK(other == 8);
    wake_exactly(&word, 1);
    join(2);
}

static void check_shared(void) {
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    awake = 0;
    CHECK(pthread_create(&ids[0], NULL, wait_shared, shared) == 0);
    pause_ms(200);
    CHECK(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0) == 1);
    join(1);
    CHECK(awake == 1);
}

/* --- several words at once, and barriers: newer than some headers ---------------------------------------------- */

struct several {
    uint64_t value, address;
    uint32_t flags, reserved;
};

enum { SYS_WAITV = 449, SIZE_32 = 2, WORDS = 3 };

static atomic_int words[WORDS];

static struct several one(int k, uint64_t value) {
    return (struct several){value, (uintptr_t)&words[k], SIZE_32 | FUTEX_PRIVATE_FLAG, 0};
}

static long waitv(struct several *several, unsigned count, const struct timespec *until, clockid_t clock) {
    return syscall(SYS_WAITV, several, count, 0, until, clock);
}

static void *wait_for_several(void *unused) {
    (void)unused;
    struct several several[WORDS] = {one(0, 0), one(1, 0), one(2, 0)};
    long woken = waitv(several, WORDS, NULL, CLOCK_MONOTONIC);
    CHECK(woken >= 0 && woken < WORDS);
    atomic_fetch_add(&awake, 1 << (8 * woken));
    return NULL;
}

static void check_several(void) {
    struct several several[WORDS] = {one(0, 0), one(1, 0), one(2, 1)};
    if (waitv(several, 0, NULL, 0) == -1 && errno == ENOSYS)
        return;
    CHECK_ERROR(waitv(several, 0, NULL, 0), EINVAL);
    CHECK_ERROR(waitv(several, 129, NULL, 0), EINVAL);
    CHECK_ERROR(waitv(NULL, 1, NULL, 0), EINVAL);
    CHECK_ERROR(waitv((void *)8, 1, NULL, 0), EFAULT);
    CHECK_ERROR(waitv(several, WORDS, NULL, 0), EAGAIN); /* the last one is 0, not 1 */
    several[2].value = 0;
    several[2].flags = 1;
    CHECK_ERROR(waitv(several, WORDS, NULL, 0), EINVAL);
    several[2] = one(2, 0);
    several[2].reserved = 1;
    CHECK_ERROR(waitv(several, WORDS, NULL, 0), EINVAL);
    several[2] = one(2, 0);
    several[2].address = 8;
    CHECK_ERROR(waitv(several, WORDS, NULL, 0), EFAULT);
    several[2].address = (uintptr_t)&words[2] + 1;
    CHECK_ERROR(waitv(several, WORDS, NULL, 0), EINVAL);
    several[2] = one(2, 0);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    CHECK_ERROR(waitv(several, WORDS, &until, 77), EINVAL);
    until.tv_nsec += 10000000 - (until.tv_nsec > 980000000 ? 20000000 : 0);
    CHECK_ERROR(waitv(several, WORDS, &until, CLOCK_MONOTONIC), ETIMEDOUT);
    clock_gettime(CLOCK_REALTIME, &until);
    CHECK_ERROR(waitv(several, WORDS, &until, CLOCK_REALTIME), ETIMEDOUT);
    for (int k = 0; k < WORDS; k++) /* nobody was left in a list */
        CHECK(futex(&words[k], FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 0);
    start(wait_for_several, THREADS);
    wake_exactly(&words[1], 2);
    wake_exactly(&words[2], 1);
    wake_exactly(&words[0], THREADS - 3);
    join(THREADS);
    CHECK(awake == ((THREADS - 3) | 2 << 8 | 1 << 16));
    start(wait_for_several, THREADS); /* moved to another word, they still say which of theirs it was */
    CHECK(futex(&words[1], FUTEX_REQUEUE_PRIVATE, 0, (void *)(THREADS - 1L), &other, 0) == THREADS - 1);
    wake_exactly(&other, THREADS - 1);
    wake_exactly(&words[1], 1);
    CHECK(futex(&other, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) == 0);
    join(THREADS);
    CHECK(awake == THREADS << 8);
}

static void check_barriers(void) {
    enum { QUERY, GLOBAL, PRIVATE = 8, REGISTER_PRIVATE = 16, CORE = 32, REGISTER_CORE = 64 };
    long known = syscall(SYS_membarrier, QUERY, 0, 0);
    if (known < 0)
        return;
    CHECK(known & GLOBAL && syscall(SYS_membarrier, GLOBAL, 0, 0) == 0);
    CHECK_ERROR(syscall(SYS_membarrier, QUERY, 1, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL);
    if (!(known & PRIVATE))
        return;
    CHECK_ERROR(syscall(SYS_membarrier, PRIVATE, 0, 0), EPERM);
    CHECK(syscall(SYS_membarrier, REGISTER_PRIVATE, 0, 0) == 0 && syscall(SYS_membarrier, PRIVATE, 0, 0) == 0);
    if (known & CORE) {
        CHECK_ERROR(syscall(SYS_membarrier, CORE, 0, 0), EPERM);
        CHECK(syscall(SYS_membarrier, REGISTER_CORE, 0, 0) == 0 && syscall(SYS_membarrier, CORE, 0, 0) == 0);
    }
}

int main(void) {
    check_errors();
    check_timeouts();
    check_wake();
    check_requeue();
    check_bitset();
    check_wake_op();
    check_shared();
    check_several();
    check_barriers();
    return ok("futex");
}
