/* Two locks in two orders. */
#include "shape.h"
MUTEX(a); MUTEX(b);
static int counter;
static void *one(void *u) { LOCK(a); LOCK(b); counter++; UNLOCK(b); UNLOCK(a); return u; }
static void *two(void *u) { LOCK(b); LOCK(a); counter--; UNLOCK(a); UNLOCK(b); return u; }
int main(void) { TOGETHER(one, two); return 0; }
