/* Random system calls by a grammar, from several threads, with signals meanwhile: the guest of tests/fuzz.

   syscalls SEED CALLS THREADS

   For machines of emu only: under a user-mode emulator its calls would be made on the host, as whoever runs it.

   A row of `grammar` says how to make arguments with which a call may well succeed; one argument in ten is wild
   instead (page edges, the ends of the number range, read-only and unmapped memory).  Numbers that no row has are
   called with random words.  Programs are executed by children, from among the threads.  Each thread's calls follow from the seed.  Memory that the program itself needs is
   never the aim of a plausible argument, but wild ones may hit it: to die by a signal is an allowed end.

   The last lines, printed by emu's own call (descriptors do not last here): "call NUMBER ATTEMPTS SUCCESSES" for each
   number.  Exit 3: a thread is stuck, though the poker interrupts whatever waits; 5: wild calls took away memory that
   the program needs. */
#include "fuzz.h"
#include "../../emu/guests/emu_l4.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

enum {
    MAX_WORKERS = 8,
    NUMBERS = 471,
    NATIVE = 0x1000,
    NATIVES = 48,
    WAIT_MS = 10, STUCK_MS = 5000,
};

typedef struct {
    short number;
    short weight;
    const char *arguments; /* a letter each: see `plausible` */
    long choices[6];       /* for 'c': the flag words to choose from, ended by -7 */
} row;

static struct worker workers[MAX_WORKERS];
static int nr_workers;
static long calls_each;
static int attempts[NUMBERS + NATIVES], successes[NUMBERS + NATIVES];
static int own_pid;

enum { NOT_EXECUTED = 99 };

/* A child that executes a program, with another thread running or without. Whatever that is, it has 50 ms. */
static long raw_exec(struct worker *w, long n, const long *v, int with_thread) {
    long fork_words[6] = {SIGCHLD}, thread_words[6] = {0x10000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x40000, (long)w->stack + 8192};
    long default_action[4] = {0}, action_words[6] = {SIGALRM, (long)default_action, 0, 8}, status = 0;
    struct itimerval soon = {.it_value.tv_usec = 50000};
    long timer_words[6] = {0, (long)&soon, 0}, status_words[6] = {NOT_EXECUTED};
    long child = raw(SYS_clone, fork_words);
    if (child < 0) return child;
    if (child == 0) {
        raw(SYS_rt_sigaction, action_words);
        raw(SYS_setitimer, timer_words);
        if (with_thread && raw(SYS_clone, thread_words) == 0)
            for (;;) __asm__ volatile("" ::: "memory");
        raw(n, v);
        raw(SYS_exit_group, status_words);
    }
    long wait_words[6] = {child, (long)&status, 0, 0}, result;
    while ((result = raw(SYS_wait4, wait_words)) == -EINTR)
        ;
    if (result < 0) return result; /* another thread has waited for it, or nobody may */
    return ((int)status & 0xffff) == NOT_EXECUTED << 8 ? -1 : 0;
}

/* --- plausible words ------------------------------------------------------------------------------------------- */

static const char *const names[] = {
    "a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "l", "l/b", "d/../a", "./b", "/tmp/fuzz/a", "/tmp/fuzz/d/c", ".",
    "..", "/", "/dev/null", "/dev/zero", "/dev/urandom", "/proc/self/maps", "/proc/self/stat", "/proc/self/exe",
    "/proc/self/fd/3", "/proc/cpuinfo", "/proc/meminfo", "/proc/self/comm", "/etc/passwd", "", "nowhere/a",
};

static char *small(struct worker *w, long size) { /* room for a structure of random but modest words, in the lower half */
    char *at = page(w, below(w, GROUND_PAGES / 2 - 1)) + below(w, PAGE / 16) * 16;
    for (long k = 0; k < size / 4; k++) ((volatile int *)at)[k] = (int)below(w, 4);
    return at;
}

static long timespec_in(struct worker *w, int absolute) {
    struct timespec *t = (struct timespec *)small(w, sizeof *t);
    if (absolute) clock_gettime(CLOCK_MONOTONIC, t);
    else t->tv_sec = t->tv_nsec = 0;
    t->tv_nsec += below(w, 50000);
    if (t->tv_nsec >= 1000000000) t->tv_nsec = 999999999;
    if (below(w, 40) == 0) t->tv_sec = wild(w);
    if (below(w, 40) == 0) t->tv_nsec = wild(w);
    return (long)t;
}

static long signal_of(struct worker *w) {
    static const int numbers[] = {0, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCHLD, SIGURG, 34, 35, 36, 40, 64};
    return numbers[below(w, sizeof numbers / sizeof *numbers)];
}

static long path_of(struct worker *w) {
    if (below(w, 50) == 0) { /* very long, or not text */
        char *at = page(w, 0);
        long n = below(w, 2) ? 300 : 2 * PAGE;
        for (long k = 0; k < n; k++) at[k] = (char)(below(w, 40) ? 'x' : below(w, 256));
        at[n] = 0;
        return (long)at;
    }
    return (long)names[below(w, sizeof names / sizeof *names)];
}

static long plausible(struct worker *w, char letter, const row *r) {
    switch (letter) {
    case 'f': return below(w, 24) ? below(w, 20) : below(w, 1100);                  /* descriptor */
    case 'F': return below(w, 8) ? 16 + below(w, 4) : below(w, 20);                 /* socket, mostly */
    case 'j': return below(w, 8) ? 20 + below(w, 2) : below(w, 20);                 /* message queue, mostly */
    case 'd': return below(w, 3) ? AT_FDCWD : below(w, 20);                         /* directory */
    case 'p': return path_of(w);                                                    /* path */
    case 'b': return (long)(page(w, below(w, GROUND_PAGES / 2 - 3)) + below(w, PAGE)); /* buffer of 3 pages */
    case 'z': return (long)small(w, 256);                                           /* structure */
    case 's': return below(w, 4) ? below(w, 200) : below(w, 8192);                  /* size */
    case 'o': return below(w, 4) ? below(w, 9000) : 0;                              /* offset */
    case 'i': return below(w, 6);                                                   /* small number */
    case '0': return 0;
    case '8': return 8;
    case 'T': return timespec_in(w, 0);
    case 'N': return below(w, 3) ? timespec_in(w, 0) : 0;
    case 'A': return timespec_in(w, 1);
    case 'U': return (long)(page(w, 1) + below(w, 8) * 4);                          /* futex word */
    case 'u': return *(volatile int *)(page(w, 1) + below(w, 8) * 4);               /* its value, perhaps */
    case 'W': return (long)&w->child_word;
    case 'v': {                                                                     /* struct iovec[4] */
        long *v = (long *)small(w, 64);
        for (int k = 0; k < 8; k += 2) v[k] = plausible(w, 'b', r), v[k + 1] = plausible(w, 's', r);
        if (below(w, 8) == 0) v[below(w, 8)] = wild(w);
        return (long)v;
    }
    case 'n': return below(w, 5);                                                   /* how many of them */
    case 'm': return (long)page(w, GROUND_PAGES / 2 + below(w, GROUND_PAGES / 2));  /* pages to map and unmap */
    case 'l': return (1 + below(w, 3)) * PAGE - (below(w, 8) ? 0 : below(w, PAGE));
    case 'M': {                                                                     /* sigset_t without SIGUSR1 */
        uint64_t *set = (uint64_t *)small(w, 8);
        *set = below(w, 3) ? draw(w) & ~(1ULL << (SIGUSR1 - 1)) & ~(1ULL << (SIGSEGV - 1)) : 0;
        return (long)set;
    }
    case 'S': return signal_of(w);
    case 't': return below(w, 4) ? workers[below(w, nr_workers)].tid : w->tid;
    case 'P': return below(w, 4) ? own_pid : 0;
    case 'c': {
        int k = 0;
        while (r->choices[k] != END) k++;
        return r->choices[below(w, k)];
    }
    case 'a': {                                                                     /* struct sigaction of the kernel */
        extern void handler(int, siginfo_t *, void *);
        long *a = (long *)small(w, 32);
        a[0] = below(w, 4) ? (long)handler : (long)SIG_IGN;
        a[1] = SA_SIGINFO | (below(w, 2) ? SA_NODEFER : 0) | (below(w, 2) ? SA_ONSTACK : 0);
        a[2] = 0;
        return (long)a;
    }
    case 'h': {                                                                     /* stack_t */
        long *a = (long *)small(w, 24);
        a[0] = (long)w->alternate, a[1] = below(w, 4) ? 0 : 2, a[2] = 16384;
        return (long)a;
    }
    case 'x': {                                                                     /* CPU mask */
        long *a = (long *)small(w, 16);
        a[0] = 1 + below(w, 3), a[1] = 0;
        return (long)a;
    }
    case 'L': {                                                                     /* struct rlimit */
        long *a = (long *)small(w, 16);
        a[0] = 256 + below(w, 1000), a[1] = 4096;
        return (long)a;
    }
    case 'e': {                                                                     /* struct pollfd[4] */
        struct pollfd *e = (struct pollfd *)small(w, sizeof(struct pollfd) * 4);
        for (int k = 0; k < 4; k++) e[k] = (struct pollfd){(int)below(w, 20), POLLIN | (below(w, 2) ? POLLOUT : 0), 0};
        return (long)e;
    }
    case 'D': {                                                                     /* fd_set of 64 */
        uint64_t *set = (uint64_t *)small(w, 128);
        memset(set, 0, 128);
        *set = draw(w) & draw(w) & 0xffff;
        return below(w, 3) ? (long)set : 0;
    }
    case 'k': {                                                                     /* clock */
        static const int clocks[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, -6, -2};
        return clocks[below(w, sizeof clocks / sizeof *clocks)];
    }
    case 'O': {                                                                     /* an offset in memory, or none */
        long *at = (long *)small(w, 8);
        *at = below(w, 4000);
        return below(w, 2) ? (long)at : 0;
    }
    case 'I': {                                                                     /* siginfo_t for sigqueue */
        int *at = (int *)small(w, 128);
        memset(at, 0, 128);
        at[2] = below(w, 4) ? -1 : (int)wild(w); /* si_code: SI_QUEUE */
        return (long)at;
    }
    case 'V': {                                                                     /* struct itimerspec or itimerval */
        long *at = (long *)small(w, 32);
        at[0] = at[2] = 0, at[1] = below(w, 3) ? 0 : 5000 + below(w, 100000), at[3] = below(w, 100000);
        if (below(w, 20) == 0) at[below(w, 4)] = wild(w);
        return (long)at;
    }
    case 'G': {                                                                     /* struct sigevent */
        static const int hows[] = {0, 0, 1, 4, 9};
        int *at = (int *)small(w, 64);
        at[2] = (int)signal_of(w), at[3] = hows[below(w, 5)], at[4] = (int)plausible(w, 't', r);
        return below(w, 4) ? (long)at : 0;
    }
    case 'E': {                                                                     /* struct epoll_event */
        int *at = (int *)small(w, 16);
        at[0] = (below(w, 2) ? POLLIN : POLLIN | POLLOUT) | (below(w, 4) ? 0 : 1 << 30) | (below(w, 4) ? 0 : 1 << 31);
        return (long)at;
    }
    case 'C': {                                                                     /* struct clone_args */
        static const long flags[] = {0, 0x100 | 0x4000, 0x400, 0x8000, 1L << 32};
        long *at = (long *)small(w, 88);
        memset(at, 0, 88);
        at[0] = flags[below(w, 5)], at[4] = at[0] == 0x8000 ? 0 : SIGCHLD;
        return (long)at;
    }
    case 'H': {                                                                     /* whose capabilities */
        int *at = (int *)small(w, 8);
        at[0] = 0x20080522, at[1] = 0; /* _LINUX_CAPABILITY_VERSION_3 */
        return (long)at;
    }
    case 'J': {                                                                     /* struct flock */
        struct flock *how = (struct flock *)small(w, sizeof(struct flock));
        *how = (struct flock){(short)below(w, 4), (short)below(w, 4), (long)below(w, 200) - 20, (long)below(w, 40) - 10, 0};
        return (long)how;
    }
    case 'q': {                                                                     /* struct sockaddr, of 5 or 16 bytes */
        short *at = (short *)small(w, 32);
        memset(at, 0, 32);
        if (below(w, 2)) at[0] = 1, at[1] = (short)('a' << 8), at[2] = (short)below(w, 3);
        else at[0] = 2, at[1] = (short)(0x1234 + 256 * below(w, 3)), at[2] = 127, at[3] = 1 << 8;
        return below(w, 4) ? (long)at : 0;
    }
    case 'Q': {                                                                     /* how long it is, in memory */
        int *at = (int *)small(w, 4);
        *at = (int)below(w, 40);
        return (long)at;
    }
    case 'Y': {                                                                     /* struct mmsghdr[2] */
        long *at = (long *)small(w, 128);
        memset(at, 0, 128);
        for (int k = 0; k < 16; k += 8) {
            at[k] = below(w, 3) ? 0 : plausible(w, 'q', r), at[k + 1] = below(w, 2) ? 5 : 16;
            at[k + 2] = plausible(w, 'v', r), at[k + 3] = plausible(w, 'n', r);
            if (below(w, 2)) continue;
            long *control = (long *)small(w, 64);
            control[0] = 16 + 4 * (1 + below(w, 3)), control[1] = 1 | (below(w, 8) ? 1L : 2L) << 32;
            control[2] = below(w, 20) | below(w, 20) << 32, control[3] = below(w, 20);
            at[k + 4] = (long)control, at[k + 5] = below(w, 4) ? control[0] : below(w, 64);
            if (below(w, 20) == 0) control[below(w, 3)] = wild(w);
        }
        return (long)at;
    }
    case 'K': return (long)(w->stack + 8192);
    case 'X': {                                                                     /* a program, or not quite */
        static const char *const programs[] = {"/proc/self/exe", "/proc/self/exe", "x", "script", "d", "a", "nowhere"};
        return below(w, 4) ? (long)programs[below(w, sizeof programs / sizeof *programs)] : path_of(w);
    }
    case 'g': {                                                                     /* argument strings */
        long *at = (long *)small(w, 64);
        at[0] = (long)"fuzz", at[1] = (long)"child", at[2] = below(w, 4) ? 0 : (long)"more", at[3] = 0;
        if (below(w, 10) == 0) at[below(w, 3)] = wild(w);
        return (long)at;
    }
    case 'B': {                                                                     /* struct sched_attr */
        int *at = (int *)small(w, 64);
        memset(at, 0, 64);
        at[0] = below(w, 8) ? 48 : (int)below(w, 100), at[1] = (int)below(w, 2) * 3, at[2] = below(w, 4) ? 0 : (int)below(w, 32);
        return (long)at;
    }
    case '1': return below(w, 4) ? workers[below(w, nr_workers)].tid : (long)below(w, 3) - 1; /* partner of a message */
    case '2': {                                                                     /* flags of a message */
        static const long kinds[] = {0, 0, EMU_SENDS(EMU_FULL), EMU_ACCEPTS(EMU_FULL), EMU_SENDS(EMU_FULL) | EMU_ACCEPTS(EMU_FULL)};
        long flags = kinds[below(w, 5)] | (below(w, 4) ? 0 : EMU_REPLY);
        if (below(w, 3) == 0) flags = EMU_SEND_BYTES(below(w, 2049)) | EMU_RECEIVE_BYTES(below(w, 2049));
        return below(w, 3) ? flags : EMU_RECEIVE_BYTES(EMU_EXTENDED_BYTES);
    }
    case '3': return below(w, 3) ? below(w, 2000000) : (long)below(w, 2) - 1;        /* how long it waits */
    default: return 0;
    }
}

/* --- the grammar ----------------------------------------------------------------------------------------------- */

#define R(name, weight, arguments, ...) {SYS_##name, weight, arguments, {__VA_ARGS__ __VA_OPT__(, ) END}}
#define THREAD_FLAGS 0x10000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x40000 /* CLONE_THREAD VM FS FILES SIGHAND SYSVSEM */

static const row grammar[] = {
    R(getcwd, 1, "bs"), R(dup, 3, "f"), R(dup3, 3, "ffc", 0, O_CLOEXEC),
    R(fcntl, 3, "fci", F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC), R(ioctl, 2, "fcz", 0x5401, 0x5413, 0x541b, 0x5451),
    R(fcntl, 3, "fcJ", F_GETLK, F_SETLK, F_SETLKW, 36, 37), R(fcntl, 1, "fcJ", 38), R(fcntl, 1, "fci", 1033, 1034), R(flock, 2, "fc", 1, 5, 6, 8, 8),
    {279, 2, "pc", {0, 1, 2, 3, 8, END}} /* memfd_create */,
    R(mknodat, 1, "dpc", S_IFREG | 0644, S_IFIFO | 0644), R(mkdirat, 2, "dpc", 0755, 0700),
    R(unlinkat, 3, "dpc", 0, 0x200), R(symlinkat, 2, "pdp"), R(linkat, 6, "dpdpc", 0, 0x400), R(renameat2, 6, "dpdpc", 0, 1),
    R(statfs, 1, "pb"), R(fstatfs, 1, "fb"), R(truncate, 2, "po"), R(ftruncate, 3, "fo"), R(fallocate, 1, "f0os"),
    R(faccessat, 1, "dpi"), R(chdir, 1, "p"), R(fchdir, 3, "f"), R(fchmod, 1, "fc", 0644, 0755), R(fchmodat, 1, "dpc", 0644, 0755),
    R(fchownat, 1, "dpii0"), R(fchown, 1, "fii"),
    R(openat, 12, "dpcc", O_RDWR | O_CREAT, O_RDONLY, O_RDWR | O_CREAT | O_TRUNC, O_RDONLY | O_DIRECTORY | O_NONBLOCK, O_WRONLY | O_APPEND | O_CREAT),
    R(close, 8, "f"), R(pipe2, 4, "zc", O_NONBLOCK, O_NONBLOCK, O_NONBLOCK | O_CLOEXEC, 0), R(getdents64, 3, "fbs"),
    R(lseek, 3, "foi"), R(read, 6, "fbs"), R(write, 6, "fbs"), R(readv, 3, "fvn"), R(writev, 3, "fvn"), R(pread64, 3, "fbso"),
    R(pwrite64, 3, "fbso"), R(preadv, 2, "fvno"), R(pwritev, 2, "fvno"), R(sendfile, 2, "ffOs"), R(pselect6, 2, "cDDDT0", 0, 16, 64),
    R(ppoll, 2, "enTM8"), R(readlinkat, 2, "dpbs"), R(newfstatat, 3, "dpbc", 0, 0x100, 0x1000), R(fstat, 3, "fb"), R(sync, 1, ""),
    R(fsync, 1, "f"), R(fdatasync, 1, "f"), R(utimensat, 2, "dpNc", 0, 0x100), R(capget, 1, "Hz"), R(capset, 1, "Hz"), R(personality, 1, "0"),
    R(set_tid_address, 1, "W"), R(futex, 8, "UcuTUi", 0, 1, 128, 129, 131), R(futex, 2, "Uci0Ui", 135, 136, 140) /* UNLOCK_PI, TRYLOCK_PI, CMP_REQUEUE_PI: a lock that waits cannot be interrupted */,
    {449, 2, "zc0Ni", {1, 2, 4, END}} /* futex_waitv */, R(membarrier, 1, "c0", 1, 8, 16, 32, 64),
    R(semget, 3, "iic", 01600, 0600), R(semop, 6, "izc", 1, 2), R(semtimedop, 5, "izcT", 1, 2), R(semctl, 3, "iicz", 0, 1, 2, 16, 17),
    R(msgget, 3, "ic", 01600), R(msgsnd, 5, "izsc", 04000, 0), R(msgrcv, 9, "izsic", 04000, 014000, 0), R(msgctl, 3, "icz", 0, 1, 2),
    R(mq_open, 3, "pci0", O_CREAT | O_RDWR | O_NONBLOCK, O_CREAT | O_RDWR, O_RDWR), R(mq_unlink, 1, "p"), R(mq_timedsend, 2, "jbsiT"),
    R(mq_timedreceive, 3, "jbcOT", 8192, 100), R(mq_notify, 1, "jG"), R(mq_getsetattr, 2, "j0b"), R(mq_getsetattr, 1, "jzz"),
    R(shmget, 4, "ilc", 01600, 0600), R(shmat, 6, "imc", 040000, 050000, 0), R(shmdt, 10, "m"), R(shmctl, 1, "icz", 0, 1, 2, 13, 14),
    R(set_robust_list, 1, "zc", 24), R(get_robust_list, 1, "tzz"),
    R(nanosleep, 3, "Tb"), R(getitimer, 1, "iz"), R(setitimer, 1, "iVz"), R(timer_create, 2, "kGW"), R(timer_settime, 2, "icVz", 0, 1), R(timer_gettime, 1, "ib"),
    R(timer_getoverrun, 1, "i"), R(timer_delete, 1, "i"), R(timerfd_create, 1, "kc", O_NONBLOCK, O_CLOEXEC | O_NONBLOCK), R(timerfd_settime, 3, "fcVz", 0, 1),
    R(timerfd_gettime, 3, "fb"), R(eventfd2, 1, "ic", O_NONBLOCK, O_NONBLOCK | 1), R(signalfd4, 1, "cM8c", -1, 0, O_NONBLOCK, O_CLOEXEC), R(epoll_create1, 1, "c", 0, O_CLOEXEC), R(epoll_ctl, 4, "fcfE", 1, 1, 2, 3),
    R(epoll_pwait, 4, "fbniM8"), {441, 2, "fbnTM8", {END}} /* epoll_pwait2 */,
    R(clock_gettime, 3, "kb"), R(clock_getres, 2, "kb"), R(clock_nanosleep, 2, "k0Tb"),
    R(sched_setparam, 1, "tz"), R(sched_setscheduler, 1, "tcz", 0, 3, 5), R(sched_getscheduler, 1, "t"), R(sched_getparam, 1, "tb"),
    R(sched_setaffinity, 2, "tcx", 8, 16), R(sched_getaffinity, 2, "tcb", 8, 128), R(sched_yield, 2, ""), R(sched_get_priority_max, 1, "i"),
    R(sched_get_priority_min, 1, "i"), R(sched_rr_get_interval, 1, "tb"), R(kill, 2, "PS"), R(tkill, 2, "tS"), R(tgkill, 3, "PtS"),
    R(sigaltstack, 2, "hz"), R(rt_sigsuspend, 1, "M8"), R(rt_sigaction, 3, "ca08", SIGUSR2, SIGALRM, SIGTERM, 34, 35),
    R(rt_sigprocmask, 3, "iMz8"), R(rt_sigpending, 1, "z8"), R(rt_sigtimedwait, 2, "MbT8"), R(rt_sigqueueinfo, 2, "PSI"),
    R(rt_tgsigqueueinfo, 2, "PtSI"), R(setpriority, 1, "0ti"), R(getpriority, 1, "0t"), R(setregid, 1, "cc", -1, 0), R(setgid, 1, "0"),
    R(setreuid, 1, "cc", -1, 0), R(setuid, 1, "0"), R(setresuid, 1, "ccc", -1, 0), R(getresuid, 1, "zzz"), R(setresgid, 1, "ccc", -1, 0),
    R(getresgid, 1, "zzz"), R(setfsuid, 1, "0"), R(setfsgid, 1, "0"), R(times, 1, "b"), R(setpgid, 1, "00"), R(getpgid, 1, "0"), R(getsid, 1, "0"),
    R(setsid, 1, ""), R(getgroups, 1, "iz"), R(setgroups, 1, "iz"), R(uname, 1, "b"), R(getrusage, 1, "cb", 0, 1, -1), R(umask, 1, "c", 022, 0),
    R(prctl, 2, "cb", 16, 15, 3, 4, 30), R(getcpu, 2, "zz0"), R(gettimeofday, 1, "bb"), R(getpid, 1, ""), R(getppid, 1, ""), R(getuid, 1, ""),
    R(geteuid, 1, ""), R(getgid, 1, ""), R(getegid, 1, ""), R(gettid, 1, ""), R(sysinfo, 1, "b"), R(ioprio_get, 1, "c0", 1, 2, 3), R(ioprio_set, 1, "c0c", 1, 0x4004), R(syslog, 1, "cbs", 3, 10), R(readahead, 1, "fos"), R(brk, 1, "0"),
    R(munmap, 4, "ml"), R(mremap, 3, "mllc0", 1, 0),
    R(clone, 3, "cKWWW", THREAD_FLAGS, THREAD_FLAGS | 0x100000, THREAD_FLAGS | 0x1200000, SIGCHLD, 0x4111 /* vfork */),
    {435, 1, "Cc", {64, 80, 88, END}} /* clone3 */, R(wait4, 3, "czcN", -1, 1), R(waitid, 1, "cizc0", 0, 5, 7),
    R(mmap, 8, "mlccfo", MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, MAP_PRIVATE | MAP_FIXED, 3),
    R(fadvise64, 1, "fosi"), R(mprotect, 4, "mlc", 0, 1, 3, 7), R(msync, 1, "mlc", 4, 2), R(mlock, 1, "ml"), R(munlock, 1, "ml"),
    R(mincore, 1, "mlb"), R(madvise, 2, "mlc", 0, 4, 8), {258, 1, "zn000", {END}} /* riscv_hwprobe */, {259, 1, "bb0", {END}} /* riscv_flush_icache */,
    R(prlimit64, 2, "PcLz", 7, 3, 1, 6), R(getrandom, 1, "bsi"), R(membarrier, 1, "c0", 0, 8, 16), R(copy_file_range, 8, "fOfOs0"),
    R(statx, 2, "dpccb", 0, 0x100, 0x7ff), R(rseq, 1, "zi00"), {436, 1, "ccc", {900, 1000, 4, END}} /* close_range */,
    {439, 1, "dpi0", {END}} /* faccessat2 */, {452, 1, "dpc0", {0644, 0755, END}} /* fchmodat2 */,
    R(getrlimit, 1, "cb", 3, 4, 7), R(setrlimit, 1, "cL", 7), R(mlockall, 1, "c", 1, 2), R(munlockall, 1, ""), R(mlock2, 1, "mlc", 0),
    R(syncfs, 1, "f"), R(execve, 1, "Xgg"), R(execveat, 1, "dXggc", 0, 0x100, 0x1000),
    R(sched_setattr, 1, "tB0"), R(sched_getattr, 1, "tbc0", 48, 56, 100),
    {EMU_IPC, 16, "1123bb", {END}}, {EMU_UTCB, 1, "", {END}},
    R(socket, 2, "cc0", 1, 2, 1 | O_NONBLOCK, 2 | O_NONBLOCK), R(socketpair, 2, "cc0z", 1, 1, 2, 5, 2 | O_NONBLOCK),
    R(bind, 3, "Fqc", 2, 5, 5, 16, 16), R(listen, 2, "Fi"), R(connect, 7, "Fqc", 5, 16), R(accept, 9, "F0"), R(accept4, 9, "FqQc", 0, O_NONBLOCK),
    R(sendto, 5, "Fbscqc", 0, 16, 5, 0x40, 0x4000), R(recvfrom, 4, "FbscqQ", 0, 2, 0x40, 0x20), R(sendmsg, 4, "FYc", 0, 0x40, 0x4000),
    R(recvmsg, 4, "FYc", 0, 2, 0x40, 0x40000000), R(sendmmsg, 2, "FYnc", 0, 0x40), R(recvmmsg, 2, "FYncN", 0, 0x10000, 0x40), R(shutdown, 1, "Fi"),
    R(getsockname, 2, "FqQ"), R(getpeername, 2, "FqQ"), R(getsockopt, 2, "FccbQ", 1, 3, 4, 17, 20), R(setsockopt, 2, "Fccbc", 1, 2, 16, 7, 20),
};

enum { ROWS = sizeof grammar / sizeof *grammar };
static int total_weight;

static int may_wait(long number) {
    switch (number) {
    case SYS_read: case SYS_readv: case SYS_write: case SYS_writev: case SYS_ppoll: case SYS_pselect6: case SYS_futex:
    case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_rt_sigsuspend: case SYS_rt_sigtimedwait: case SYS_sendfile:
    case SYS_accept: case SYS_accept4: case SYS_connect: case SYS_sendto: case SYS_recvfrom: case SYS_sendmsg: case SYS_recvmsg:
    case SYS_sendmmsg: case SYS_recvmmsg: return 1;
    case SYS_openat: case SYS_epoll_pwait: case 441: case SYS_wait4: case SYS_waitid: case SYS_flock: case SYS_fcntl: case SYS_execve: case SYS_execveat: return 1;
    default: return number >= NATIVE;
    }
}

static int is_forbidden(long number, const long *v) {
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_rt_sigreturn: case SYS_chroot:
        return 1; /* ends the thread, or makes all names fail */
    case SYS_kill: case SYS_tkill: return (int)v[1] == SIGKILL || (int)v[1] == SIGSTOP || (int)v[0] == -1;
    case SYS_tgkill: case SYS_rt_tgsigqueueinfo: return (int)v[2] == SIGKILL || (int)v[2] == SIGSTOP;
    case SYS_rt_sigqueueinfo: return (int)v[1] == SIGKILL || (int)v[1] == SIGSTOP;
    case SYS_rt_sigaction: return (int)v[0] == SIGUSR1 || ((int)v[0] >= SIGILL && (int)v[0] <= SIGSEGV);
    case SYS_setuid: case SYS_setreuid: case SYS_setresuid: return (int)v[0] > 0 || (int)v[1] > 0 || (int)v[2] > 0;
    case EMU_EXCLUSIVE: return v[0] != 0; /* others would rightly have no CPU */
    case EMU_SUSPEND_SYNC: case EMU_SUSPEND_ASYNC: return (int)v[0] == own_pid; /* the poker */
    case EMU_THREAD_CONTROL: /* its tid may be in the words that v[1] points to */
        return v[0] == EMU_THREAD_SUSPEND || v[0] == EMU_THREAD_DESTROY || v[0] == EMU_THREAD_RECYCLE;
    default: return 0;
    }
}

void handler(int number, siginfo_t *info, void *context) { (void)number, (void)info, (void)context; }

static void print_counts(void) {
    static char line[64];
    for (int k = 0; k < NUMBERS + NATIVES; k++)
        if (attempts[k]) {
            int number = k < NUMBERS ? k : NATIVE + k - NUMBERS;
            snprintf(line, sizeof line, "call %d %d %d\n", number, attempts[k], successes[k]);
            emu_print(line);
        }
}

static void hurt(int number, siginfo_t *info, void *context) {
    static int once;
    (void)number, (void)info, (void)context;
    if (__atomic_exchange_n(&once, 1, __ATOMIC_SEQ_CST)) for (;;) pause(); /* another thread prints already */
    print_counts();
    _exit(5);
}

static void unblock(void) {
    static const uint64_t none;
    long v[6] = {SIG_SETMASK, (long)&none, 0, 8, 0, 0};
    raw(SYS_rt_sigprocmask, v);
}

static void one_call(struct worker *w) {
    long v[6], number;
    if (below(w, 16) == 0) { /* any number, any words */
        number = below(w, 12) ? below(w, NUMBERS) : NATIVE + below(w, NATIVES);
        for (int k = 0; k < 6; k++) v[k] = below(w, 2) ? wild(w) : plausible(w, "fpbztU"[below(w, 6)], &grammar[0]);
        if (number == EMU_PRINT && below(w, 50)) v[0] = (long)""; /* others end the program */
        if (number == SYS_munmap || number == SYS_mprotect || number == SYS_mremap || number == SYS_mmap ||
            number == SYS_madvise || number == SYS_remap_file_pages || number == SYS_clone)
            if (below(w, 50)) { /* hits the program itself now and then only */
                v[0] = plausible(w, 'm', &grammar[0]);
                v[1] = v[2] = below(w, 2) ? plausible(w, 'l', &grammar[0]) : wild_size(w);
            }
    } else if (below(w, 40) == 0) { /* the native calls */
        number = NATIVE + below(w, NATIVES);
        for (int k = 0; k < 6; k++) v[k] = plausible(w, "tUiT0z"[below(w, 6)], &grammar[0]);
        if (number == NATIVE) v[0] = (long)"";
    } else {
        long at = below(w, total_weight);
        const row *r = grammar;
        while ((at -= r->weight) >= 0) r++;
        number = r->number;
        int wild_one = below(w, 4) == 0 ? (int)below(w, 6) : -1;
        size_t n = strlen(r->arguments);
        for (int k = 0; k < 6; k++) {
            v[k] = (size_t)k < n ? plausible(w, r->arguments[k], r) : 0;
            if (k != wild_one || number == SYS_clone) continue;
            if (r->arguments[0] != 'm') v[k] = wild(w);
            else if (k > 0 && k < 3) v[k] = wild_size(w);
        }
    }
    if (is_forbidden(number, v)) return;
    if (may_wait(number)) unblock();
    int slot = number >= NATIVE ? NUMBERS + (int)(number - NATIVE) : (int)number;
    w->in_call = (int)number;
    long result;
    if (number == SYS_clone || number == 435) result = raw_clone(number, v);
    else if (number == SYS_execve || number == SYS_execveat) result = raw_exec(w, number, v, below(w, 2));
    else result = raw(number, v);
    w->in_call = -1;
    w->calls++;
    __atomic_add_fetch(&attempts[slot], 1, __ATOMIC_RELAXED);
    int ended = number == SYS_rt_sigsuspend && result == -EINTR; /* as it has to */
    if (ended || (unsigned long)result < -4095UL) __atomic_add_fetch(&successes[slot], 1, __ATOMIC_RELAXED);
}

/* A socket with one of a few names, which listens where it can, and to which another has connected. */
static void named_socket(struct worker *w, int fd) {
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM};
    long address = plausible(w, 'q', &grammar[0]);
    if (address == 0) return;
    int family = *(short *)address;
    if (socket(family, types[below(w, 4)] | O_NONBLOCK, 0) != fd) return;
    socklen_t size = family == AF_UNIX ? 5 : 16;
    (void)!bind(fd, (struct sockaddr *)address, size);
    if (listen(fd, 3) != 0) return;
    int type, other;
    size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    size = family == AF_UNIX ? 5 : 16;
    if ((other = socket(family, type | O_NONBLOCK, 0)) < 0) return;
    (void)!connect(other, (struct sockaddr *)address, size);
    close(other); /* it can be accepted all the same */
}

/* A file that begins as a program does, some bytes changed, and a script whose interpreter is perhaps no program. */
static void hostile_programs(struct worker *w) {
    static const char *const lines[] = {"#!/proc/self/exe child\n", "#!script\n", "#!", "#!nowhere\n", "#! d x\n"};
    char head[512];
    int own = open("/proc/self/exe", O_RDONLY);
    long n = read(own, head, sizeof head);
    close(own);
    for (long k = below(w, 4); k > 0 && n > 0; k--) head[below(w, n)] = (char)draw(w);
    int fd = open("x", O_WRONLY | O_CREAT | O_NONBLOCK, 0755);
    (void)!write(fd, head, n > 0 ? below(w, n) + 1 : 0);
    close(fd);
    const char *line = lines[below(w, sizeof lines / sizeof *lines)];
    fd = open("script", O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0755);
    (void)!write(fd, line, strlen(line));
    close(fd);
}

static void handle(int number) {
    int fatal = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGTRAP;
    long action[4] = {(long)(fatal ? hurt : handler), SA_SIGINFO | (fatal ? SA_ONSTACK : 0), 0, 0};
    long v[6] = {number, (long)action, 0, 8, 0, 0};
    raw(SYS_rt_sigaction, v);
}

/* The memory, the handlers, the descriptors and the priority that calls have taken away are put back. */
static void restore(struct worker *w) {
    static const int sent[] = {SIGUSR2, SIGALRM, SIGTERM, 34, 35, 36, 40, 64};
    for (size_t k = 0; k < sizeof sent / sizeof *sent; k++) handle(sent[k]);
    long v[6] = {(long)page(w, GROUND_PAGES / 2), GROUND_PAGES / 2 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0};
    raw(SYS_mmap, v);
    unblock(); /* a name may be that of a FIFO, and to open it may wait */
    long reset[6] = {0, 0, 0, 0, 0, 0};
    raw(SYS_set_robust_list, reset);
    raw(SYS_umask, reset);
    raw(SYS_setpriority, reset); /* who is very nice beside those who are not has no CPU for many seconds, rightly */
    reset[2] = (long)&(int){0};
    raw(SYS_sched_setscheduler, reset);
    (void)!chdir("/tmp/fuzz");
    mkdir("d", 0755), mkdir("e", 0755);
    (void)!symlink("d", "l");
    hostile_programs(w);
    close(open("a", O_RDWR | O_CREAT, 0644)), close(open("d/a", O_RDWR | O_CREAT, 0644));
    for (int fd = 3; fd < 22; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        int pair[2];
        if (fd >= 20) {
            syscall(SYS_mq_open, names[below(w, 6)], O_CREAT | O_RDWR | O_NONBLOCK, 0600, 0);
            continue;
        }
        long kind = fd < 16 ? below(w, 11) : below(w, 4) ? 6 : 5, arguments[6] = {below(w, 3), O_NONBLOCK};
        if (kind < 2) (void)!pipe2(pair, O_NONBLOCK);
        else if (kind == 2) raw(SYS_eventfd2, arguments);
        else if (kind == 3) arguments[0] = 0, raw(SYS_epoll_create1, arguments);
        else if (kind == 4) arguments[0] = 1, raw(SYS_timerfd_create, arguments);
        else if (kind == 5) (void)!socketpair(AF_UNIX, SOCK_STREAM + (int)below(w, 2) + (below(w, 2) ? O_NONBLOCK : 0), 0, pair);
        else if (kind == 6) named_socket(w, fd);
        else if (kind == 7) (void)!open("d", O_RDONLY | O_DIRECTORY);
        else (void)!open(names[below(w, 6)], below(w, 2) ? O_RDWR : O_RDONLY);
    }
}

static void *work(void *argument) {
    struct worker *w = argument;
    stack_t alternate = {.ss_sp = w->alternate, .ss_size = 16384};
    sigaltstack(&alternate, 0);
    w->tid = (int)syscall(SYS_gettid);
    for (long k = 0; k < calls_each; k++) {
        if (k % 256 == 0) restore(w);
        one_call(w);
    }
    unblock();
    w->in_call = -2; /* done */
    for (;;) pause();
    return 0;
}

/* Interrupts whatever waits, and now and then what does not, lets go what is suspended, and watches for threads that
   are stuck all the same. */
static int poke(void) {
    struct worker w = {.random = 0x9e3779b97f4a7c15ULL};
    long before[MAX_WORKERS] = {0};
    int idle_ms[MAX_WORKERS] = {0};
    for (;;) {
        struct timespec ms = {0, 1000000};
        nanosleep(&ms, 0);
        int busy = 0;
        for (int k = 0; k < nr_workers; k++) {
            struct worker *other = &workers[k];
            if (other->in_call == -2 || other->tid == 0) {
                busy += other->tid == 0;
                continue;
            }
            busy++;
            idle_ms[k] = other->calls == before[k] ? idle_ms[k] + 1 : 0;
            before[k] = other->calls;
            if (idle_ms[k] % WAIT_MS != WAIT_MS - 1 && below(&w, 64)) continue; /* or signals would be all that is done */
            long v[6] = {own_pid, other->tid, SIGUSR1, 0, 0, 0};
            if (below(&w, 16) == 0) v[2] = 34 + below(&w, 2);
            raw(SYS_tgkill, v);
            emu_sched_resume_async(other->tid);
            if (idle_ms[k] > STUCK_MS) {
                static char line[128];
                long asked[6] = {0, other->tid, 0, 0, 0, 0};
                long nice = 20 - raw(SYS_getpriority, asked);
                snprintf(line, sizeof line, "stuck in call %d after %ld calls, nice %ld\n", other->in_call,
                         other->calls, nice);
                emu_print(line);
                return 3;
            }
        }
        if (busy == 0) return 0;
    }
}

int main(int argc, char **argv) {
    if (!on_emu()) return 6;
    if (argc > 1 && strcmp(argv[1], "child") == 0) return 0; /* executed by raw_exec */
    if (argc != 4) return 2;
    uint64_t seed = strtoull(argv[1], 0, 0);
    nr_workers = atoi(argv[3]);
    calls_each = atol(argv[2]) / nr_workers;
    own_pid = getpid();
    for (int k = 0; k < ROWS; k++) total_weight += grammar[k].weight;
    mkdir("/tmp/fuzz", 0755);
    (void)!chdir("/tmp/fuzz");
    if (seed % 8) /* else the host's own streams are read and written too */
        for (int fd = 0; fd < 3; fd++) dup2(open("/dev/null", O_RDWR), fd);
    make_targets();
    for (int number = 1; number <= 64; number++) handle(number);
    for (int k = 0; k < nr_workers; k++) {
        struct worker *w = &workers[k];
        sow(w, seed, (uint64_t)k);
        w->in_call = -1;
        w->ground = new_ground(1);
        w->stack = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        w->alternate = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pthread_t thread;
        if (pthread_create(&thread, 0, work, w)) return 4;
    }
    int status = poke();
    print_counts();
    _exit(status);
}
