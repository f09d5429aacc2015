/* Two threads write two bytes of one word; with -DSAME one byte. */
#include <pthread.h>

#ifdef SAME
#define OTHER 0
#else
#define OTHER 1
#endif

static volatile char bytes[8] __attribute__((aligned(8)));

static void *writer(void *unused) {
    bytes[OTHER] = 1;
    return unused;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, writer, 0);
    bytes[0] = 1;
    pthread_join(thread, 0);
    return 0;
}
