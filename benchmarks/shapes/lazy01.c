/* One adds 1, one adds 2, one checks that they have not both: it must not come last. */
#include "shape.h"
MUTEX(lock);
static int data;
static void *one(void *u) { LOCK(lock); data++; UNLOCK(lock); return u; }
static void *two(void *u) { LOCK(lock); data += 2; UNLOCK(lock); return u; }
static void *check(void *u) { LOCK(lock); CHECK(data < 3); UNLOCK(lock); return u; }
int main(void) { TOGETHER(one, two, check); return 0; }
