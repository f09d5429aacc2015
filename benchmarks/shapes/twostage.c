/* Two stages under two locks: who sees the first and then the second may come in between. N threads. */
#include "shape.h"
MUTEX(first); MUTEX(second);
static int one, two;
static void *write_both(void *u) {
    LOCK(first); one = 1; UNLOCK(first);
    LOCK(second); two = one + 1; UNLOCK(second);
    return u;
}
static void *read_both(void *u) {
    LOCK(first); if (one == 0) { UNLOCK(first); return u; } int seen = one; UNLOCK(first);
    LOCK(second); int also = two; UNLOCK(second);
    CHECK(also == seen + 1);
    return u;
}
int main(int argc, char **argv) {
    body all[128];
    int count = argc > 1 ? atoi(argv[1]) : 2;
    for (int n = 0; n < count; n++) all[n] = n < count - 1 ? write_both : read_both;
    together(all, count);
    return 0;
}
