/* messages: what IPC costs. Arguments: MODE [ROUNDS [BYTES]]. Prints "WHAT: T ns".
 *   thread    short round trip between two threads of a task on CPU 0      task    between two tasks on CPU 0
 *   cpus      between two tasks on CPUs 0 and 1                            full    256 bytes to and fro, two tasks
 *   extended  BYTES to and fro (default 2048), two tasks on CPU 0          fault   a page fault that a pager serves
 *   send      words to one that counts them, one way, CPU 0 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "emu.h"

enum { PAGE = 4096, PAGES = 2048, STOP = -1 };
#define REGION 0x2800000000L

struct shared {
    int server; /* tid of the thread that answers, once it does */
};
static struct shared *shared;
static char buffer[2][EMU_EXTENDED_BYTES];

static void fail(const char *what, long result) {
    fprintf(stderr, "%s: error %ld\n", what, result);
    exit(1);
}

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void pin(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
        fail("there is no such CPU", cpu);
}

static void wait_for_server(void) {
    while (__atomic_load_n(&shared->server, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
}

/* --- a server that answers each word with the next one --- */

static void serve(long flags) {
    struct emu_message m = {.out = buffer[0], .in = buffer[1]};
    __atomic_store_n(&shared->server, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, flags, -1, &m);
    while (from > 0 && m.mr[0] != STOP) {
        m.mr[0]++;
        from = emu_ipc(from, EMU_ANYTHREAD, EMU_REPLY | flags, -1, &m);
    }
    if (from < 0)
        fail("serve", from);
}

static void *server_thread(void *flags) {
    serve((long)flags);
    return NULL;
}

static long call_often(long rounds, long flags) {
    struct emu_message m = {.out = buffer[0], .in = buffer[1]};
    for (int warm = 1; warm >= 0; warm--) {
        long begun = now_ns();
        for (long i = 0; i < rounds; i++) {
            m.mr[0] = i;
            long result = emu_ipc(shared->server, shared->server, flags, -1, &m);
            if (result < 0 || m.mr[0] != i + 1)
                fail("call", result);
        }
        if (warm == 0)
            begun = now_ns() - begun, rounds = begun / rounds;
    }
    m.mr[0] = STOP;
    emu_ipc(shared->server, EMU_NILTHREAD, flags, -1, &m);
    return rounds;
}

static long between_threads(long rounds) {
    pthread_t thread;
    pin(0);
    if (pthread_create(&thread, NULL, server_thread, (void *)0) != 0)
        fail("thread", 0);
    wait_for_server();
    long ns = call_often(rounds, 0);
    pthread_join(thread, NULL);
    return ns;
}

/* `client`, `server`: flags of the two */
static long between_tasks(long rounds, int cpu, long client, long server, int needs_utcb) {
    pin(0);
    pid_t child = fork();
    if (child == 0) {
        pin(cpu);
        if (needs_utcb && (long)emu_utcb() < 0)
            fail("utcb", 0);
        serve(server);
        _exit(0);
    }
    if (needs_utcb && (long)emu_utcb() < 0)
        fail("utcb", 0);
    wait_for_server();
    long ns = call_often(rounds, client);
    waitpid(child, NULL, 0);
    return ns;
}

/* --- one way --- */

static void *count(void *argument) {
    struct emu_message m = {.mr = {0}};
    (void)argument;
    __atomic_store_n(&shared->server, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    do
        emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    while (m.mr[0] != STOP);
    return NULL;
}

static long one_way(long rounds) {
    pthread_t thread;
    pin(0);
    if (pthread_create(&thread, NULL, count, NULL) != 0)
        fail("thread", 0);
    wait_for_server();
    struct emu_message m = {.mr = {0}};
    long begun = now_ns();
    for (long i = 0; i < rounds; i++) {
        m.mr[0] = i;
        long result = emu_ipc(shared->server, EMU_NILTHREAD, 0, -1, &m);
        if (result < 0)
            fail("send", result);
    }
    long ns = (now_ns() - begun) / rounds;
    m.mr[0] = STOP;
    emu_ipc(shared->server, EMU_NILTHREAD, 0, -1, &m);
    pthread_join(thread, NULL);
    return ns;
}

/* --- a pager --- */

static char *backing;

static void *pager(void *argument) {
    struct emu_message m = {.mr = {0}};
    (void)argument;
    __atomic_store_n(&shared->server, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    while (from > 0 && m.bytes == EMU_FAULT) {
        long offset = (m.mr[0] - REGION) & -PAGE;
        long refused = 1;
        if (offset >= 0 && offset < (long)PAGES * PAGE)
            refused = emu_map(backing + offset, REGION + offset, 1, PROT_READ | PROT_WRITE, from);
        m.mr[0] = refused;
        from = emu_ipc(from, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
    }
    return NULL;
}

static long fault(void) {
    pthread_t thread;
    struct emu_ids ids = {0, 0, 0};
    struct emu_context context = {.pc = 0};
    pin(0);
    backing = mmap(NULL, (long)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(backing, 0, (long)PAGES * PAGE);
    if (pthread_create(&thread, NULL, pager, NULL) != 0)
        fail("thread", 0);
    wait_for_server();
    long *taken_ns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long result = emu_thread_control(EMU_THREAD_CREATE | EMU_COPY_SPACE, &ids);
    if (result < 0)
        fail("create", result);
    if (ids.tid == 0) { /* the client */
        long begun = now_ns();
        for (long i = 0; i < PAGES; i++)
            ((volatile char *)REGION)[i * PAGE] = 1;
        *taken_ns = (now_ns() - begun) / PAGES;
        _exit(0);
    }
    context.pager = shared->server;
    while ((result = emu_exchange_registers(ids.tid, &context, EMU_WRITE_PAGER)) == -16)
        sched_yield(); /* it is not suspended yet */
    if (result < 0)
        fail("set the pager", result);
    emu_thread_control(EMU_THREAD_RUN, &ids);
    int status;
    waitpid(ids.tid, &status, 0);
    if (status != 0)
        fail("client", status);
    struct emu_message stop = {.mr = {STOP}};
    emu_ipc(shared->server, EMU_NILTHREAD, 0, -1, &stop);
    pthread_join(thread, NULL);
    return *taken_ns;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "thread";
    long rounds = argument(argc, argv, 2, 10000, 1, 1L << 40);
    long bytes = argument(argc, argv, 3, EMU_EXTENDED_BYTES, 0, EMU_EXTENDED_BYTES);
    long ns;
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long extended = EMU_SEND_BYTES(bytes) | EMU_RECEIVE_BYTES(bytes);
    long full = EMU_SENDS(EMU_FULL) | EMU_ACCEPTS(EMU_FULL);
    if (strcmp(mode, "thread") == 0)
        ns = between_threads(rounds);
    else if (strcmp(mode, "task") == 0)
        ns = between_tasks(rounds, 0, 0, 0, 0);
    else if (strcmp(mode, "cpus") == 0)
        ns = between_tasks(rounds, 1, 0, 0, 0);
    else if (strcmp(mode, "full") == 0)
        ns = between_tasks(rounds, 0, full, full, 1);
    else if (strcmp(mode, "extended") == 0)
        ns = between_tasks(rounds, 0, extended, extended, 0);
    else if (strcmp(mode, "send") == 0)
        ns = one_way(rounds);
    else if (strcmp(mode, "fault") == 0)
        ns = fault();
    else {
        fprintf(stderr, "unknown mode '%s': expected thread, task, cpus, full, extended, send or fault\n", mode);
        return 2;
    }
    printf("%s: %ld ns\n", mode, ns);
    return 0;
}
