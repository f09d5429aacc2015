/* malloc, realloc, calloc and free from many threads at once, small and large (mmap), some freed by another thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 400, KEPT = 32 };

static _Atomic(unsigned char *) handed_over; /* a block that whoever finds it frees */

static void fill(unsigned char *block, size_t size, unsigned char mark) {
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    memset(block, mark, size);
}

static void check_and_free(unsigned char *block, size_t size, unsigned char mark) {
    for (size_t i = 0; i < size; i += size / 8 + 1)
        CHECK(block[i] == mark);
    CHECK(size == 0 || block[size - 1] == mark);
    free(block);
}

static void *allocate(void *argument) {
    unsigned char mark = (unsigned char)(1 + (long)argument);
    unsigned char *kept[KEPT] = {0};
    size_t size_of[KEPT] = {0};
    uint32_t random = mark * 2654435761u;
    for (int round = 0; round < ROUNDS; round++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        int slot = random % KEPT;
        size_t size = round % 100 == 99 ? 200000 : random >> 8 & 1023;
        if (kept[slot] != NULL && random >> 30 == 0) {
            kept[slot] = realloc(kept[slot], size + 1);
            CHECK(kept[slot] != NULL && (size_of[slot] == 0 || kept[slot][0] == mark));
            size_of[slot] = size + 1;
            fill(kept[slot], size + 1, mark);
            continue;
        }
        if (kept[slot] != NULL)
            check_and_free(kept[slot], size_of[slot], mark);
        kept[slot] = malloc(size);
        fill(kept[slot], size_of[slot] = size, mark);

        unsigned char *zeros = calloc(1, 100);
        CHECK(zeros != NULL);
        for (int i = 0; i < 100; i++)
            CHECK(zeros[i] == 0);
        memset(zeros, mark, 100);
        free(atomic_exchange(&handed_over, zeros));
    }
    for (int slot = 0; slot < KEPT; slot++)
        if (kept[slot] != NULL)
            check_and_free(kept[slot], size_of[slot], mark);
    return NULL;
}

int main(void) {
    pthread_t ids[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, allocate, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    free(handed_over);
    void *volatile too_large = malloc((size_t)1 << 62);
    CHECK(too_large == NULL);
    return ok("malloc_threads");
}
