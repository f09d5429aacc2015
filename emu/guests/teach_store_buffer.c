/* teach_store_buffer: Store buffers: each of two threads says that it wants to enter, and enters if the other does
 * not. On a processor whose stores wait in a buffer while later loads are made, both enter. `teach_store_buffer
 * fixed` has a fence between. */
#include "teach_threads.h"

static long fixed;
static atomic_long wants[2], inside;

static void enter(long self) {
    atomic_store_explicit(&wants[self], 1, memory_order_relaxed);
    if (fixed) atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&wants[!self], memory_order_relaxed) == 0)
        emu_assert(atomic_fetch_add(&inside, 1) == 0);
}

int main(int argc, char **argv) {
    fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    start(1, enter, 0);
    emu_explore_begin();
    enter(0);
    wait_for(1);
    return 0;
}
