// Makes the window before each sleep wide: the thread is held up for a moment, as a busy host might hold it up.
#include <time.h>
#include "emu.h"

static long wide_queue_sleep(int queue, int mutex) {
    nanosleep(&(struct timespec){0, 20000}, NULL);
    return emu_queue_sleep(queue, mutex);
}
#define emu_queue_sleep wide_queue_sleep
