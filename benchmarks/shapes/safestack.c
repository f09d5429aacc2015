/* A lock-free stack of three places, in which a place is taken by an exchange of its link (shape of Dmitry Vyukov's
 * SafeStack, posted to the CHESS forum): three threads pop and push, and in rare orders two have the same place. */
#include <stdatomic.h>
#include "shape.h"
enum { PLACES = 3, ROUNDS = 2 };
struct place { int value; _Atomic int next; };
static struct place places[PLACES];
static _Atomic int head, count = PLACES;
static int pop(void) {
    while (atomic_load(&count) > 1) {
        int first = atomic_load(&head);
        int next = atomic_exchange(&places[first].next, -1);
        if (next >= 0) {
            int expected = first;
            if (atomic_compare_exchange_strong(&head, &expected, next)) {
                atomic_fetch_sub(&count, 1);
                return first;
            }
            atomic_exchange(&places[first].next, next);
        }
    }
    return -1;
}
static void push(int place) {
    int first = atomic_load(&head);
    do
        atomic_store(&places[place].next, first);
    while (!atomic_compare_exchange_strong(&head, &first, place));
    atomic_fetch_add(&count, 1);
}
static void *use(void *number) {
    int me = (int)(long)number;
    for (int n = 0; n < ROUNDS; n++) {
        int place;
        do place = pop(); while (place < 0);
        places[place].value = me;
        CHECK(*(volatile int *)&places[place].value == me);
        push(place);
    }
    return number;
}
int main(void) {
    for (int n = 0; n < PLACES; n++) places[n].next = n + 1 < PLACES ? n + 1 : -1;
    TOGETHER(use, use, use);
    return 0;
}
