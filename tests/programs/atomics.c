/* All C11 atomic operations, 8 to 64 bits, under 4 threads with exact totals; and each AMO instruction alone, with
 * negative numbers, against what C computes. Ends with message passing and store buffering, which need fences. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 5000 };

static atomic_uchar byte;
static atomic_ushort half;
static atomic_uint word, bits32, toggles;
static atomic_ullong twice, bits64, exchanged_sum, maximum;
static _Atomic(uint64_t) weak, strong, token;

static void *operate(void *argument) {
    unsigned self = (unsigned)(long)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&byte, 1);
        atomic_fetch_add(&half, 3);
        atomic_fetch_add_explicit(&word, 5, memory_order_relaxed);
        atomic_fetch_sub_explicit(&twice, 2, memory_order_acq_rel);
        atomic_fetch_or(&bits32, 1u << (i % 8 + 8 * self));
        atomic_fetch_and(&bits64, ~(1ull << (i % 16 + 16 * self)));
        atomic_fetch_xor(&toggles, 1u << self);
        /* Every token is taken out exactly once: the sum of what came out is what went in, less what is left. */
        atomic_fetch_add(&exchanged_sum, atomic_exchange(&token, (uint64_t)self * ROUNDS + i));
        uint64_t seen = atomic_load(&weak);
        while (!atomic_compare_exchange_weak_explicit(&weak, &seen, seen * 1 + 7, memory_order_release, memory_order_relaxed))
            ;
        seen = atomic_load(&strong);
        while (!atomic_compare_exchange_strong(&strong, &seen, seen + 11))
            ;
        unsigned long long mine = (unsigned long long)i * THREADS + self, high = atomic_load(&maximum);
        while (high < mine && !atomic_compare_exchange_weak(&maximum, &high, mine))
            ;
    }
    return NULL;
}

#define AMO(name, type, suffix, start, operand, expected)                                                          \
    do {                                                                                                           \
        type memory_[2] = {(type)(start), (type)0x55}, old_;                                                       \
        __asm__ volatile("amo" name suffix " %0, %2, (%1)" : "=&r"(old_) : "r"(memory_), "r"((type)(operand)) : "memory"); \
        CHECK(old_ == (type)(start));                                                                              \
        CHECK(memory_[0] == (type)(expected) && memory_[1] == (type)0x55);                                         \
    } while (0)

#define AMOS(type, unsigned_type, suffix)                                                       \
    do {                                                                                        \
        AMO("swap", type, suffix, -1, 5, 5);                                                    \
        AMO("add", type, suffix, -3, 5, 2);                                                     \
        AMO("xor", type, suffix, 0x0ff0, 0x00ff, 0x0f0f);                                       \
        AMO("and", type, suffix, 0x0ff0, 0x00ff, 0x00f0);                                       \
        AMO("or", type, suffix, 0x0ff0, 0x00ff, 0x0fff);                                        \
        AMO("min", type, suffix, -3, 5, -3);                                                    \
        AMO("max", type, suffix, -3, 5, 5);                                                     \
        AMO("minu", type, suffix, -3, 5, 5);                                                    \
        AMO("maxu", type, suffix, -3, 5, -3);                                                   \
        AMO("add", type, suffix, (unsigned_type)-1 / 2, 1, (unsigned_type)-1 / 2 + 1);          \
    } while (0)

static void check_instructions(void) {
    AMOS(int32_t, uint32_t, ".w");
    AMOS(int64_t, uint64_t, ".d");
    int64_t old;
    uint32_t memory[2] = {0x80000000u, 7};
    __asm__ volatile("amoadd.w %0, %2, (%1)" : "=&r"(old) : "r"(memory), "r"(0xF00000001) : "memory");
    CHECK(old == INT32_MIN && memory[0] == 0x80000001u && memory[1] == 7); /* the result is sign-extended */
}

static atomic_long message, is_there, x, y, seen_x, seen_y;
static pthread_barrier_t barrier;

/* Message passing: whoever sees the flag sees the message. Store buffering: not both may miss the other's store. */
static void *litmus(void *argument) {
    int self = (int)(long)argument;
    for (long i = 1; i <= 300; i++) {
        if (self == 0) {
            atomic_store_explicit(&message, i, memory_order_relaxed);
            atomic_store_explicit(&is_there, i, memory_order_release);
        } else if (atomic_load_explicit(&is_there, memory_order_acquire) == i)
            CHECK(atomic_load_explicit(&message, memory_order_relaxed) == i);
        pthread_barrier_wait(&barrier);
        atomic_long *mine = self == 0 ? &x : &y, *its = self == 0 ? &y : &x;
        atomic_store_explicit(mine, i, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        atomic_store(self == 0 ? &seen_y : &seen_x, atomic_load_explicit(its, memory_order_relaxed));
        pthread_barrier_wait(&barrier);
        CHECK(seen_x == i || seen_y == i);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void run(int count, void *(*body)(void *)) {
    pthread_t ids[THREADS];
    for (long i = 0; i < count; i++)
        CHECK(pthread_create(&ids[i], NULL, body, (void *)i) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
}

int main(void) {
    const unsigned long long total = (unsigned long long)THREADS * ROUNDS;
    bits64 = -1ull;
    check_instructions();
    run(THREADS, operate);
    CHECK(byte == (total & 0xff) && half == (3 * total & 0xffff) && word == 5 * total);
    CHECK(twice == -2 * total && bits32 == 0xffffffffu && bits64 == 0 && toggles == 0);
    CHECK(weak == 7 * total && strong == 11 * total && maximum == total - 1);
    CHECK(exchanged_sum + token == total * (total - 1) / 2);
    pthread_barrier_init(&barrier, NULL, 2);
    run(2, litmus);
    return ok("atomics");
}
