/* A work-stealing deque (Chase, Lev: SPAA 2005; with C11 atomics: Lê, Pop, Cohen, Zappa Nardelli: PPoPP 2013). Each item
 * must be taken once. -DBROKEN leaves out the fence in `take`, between the store of bottom and the load of top. */
#include <pthread.h>
#include <stdatomic.h>
#include "emu_explore.h"

#define ITEMS 2
static atomic_long top, bottom;
static atomic_int buffer[ITEMS];
static atomic_int taken[ITEMS];

static void push(int item) {
    long b = atomic_load_explicit(&bottom, memory_order_relaxed);
    atomic_store_explicit(&buffer[b % ITEMS], item, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&bottom, b + 1, memory_order_relaxed);
}

static int take(void) {
    long b = atomic_load_explicit(&bottom, memory_order_relaxed) - 1;
    atomic_store_explicit(&bottom, b, memory_order_relaxed);
#ifndef BROKEN
    atomic_thread_fence(memory_order_seq_cst);
#endif
    long t = atomic_load_explicit(&top, memory_order_relaxed);
    int item = -1;
    if (t <= b) {
        item = atomic_load_explicit(&buffer[b % ITEMS], memory_order_relaxed);
        if (t == b) {
            if (!atomic_compare_exchange_strong_explicit(&top, &t, t + 1, memory_order_seq_cst, memory_order_relaxed))
                item = -1;
            atomic_store_explicit(&bottom, b + 1, memory_order_relaxed);
        }
    } else {
        atomic_store_explicit(&bottom, b + 1, memory_order_relaxed);
    }
    return item;
}

static int steal(void) {
    long t = atomic_load_explicit(&top, memory_order_acquire);
    atomic_thread_fence(memory_order_seq_cst);
    long b = atomic_load_explicit(&bottom, memory_order_acquire);
    if (t >= b)
        return -1;
    int item = atomic_load_explicit(&buffer[t % ITEMS], memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(&top, &t, t + 1, memory_order_seq_cst, memory_order_relaxed))
        return -1;
    return item;
}

static void count(int item) {
    if (item >= 0)
        emu_assert(atomic_fetch_add(&taken[item], 1) == 0);
}

static void *thief(void *unused) {
    count(steal());
    count(steal());
    return unused;
}

int main(void) {
    for (int n = 0; n < ITEMS; n++)
        push(n);
    pthread_t thread;
    pthread_create(&thread, 0, thief, 0);
    count(take());
    count(take());
    pthread_join(thread, 0);
    return 0;
}
