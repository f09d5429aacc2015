/* A work-stealing queue with Dekker's handshake (Frigo, Leiserson, Randall: PLDI 1998): a thief takes the head, the
 * owner the tail, and both look whether they have passed each other. Each item must be taken once. The bug is that the
 * owner, who has lost the last item, does not give up its lock-free claim before it looks again. -DINTERLOCKED: the
 * indices are changed by exchanges. -DSTATE: each item has a state word too, which says who takes it. */
#include <stdatomic.h>
#include "shape.h"
#ifndef ITEMS
#define ITEMS 4
#endif
MUTEX(lock);
static _Atomic int head, tail;
static int items[2 * ITEMS], taken[2 * ITEMS];
static _Atomic int state[2 * ITEMS];
#ifdef INTERLOCKED
#define SET(word, value) atomic_exchange(&(word), value)
#else
#define SET(word, value) atomic_store_explicit(&(word), value, memory_order_relaxed)
#endif
#define GET(word) atomic_load_explicit(&(word), memory_order_relaxed)

static void push(int item) { int t = GET(tail); items[t] = item; SET(tail, t + 1); }
static int pop(void) {
    int t = GET(tail) - 1;
    SET(tail, t);
    if (GET(head) <= t)
        return items[t]; /* wrong for the last one: a thief may be between its claim and its look */
    SET(tail, t + 1);
    LOCK(lock);
    int item = -1;
    if (GET(head) <= t) { SET(tail, t); item = items[t]; }
    UNLOCK(lock);
    return item;
}
static int steal(void) {
    LOCK(lock);
    int h = GET(head), item = -1;
    if (h < GET(tail)) { item = items[h]; SET(head, h + 1); } /* claims after its look, not before */
    UNLOCK(lock);
    return item;
}
static void use(int item) {
    if (item < 0)
        return;
#ifdef STATE
    CHECK(atomic_exchange(&state[item], 1) == 0);
#else
    CHECK(taken[item]++ == 0);
#endif
}
static void *thief(void *u) { for (int n = 0; n < ITEMS; n++) use(steal()); return u; }
static void *owner(void *u) {
    for (int n = 0; n < ITEMS; n++) push(n);
    for (int n = 0; n < ITEMS / 2; n++) use(pop());
    for (int n = 0; n < ITEMS / 2; n++) push(ITEMS + n);
    for (int n = 0; n < ITEMS; n++) use(pop());
    return u;
}
int main(void) { TOGETHER(thief, thief, owner); return 0; }
