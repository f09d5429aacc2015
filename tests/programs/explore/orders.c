/* Two threads, each of which does three steps on one word; what the word has in the end tells the order of all six. */
#include <stdio.h>
#include "teach_threads.h"

static long word;

static void steps(long digit) {
    for (int n = 0; n < 3; n++) {
        long before = __atomic_load_n(&word, __ATOMIC_RELAXED); /* in one instruction each: */
        __atomic_store_n(&word, 10 * before + digit, __ATOMIC_RELAXED);
    }
}

int main(void) {
    for (long k = 1; k <= 2; k++)
        start(k, steps, 0);
    emu_explore_begin();
    for (long k = 1; k <= 2; k++)
        wait_for(k);
    printf("%ld\n", word);
    return 0;
}
