/* Two threads, each of which does three steps on one word; what the word has in the end tells the order of all six. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "emu_explore.h"

static int word, go, done;

static void wait_while(int *at, int value) {
    while (__atomic_load_n(at, __ATOMIC_ACQUIRE) == value)
        syscall(SYS_futex, at, FUTEX_WAIT, value, 0);
}

static void add(int *at) {
    __atomic_fetch_add(at, 1, __ATOMIC_ACQ_REL);
    syscall(SYS_futex, at, FUTEX_WAKE, 9);
}

static void *steps(void *digit) {
    wait_while(&go, 0);
    for (int n = 0; n < 3; n++) {
        int before = __atomic_load_n(&word, __ATOMIC_RELAXED); /* in one instruction each: */
        __atomic_store_n(&word, 10 * before + (int)(long)digit, __ATOMIC_RELAXED);
    }
    add(&done);
    wait_while(&go, 1);
    return 0;
}

int main(void) {
    pthread_t threads[2];
    for (long n = 0; n < 2; n++)
        pthread_create(&threads[n], 0, steps, (void *)(n + 1));
    emu_explore_begin();
    add(&go);
    wait_while(&done, 0);
    wait_while(&done, 1);
    printf("%d\n", word);
    return 0;
}
