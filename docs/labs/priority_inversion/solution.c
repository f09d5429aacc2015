// A lock with a priority ceiling. The thread is urgent before it has the lock and until it has it no more.
#include <sys/resource.h>
#include "emu.h"

enum { LOCK = 0, CEILING = -10 };

static void set_nice(int value) { setpriority(PRIO_PROCESS, 0, value); }

static void take(int own_nice) {
    (void)own_nice;
    set_nice(CEILING);
    emu_mutex_lock(LOCK);
}

static void give(int own_nice) {
    emu_mutex_unlock(LOCK);
    set_nice(own_nice);
}
