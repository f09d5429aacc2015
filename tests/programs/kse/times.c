/* The kernel tells each user thread's times in its mailbox: who computes has user time, who sleeps next to none. */
#include "kse_check.h"

static volatile int stop;

static void *work(void *unused) {
    while (!stop)
        ;
    return unused;
}
static void *sleep_often(void *unused) {
    while (!stop)
        usleep(2000); /* in the kernel */
    return unused;
}

int main(int argc, char **argv) {
    start(argc, argv, 1 * MS);
    kse_t busy[2] = {create(work, 0), create(work, 1)}, idle = create(sleep_often, 0);
    uint64_t user[3], system[3], until = kse_now() + 2000ul * MS;
    do {
        kse_sleep_ns(5 * MS);
        for (int n = 0; n < 2; n++)
            kse_thread_times(busy[n], &user[n], &system[n]);
    } while ((user[0] < 10 * MS || user[1] < 10 * MS) && kse_now() < until);
    kse_thread_times(idle, &user[2], &system[2]);
    CHECK(user[0] >= 10 * MS && user[1] >= 10 * MS);
    CHECK(user[2] < user[0] && user[2] < user[1]);
    stop = 1;
    join(busy[0]), join(busy[1]), join(idle);
    return ok("times");
}
