// A mailbox with room for one number. The sleeper gives the mutex away only once it is in the queue: no wake-up between.
#include "emu.h"

enum { BOX = 0, READERS = 0, WRITERS = 1 };
static int full, number;

static void put(int value) {
    emu_mutex_lock(BOX);
    while (full) {
        emu_queue_sleep(WRITERS, BOX);
        emu_mutex_lock(BOX);
    }
    number = value, full = 1;
    emu_queue_wake(READERS, 1);
    emu_mutex_unlock(BOX);
}

static int get(void) {
    emu_mutex_lock(BOX);
    while (!full) {
        emu_queue_sleep(READERS, BOX);
        emu_mutex_lock(BOX);
    }
    int value = number;
    full = 0;
    emu_queue_wake(WRITERS, 1);
    emu_mutex_unlock(BOX);
    return value;
}
