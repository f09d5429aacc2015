/* A value handed over by a semaphore, a condition variable, a barrier, or once: -DHOW=1 to 4; with 0 by nothing. */
#include <pthread.h>
#include <semaphore.h>

static volatile int value;
static int ready;
static sem_t semaphore;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void set(void) { value = 7; }

static void *giver(void *unused) {
    if (HOW == 4)
        pthread_once(&once, set);
    else
        set();
    if (HOW == 1)
        sem_post(&semaphore);
    if (HOW == 2) {
        pthread_mutex_lock(&lock);
        ready = 1;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    if (HOW == 3)
        pthread_barrier_wait(&barrier);
    return unused;
}

int main(void) {
    pthread_t thread;
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&thread, 0, giver, 0);
    if (HOW == 1)
        sem_wait(&semaphore);
    if (HOW == 2) {
        pthread_mutex_lock(&lock);
        while (!ready)
            pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
    if (HOW == 3)
        pthread_barrier_wait(&barrier);
    if (HOW == 4)
        pthread_once(&once, set);
    int seen = value;
    pthread_join(thread, 0);
    return HOW && seen != 7;
}
