/* A driver is stopped between another thread's look at the flag and its count of those who use it. */
#include "shape.h"
MUTEX(lock);
static int stopping, stopped, users = 1, event;
static int enter(void) {
    if (stopping)
        return -1;
    LOCK(lock); users++; UNLOCK(lock);
    return 0;
}
static void quit(void) { LOCK(lock); int left = --users; UNLOCK(lock); if (left == 0) event = 1; }
static void *work(void *u) { if (enter() == 0) { CHECK(!stopped); quit(); } return u; }
static void *stop(void *u) { stopping = 1; quit(); if (event) stopped = 1; return u; }
int main(void) { TOGETHER(work, stop); return 0; }
