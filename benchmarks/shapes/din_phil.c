/* N philosophers take the left fork, then the right one; all of them may wait. */
#include "shape.h"
static int count;
static pthread_mutex_t forks[16];
static void *eat(void *number) {
    long n = (long)number;
    LOCK(forks[n]); LOCK(forks[(n + 1) % count]); UNLOCK(forks[(n + 1) % count]); UNLOCK(forks[n]);
    return number;
}
int main(int argc, char **argv) {
    body all[16];
    count = argc > 1 ? atoi(argv[1]) : 2;
    for (int n = 0; n < count; n++) { pthread_mutex_init(&forks[n], 0); all[n] = eat; }
    together(all, count);
    return 0;
}
