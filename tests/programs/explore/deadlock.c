/* Two mutexes, locked in both orders. With an argument the second thread sleeps first, which hides it from most runs. */
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int naps;

static void *forward(void *unused) {
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_mutex_unlock(&second);
    pthread_mutex_unlock(&first);
    return unused;
}

static void *backward(void *unused) {
    if (naps)
        usleep(1000 * 1000);
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&first);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&second);
    return unused;
}

int main(int argc, char **argv) {
    (void)argv;
    naps = argc > 1;
    pthread_t threads[2];
    pthread_create(&threads[0], 0, forward, 0);
    pthread_create(&threads[1], 0, backward, 0);
    pthread_join(threads[0], 0);
    pthread_join(threads[1], 0);
    return 0;
}
