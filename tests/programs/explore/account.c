/* Deposits whose sum is read and written under a lock, but not under one hold of it unless -DWHOLE: one may be lost. */

#include <pthread.h>
#include <stdlib.h>

static int balance = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *deposit(void *unused) {
    pthread_mutex_lock(&lock);
    int before = balance;
#ifndef WHOLE
    pthread_mutex_unlock(&lock);
    pthread_mutex_lock(&lock);
#endif
    balance = before + 10;
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 2;
    pthread_t threads[8];
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], 0, deposit, 0);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], 0);
    return balance == 10 * n ? 0 : 1;
}
