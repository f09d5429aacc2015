/* What an upcall costs: the time from a read that blocks to the first line of the upcall, and from there until the user
 * thread is back, by the calls of emu_kse.h alone. Usage: upcall_price ROUNDS; prints ns of both, and of the clock. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "emu.h"

static struct kse_mailbox mailbox;
static struct kse_thr_mailbox reader;
static char stack[1 << 16] __attribute__((aligned(16)));
static long blocked_ns, there_ns, back_ns, began_ns;
static int pipe_ends[2];

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void upcall(struct kse_mailbox *m) {
    struct kse_thr_mailbox *completed = m->completed;
    if (completed) {
        m->completed = NULL;
        kse_switchin(completed);
        _exit(2);
    }
    long now = now_ns();
    there_ns += now - blocked_ns;
    began_ns = now;
    if (write(pipe_ends[1], "", 1) != 1)
        _exit(3);
    kse_release(NULL);
    _exit(4);
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 1;
    char byte;
    mailbox.func = upcall;
    mailbox.stack = stack;
    mailbox.stack_bytes = sizeof stack;
    __asm__ volatile("mv %0, tp" : "=r"(mailbox.thread_pointer));
    if (pipe(pipe_ends) != 0 || kse_create(&mailbox, 0) != 0)
        return 1;
    long from_ns = now_ns();
    for (long n = 0; n < rounds; n++)
        now_ns();
    long clock_ns = (now_ns() - from_ns) / rounds;
    mailbox.current = &reader;
    for (long n = 0; n < rounds; n++) {
        blocked_ns = now_ns();
        if (read(pipe_ends[0], &byte, 1) != 1)
            return 5;
        back_ns += now_ns() - began_ns;
    }
    mailbox.current = NULL;
    printf("%ld %ld %ld\n", there_ns / rounds - clock_ns, back_ns / rounds - clock_ns, clock_ns);
    return 0;
}
