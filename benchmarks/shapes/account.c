/* One adds, one takes, one checks what is left once both have, with a wrong sum: seen only where it comes last. */
#include "shape.h"
MUTEX(lock);
static int balance = 1, added, taken;
static void *add(void *u) { LOCK(lock); balance += 2; added = 1; UNLOCK(lock); return u; }
static void *take(void *u) { LOCK(lock); balance -= 4; taken = 1; UNLOCK(lock); return u; }
static void *check(void *u) {
    LOCK(lock);
    if (added && taken)
        CHECK(balance == 1 - 2 - 4);
    UNLOCK(lock);
    return u;
}
int main(void) { TOGETHER(check, add, take); return 0; }
