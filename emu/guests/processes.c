/* processes: what processes cost.  processes WHAT COUNT [GROUPS]

   WHAT is one of
     fork     fork, exit and wait of a process of 1 MB
     vfork    the same with vfork
     exec     vfork, execute this program anew, exit and wait
     fault    a store to a page without a frame, on frames that were used before
     copy     a store to a page that a child shares (copy on write)
     map      mmap and munmap of 16 pages, one of them touched
     pipe     a round trip of one byte between two processes through two pipes
     futex    a round trip between two processes through a word of shared memory
     epoll    epoll_wait with 1,000 idle descriptors and 1 that is ready
     hackp    hackbench: GROUPS groups of 20 senders and 20 receivers, processes, pipes, COUNT messages each way
     hackt    the same with threads
     socketp  as hackp through pairs of sockets
     sockett  the same with threads

   Prints "NANOSECONDS ns" for each time that it did it (hackbench: for all). */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 512, PEERS = 20, MESSAGE = 100 };

static char megabyte[1 << 20];

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void await(pid_t pid) {
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) fail("child");
}

static int64_t forks(long count, int with_vfork) {
    memset(megabyte, 1, sizeof megabyte);
    int64_t begin = now();
    for (long k = 0; k < count; k++) {
        pid_t pid = with_vfork ? vfork() : fork();
        if (pid == 0) _exit(0);
        if (pid < 0) fail("fork");
        await(pid);
    }
    return (now() - begin) / count;
}

static int64_t execs(long count) {
    char *argv[] = {"processes", "nothing", NULL}, *none[] = {NULL};
    int64_t begin = now();
    for (long k = 0; k < count; k++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execve("/proc/self/exe", argv, none);
            _exit(1);
        }
        if (pid < 0) fail("vfork");
        await(pid);
    }
    return (now() - begin) / count;
}

static char *fresh(void) {
    char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    return at;
}

static int64_t touch(volatile char *at) {
    int64_t begin = now();
    for (long k = 0; k < PAGES; k++) at[k * PAGE] = 2;
    return now() - begin;
}

static int64_t faults(long count) {
    int64_t all = 0;
    for (long k = -1; k < count; k++) { /* the first time the host gives the memory */
        char *at = fresh();
        int64_t took = touch(at);
        if (k >= 0) all += took;
        munmap(at, PAGES * PAGE);
    }
    return all / (count * PAGES);
}

static int64_t copies(long count) {
    int64_t all = 0;
    char *at = fresh();
    touch(at);
    for (long k = -1; k < count; k++) {
        int ends[2];
        char c;
        if (pipe(ends) != 0) fail("pipe");
        pid_t pid = fork();
        if (pid == 0) {
            close(ends[1]);
            _exit(read(ends[0], &c, 1) != 0);
        }
        int64_t took = touch(at);
        if (k >= 0) all += took;
        close(ends[0]);
        close(ends[1]);
        await(pid);
    }
    return all / (count * PAGES);
}

static int64_t maps(long count) {
    int64_t begin = now();
    for (long k = 0; k < count; k++) {
        char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) fail("mmap");
        *(volatile char *)at = 1;
        munmap(at, 16 * PAGE);
    }
    return (now() - begin) / count;
}

static int64_t pipes(long count) {
    int there[2], back[2];
    char c = 1;
    if (pipe(there) != 0 || pipe(back) != 0) fail("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        for (long k = 0; k < count; k++)
            if (read(there[0], &c, 1) != 1 || write(back[1], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    int64_t begin = now();
    for (long k = 0; k < count; k++)
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) fail("round trip");
    int64_t took = now() - begin;
    await(pid);
    return took / count;
}

static void set_and_wake(int *word, int value) {
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void wait_until(int *word, int value) {
    int seen;
    while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) != value) syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static int64_t futexes(long count) {
    int *word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int k = 0; k < count; k++) wait_until(word, 2 * k + 1), set_and_wake(word, 2 * k + 2);
        _exit(0);
    }
    int64_t begin = now();
    for (int k = 0; k < count; k++) set_and_wake(word, 2 * k + 1), wait_until(word, 2 * k + 2);
    int64_t took = now() - begin;
    await(pid);
    return took / count;
}

static int64_t epolls(long count) {
    struct rlimit limit = {2000, 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, ready;
    for (int k = 0; k < 1001; k++) {
        int fd = eventfd(k == 500, EFD_NONBLOCK);
        event.data.fd = fd;
        if (fd < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    }
    int64_t begin = now();
    for (long k = 0; k < count; k++)
        if (epoll_wait(set, &ready, 1, -1) != 1) fail("epoll_wait");
    return (now() - begin) / count;
}

/* --- hackbench: every sender of a group writes to each of its receivers --------------------------- */

struct member {
    int *outs;   /* of the pipes of its group */
    int in;      /* a receiver's */
    long count;
};

static int gate[2];

static void *send_all(void *argument) {
    struct member *m = argument;
    char message[MESSAGE] = {0}, c;
    if (read(gate[0], &c, 1) != 1) fail("gate");
    for (long k = 0; k < m->count; k++)
        for (int n = 0; n < PEERS; n++)
            if (write(m->outs[n], message, MESSAGE) != MESSAGE) fail("write");
    return NULL;
}

static void *receive_all(void *argument) {
    struct member *m = argument;
    char message[MESSAGE];
    for (long k = 0; k < m->count * PEERS; k++)
        for (long got = 0; got < MESSAGE;) {
            ssize_t n = read(m->in, message, (size_t)(MESSAGE - got));
            if (n <= 0) fail("read");
            got += n;
        }
    return NULL;
}

static void start(void *(*what)(void *), struct member *m, int threads, pthread_t *thread, pid_t *pid) {
    if (threads) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 65536);
        if (pthread_create(thread, &attributes, what, m) != 0) fail("pthread_create");
    } else if ((*pid = fork()) == 0) {
        what(m);
        _exit(0);
    } else if (*pid < 0) {
        fail("fork");
    }
}

static int64_t hackbench(long count, int groups, int threads, int sockets) {
    int members = groups * PEERS * 2, made = 0;
    pthread_t *thread = calloc((size_t)members, sizeof *thread);
    pid_t *pid = calloc((size_t)members, sizeof *pid);
    struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    if (pipe(gate) != 0) fail("pipe");
    for (int g = 0; g < groups; g++) {
        int *outs = calloc(PEERS, sizeof *outs);
        for (int n = 0; n < PEERS; n++) {
            int ends[2];
            if ((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) != 0) fail("pipe");
            struct member *m = calloc(1, sizeof *m);
            *m = (struct member){NULL, ends[0], count};
            start(receive_all, m, threads, &thread[made], &pid[made]);
            made++;
            outs[n] = ends[1];
        }
        for (int n = 0; n < PEERS; n++) {
            struct member *m = calloc(1, sizeof *m);
            *m = (struct member){outs, -1, count};
            start(send_all, m, threads, &thread[made], &pid[made]);
            made++;
        }
    }
    int64_t begin = now();
    for (int k = 0; k < groups * PEERS; k++)
        if (write(gate[1], "x", 1) != 1) fail("gate");
    for (int k = 0; k < members; k++) {
        if (threads) pthread_join(thread[k], NULL);
        else await(pid[k]);
    }
    return now() - begin;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    long count = argc > 2 ? atol(argv[2]) : 1;
    int groups = argc > 3 ? atoi(argv[3]) : 10;
    int64_t ns = -1;
    if (strcmp(what, "nothing") == 0) return 0;
    if (strcmp(what, "fork") == 0) ns = forks(count, 0);
    else if (strcmp(what, "vfork") == 0) ns = forks(count, 1);
    else if (strcmp(what, "exec") == 0) ns = execs(count);
    else if (strcmp(what, "fault") == 0) ns = faults(count);
    else if (strcmp(what, "copy") == 0) ns = copies(count);
    else if (strcmp(what, "map") == 0) ns = maps(count);
    else if (strcmp(what, "pipe") == 0) ns = pipes(count);
    else if (strcmp(what, "futex") == 0) ns = futexes(count);
    else if (strcmp(what, "epoll") == 0) ns = epolls(count);
    else if (strcmp(what, "hackp") == 0) ns = hackbench(count, groups, 0, 0);
    else if (strcmp(what, "hackt") == 0) ns = hackbench(count, groups, 1, 0);
    else if (strcmp(what, "socketp") == 0) ns = hackbench(count, groups, 0, 1);
    else if (strcmp(what, "sockett") == 0) ns = hackbench(count, groups, 1, 1);
    if (ns < 0) {
        fprintf(stderr, "usage: processes fork|vfork|exec|fault|copy|map|pipe|futex|epoll|hackp|hackt|socketp|sockett "
                        "COUNT [GROUPS]\n");
        return 2;
    }
    printf("%lld ns\n", (long long)ns);
    return 0;
}
