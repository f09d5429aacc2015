// A lock with a priority ceiling.
#include <sys/resource.h>
#include "emu.h"

enum { LOCK = 0, CEILING = -10 };

static void set_nice(int value) { setpriority(PRIO_PROCESS, 0, value); }

static void take(int own_nice) {
    (void)own_nice;  // HOLE: become as urgent as CEILING, and take the lock
}

static void give(int own_nice) {
    (void)own_nice;  // HOLE: release the lock, and be as urgent as before
}
