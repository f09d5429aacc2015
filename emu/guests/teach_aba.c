/* teach_aba: ABA: a stack without locks. Between a pop's look at the top node and its compare-and-exchange another
 * thread takes that node and the next one, and puts the first back. The exchange finds what it expects, and makes
 * the next node, which has been taken, the top. `teach_aba fixed` counts changes in the word, so that it is another
 * one. */
#include "teach_threads.h"

enum { NODES = 3, NONE = 0 };
static long fixed;
static atomic_ulong top; /* number of the top node, NONE if there is none; how many changes << 32 */
static atomic_ulong below[NODES + 1];
static atomic_long taken[NODES + 1];

static unsigned long next_count(unsigned long word) {
    unsigned long count = 0;
    if (fixed) count = (word >> 32) + 1;
    return count << 32;
}

static unsigned pop(void) {
    for (;;) {
        unsigned long seen = atomic_load_explicit(&top, memory_order_relaxed);
        unsigned node = (unsigned)seen;
        if (node == NONE)
            return NONE;
        unsigned next = atomic_load_explicit(&below[node], memory_order_relaxed);
        if (atomic_compare_exchange_strong(&top, &seen, next | next_count(seen)))
            return node;
    }
}

static void push(unsigned node) {
    for (;;) {
        unsigned long seen = atomic_load_explicit(&top, memory_order_relaxed);
        atomic_store_explicit(&below[node], (unsigned)seen, memory_order_relaxed);
        if (atomic_compare_exchange_strong(&top, &seen, node | next_count(seen)))
            return;
    }
}

static void take(unsigned node) {
    emu_assert(atomic_exchange(&taken[node], 1) == 0);
}

static void take_one(long self) {
    (void)self;
    take(pop());
}

int main(int argc, char **argv) {
    fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    for (unsigned node = NODES; node > 0; node--)
        push(node);
    start(1, take_one, 0);
    emu_explore_begin();
    unsigned first = pop(), second = pop();
    take(second);
    push(first);
    wait_for(1);
    unsigned node;
    while ((node = pop()) != NONE)
        take(node);
    return 0;
}
