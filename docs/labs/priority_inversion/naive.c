// The naive answer: an ordinary lock. Its holder stays as unimportant as it is, whoever waits.
#include <sys/resource.h>
#include "emu.h"

enum { LOCK = 0, CEILING = -10 };

static void take(int own_nice) {
    (void)own_nice;
    emu_mutex_lock(LOCK);
}

static void give(int own_nice) {
    (void)own_nice;
    emu_mutex_unlock(LOCK);
}
