/* Two threads unlock, and lock again, what the other one holds: the second phase never begins. */
#include "shape.h"
MUTEX(x); MUTEX(y);
static int lockstatus;
static void *one(void *u) { LOCK(x); LOCK(y); lockstatus = 1; UNLOCK(x); LOCK(x); UNLOCK(x); UNLOCK(y); return u; }
static void *two(void *u) { LOCK(y); LOCK(x); lockstatus = 1; UNLOCK(y); LOCK(y); UNLOCK(y); UNLOCK(x); return u; }
int main(void) { TOGETHER(one, two); return 0; }
