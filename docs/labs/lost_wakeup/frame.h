// What runs the answer: one thread puts 1 to NUMBERS into the box, the other one adds them up.
#include <pthread.h>
#include <stdio.h>

enum { NUMBERS = 500 };

static void *writer(void *unused) {
    for (int i = 1; i <= NUMBERS; i++)
        put(i);
    return unused;
}

int main(void) {
    pthread_t thread;
    long sum = 0;
    pthread_create(&thread, NULL, writer, NULL);
    for (int i = 1; i <= NUMBERS; i++)
        sum += get();
    pthread_join(thread, NULL);
    printf("%ld\n", sum);
    return 0;
}
