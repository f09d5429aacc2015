/* A page is unmapped while a store to it may still wait in another thread's buffer; the page that the kernel makes next,
 * often of the same frame, is zero all the same and stays it. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include "emu_explore.h"

enum { BYTES = 4096, LOOKS = 8 };
static atomic_int flag;

static atomic_int *page(void) {
    return mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *store(void *word) {
    atomic_store_explicit((atomic_int *)word, 1, memory_order_relaxed);
    atomic_store_explicit(&flag, 1, memory_order_relaxed);
    while (atomic_load_explicit(&flag, memory_order_relaxed) == 1)
        ;
    return 0;
}

int main(void) {
    atomic_int *word = page();
    pthread_t thread;
    pthread_create(&thread, 0, store, word);
    atomic_load_explicit(word, memory_order_relaxed);
    while (atomic_load_explicit(&flag, memory_order_relaxed) == 0)
        ;
    munmap(word, BYTES);
    word = page();
    for (int k = 0; k < LOOKS; k++) {
        emu_assert(atomic_load_explicit(word + k, memory_order_relaxed) == 0);
        emu_assert(atomic_load_explicit(word, memory_order_relaxed) == 0);
        atomic_load_explicit(&flag, memory_order_relaxed);
    }
    atomic_store_explicit(&flag, 2, memory_order_relaxed);
    pthread_join(thread, 0);
    return 0;
}
