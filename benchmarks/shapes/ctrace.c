/* A tracing library's table of threads: two register at the same time, outside any lock, and one is lost. */
#include "shape.h"
enum { SLOTS = 4 };
static volatile int used; static volatile long slots[SLOTS]; static volatile int found[2];
static void *trace(void *number) {
    long n = (long)number;
    int mine = used;
    slots[mine] = n + 1;
    used = mine + 1;
    for (int k = 0; k < SLOTS; k++) if (slots[k] == n + 1) found[n] = 1;
    CHECK(found[n]);
    return number;
}
int main(void) { TOGETHER(trace, trace); CHECK(used == 2); return 0; }
