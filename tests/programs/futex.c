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

int main(void) {
    check_errors();
    check_timeouts();
    check_wake();
    check_requeue();
    check_bitset();
    check_wake_op();
    check_shared();
    return ok("futex");
}
