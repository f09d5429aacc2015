/* User threads on the raw calls of groups: each context comes exactly once, and whole [kse-2, kse-3].
 *
 * Arguments: how many user threads, upcalls, calls of each thread; 1: signals come all the time.
 * A word for each user thread says whether it is in the list of those that are ready. Every context that an upcall brings
 * must be one of a thread that is not: else it came twice. A thread counts its calls in a register and in memory: a
 * context that is an earlier one's shows there. One that is lost leaves its thread's calls undone, and nothing ends.
 *
 * The list has a spin lock, which is taken where nothing is taken away: by the library, and by a thread that has
 * TMF_NOUPCALL. No user thread uses the C library: they have one thread pointer. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "../../../emu/guests/emu.h"

enum { MOST_THREADS = 32, MOST_UPCALLS = 8, STACK = 16384, EINTR_ = -4 };
enum { READY = 1, RUNS };
struct thread {
    struct kse_thr_mailbox box; /* first: the kernel hands this address out */
    struct thread *following;
    atomic_int state;
    volatile int upcall;
    volatile long made;
    unsigned long random;
    int pipe[2];
};
static struct thread threads[MOST_THREADS];
static struct kse_mailbox boxes[MOST_UPCALLS];
static char stacks[MOST_THREADS][STACK] __attribute__((aligned(16)));
static char upcall_stacks[MOST_UPCALLS][STACK] __attribute__((aligned(16)));
static struct thread *first, **last = &first;
static atomic_int lock, alive, word;
static atomic_long contexts, signals;
static int nr_threads, nr_upcalls;
static long rounds;

static long call(long number, long a, long b, long c, long d) {
    register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}
static void fails(const char *text, int status) {
    emu_print(text);
    call(SYS_exit_group, status, 0, 0, 0);
}
static void enter(void) {
    while (atomic_exchange(&lock, 1))
        ;
}
static void leave(void) { atomic_store(&lock, 0); }

/* Nothing runs on the upcall but this. It does not return. */
static void library(struct kse_mailbox *box) {
    for (;;) {
        struct kse_thr_mailbox *done = box->completed;
        box->completed = NULL;
        enter();
        while (done != NULL) {
            struct thread *t = (struct thread *)done;
            done = done->next; /* before others may go on as it */
            if (atomic_exchange(&t->state, READY) != RUNS)
                fails("a context came twice\n", 2);
            atomic_fetch_add(&contexts, 1);
            t->following = NULL;
            *last = t;
            last = &t->following;
        }
        struct thread *t = first;
        if (t != NULL && (first = t->following) == NULL)
            last = &first;
        leave();
        if (t != NULL) {
            if (atomic_exchange(&t->state, RUNS) != READY)
                fails("a thread was ready twice\n", 3);
            t->upcall = box - boxes;
            kse_switchin(&t->box);
            fails("switchin returned\n", 4);
        }
        kse_release(NULL); /* a signal's handler has run where it returns */
    }
}

static void one_call(struct thread *t, long k) {
    char byte = 'x';
    struct thread *next = &threads[(t - threads + 1) % nr_threads];
    t->random = t->random * 6364136223846793005 + 1442695040888963407;
    struct timespec time = {0, (t->random >> 40) % 20000};
    if (k % 4 == 0) { /* all write as often as they read, and first */
        while (call(SYS_write, next->pipe[1], (long)&byte, 1, 0) == EINTR_)
            ;
        while (call(SYS_read, t->pipe[0], (long)&byte, 1, 0) == EINTR_)
            ;
        return;
    }
    switch ((t->random >> 33) % 5) {
    case 0: call(SYS_nanosleep, (long)&time, 0, 0, 0); break;
    case 1: call(SYS_futex, (long)&word, 0 /* WAIT */, 0, (long)&time); break;
    case 2: call(SYS_sched_yield, 0, 0, 0, 0); break;
    case 3: kse_wakeup(&boxes[(t->random >> 50) % nr_upcalls]); break;
    default: call(SYS_getpid, 0, 0, 0, 0);
    }
}

static void body(struct thread *t) {
    for (long k = 0; k < rounds; k++) {
        if (t->made != k)
            fails("a context is not the latest one\n", 5);
        one_call(t, k);
        t->made = k + 1;
    }
    t->box.flags = TMF_NOUPCALL; /* the upcall stays what it is */
    struct kse_mailbox *box = &boxes[t->upcall];
    box->current = NULL;
    if (atomic_fetch_sub(&alive, 1) == 1) {
        printf("ok %ld contexts\n", atomic_load(&contexts));
        fflush(stdout);
        call(SYS_exit_group, 0, 0, 0, 0);
    }
    library(box);
}

static void count_signal(int number) { atomic_fetch_add(&signals, number == SIGUSR1); }
static void *disturb(void *argument) {
    for (;;) {
        kill(getpid(), SIGUSR1);
        usleep(50);
    }
    return argument;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 9;
    nr_threads = atoi(argv[1]), nr_upcalls = atoi(argv[2]), rounds = atol(argv[3]);
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    void *tp, *gp;
    __asm__("mv %0, tp" : "=r"(tp));
    __asm__("mv %0, gp" : "=r"(gp));
    atomic_store(&alive, nr_threads);
    for (int k = 0; k < nr_threads; k++) {
        struct thread *t = &threads[k];
        if (pipe(t->pipe) != 0)
            return 10;
        t->random = k + 1;
        t->state = READY;
        t->box.pc = (long)body;
        t->box.x[2] = (long)(stacks[k] + STACK);
        t->box.x[3] = (long)gp;
        t->box.x[4] = (long)tp;
        t->box.x[10] = (long)t;
        *last = t;
        last = &t->following;
    }
    pthread_t other;
    if (atoi(argv[4]) && pthread_create(&other, NULL, disturb, NULL) != 0)
        return 11;
    for (int k = 0; k < nr_upcalls; k++) {
        boxes[k] = (struct kse_mailbox){.func = library, .stack = upcall_stacks[k], .stack_bytes = STACK};
        boxes[k].thread_pointer = tp;
        boxes[k].quantum_ns = 1000000;
        if (kse_create(&boxes[k], 0) != 0)
            return 12;
    }
    library(&boxes[0]);
}
