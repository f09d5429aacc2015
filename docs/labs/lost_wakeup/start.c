// A mailbox with room for one number. BOX is the mutex that guards both words; READERS and WRITERS are wait queues.
#include "emu.h"

enum { BOX = 0, READERS = 0, WRITERS = 1 };
static int full, number;

static void put(int value) {
    (void)value;  // HOLE: wait until the box is empty, fill it, wake a reader
}

static int get(void) {
    return number;  // HOLE: wait until the box is full, empty it, wake a writer
}
