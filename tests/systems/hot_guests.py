"""C guests with hot code, for tests of the translator. Each exits with 0 when all was as it should be."""

MAPPINGS = r"""
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
/* A page P that the main thread maps, protects, discards, moves and forks, step by step, and that a hot loop uses: its
   own (alone) or that of a thread on another CPU (beside). `step` is odd while something changes. */
enum { VALUES = 8, TURNS = 60 };
static volatile int SAFE = 20;
static volatile long safe[TURNS];     /* used first: where a loop begins, it may still be interpreted */
static volatile long *P;
static atomic_long step;
static long value;                    /* P's first word in the present step */
static int may_load = 1, may_store = 1;
static atomic_long checked, wrong, stopping;
static _Thread_local sigjmp_buf at;
static _Thread_local volatile int armed;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    if (!armed || (char *)info->si_addr < (char *)P || (char *)info->si_addr >= (char *)P + 4096) _exit(90);
    armed = 0;
    siglongjmp(at, signal);
}
static long __attribute__((noinline)) loads(volatile long *page) {
    long first = -3;
    for (int k = 0; k < TURNS; k++) {
        long word = (k < SAFE ? safe : page)[0];
        if (k == SAFE) first = word;
        if (k > SAFE && word != first) return -2;
    }
    return first;
}
static void __attribute__((noinline)) stores(volatile long *page, long word) {
    for (int k = 1; k < TURNS; k++) (k < SAFE ? safe : page)[k] = word;
}
/* Look at P once: 1 when nothing changed meanwhile and all was as expected, 0 when something changed, -1 wrong. */
static int look(void) {
    long before = atomic_load(&step), word = -1;
    int loaded = 0, stored = 0;
    if (before & 1) return 0;
    if (sigsetjmp(at, 1) == 0) { armed = 1; word = loads(P); armed = 0; loaded = 1; }
    if (sigsetjmp(at, 1) == 0) { armed = 1; stores(P, before); armed = 0; stored = 1; }
    long expected = value;
    int load = may_load, store = may_store;
    if (atomic_load(&step) != before) return 0;
    if (loaded != load || stored != store || (loaded && word != expected)) {
        printf("step %ld: loads %d, %ld, expected %d, %ld; stores %d, expected %d\n", before, loaded, word, load,
               expected, stored, store);
        return -1;
    }
    return 1;
}
static void *looker(void *cpu) {
    pin((long)cpu);
    while (!atomic_load(&stopping)) {
        int found = look();
        if (found > 0) atomic_fetch_add(&checked, 1);
        if (found < 0) atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}
static void *fresh(long first) {
    volatile long *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = first;
    return (void *)page;
}
static int change(long round) {
    switch (round % VALUES) {
    case 0: mremap(fresh(round), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)P);
            value = round; may_load = may_store = 1; break;
    case 1: mprotect((void *)P, 4096, PROT_READ); may_store = 0; break;
    case 2: mprotect((void *)P, 4096, PROT_NONE); may_load = 0; break;
    case 3: mprotect((void *)P, 4096, PROT_READ | PROT_WRITE); may_load = may_store = 1; break;
    case 4: madvise((void *)P, 4096, MADV_DONTNEED); value = 0; break;
    case 5: munmap((void *)P, 4096); may_load = may_store = 0; break;
    case 6: mmap((void *)P, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            P[0] = value = round; may_load = may_store = 1; break;
    case 7: {
        int status;
        long old = P[0];
        pid_t child = fork();
        if (child == 0) {  /* its page is its own from the first store on, whoever stores first */
            for (int k = 0; k < 300; k++) if (loads(P) != old) _exit(1);
            P[0] = -round;
            for (int k = 0; k < 300; k++) if (loads(P) != -round) _exit(2);
            _exit(0);
        }
        P[0] = value = round;
        if (waitpid(child, &status, 0) != child || status != 0) { printf("child: %x\n", status); return 1; }
        break;
    }
    }
    return 0;
}
int main(int count, char **arguments) {
    long rounds = atol(arguments[2]);
    int beside = arguments[1][0] == 'b';
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    pthread_t other;
    (void)count;
    sigaction(SIGSEGV, &action, NULL);
    P = fresh(value = 77);
    pin(0);
    if (beside) pthread_create(&other, NULL, looker, (void *)1);
    for (int k = 0; k < 3000 && !beside; k++) if (look() != 1) return 2;
    for (long round = 0; round < rounds; round++) {
        atomic_fetch_add(&step, 1);
        if (change(round)) return 3;
        atomic_fetch_add(&step, 1);
        long enough = atomic_load(&checked) + 3;
        if (beside) while (atomic_load(&checked) < enough && !atomic_load(&wrong)) sched_yield();
        else for (int k = 0; k < 20; k++) if (look() != 1) return 4;
    }
    atomic_store(&stopping, 1);
    if (beside) pthread_join(other, NULL);
    return atomic_load(&wrong) ? 5 : 0;
}
"""

REWRITTEN = r"""
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
/* Code that is written, run until it is hot, and rewritten: by the thread that runs it (alone), through another mapping
   of its page (alias), or by a thread on another CPU (beside). */
typedef long (*code)(long sum, long turns);
static void __attribute__((noinline)) emit(volatile unsigned *at, unsigned step) {
    static const unsigned loop[] = {0x00050513, 0xFFF58593, 0xFE059CE3, 0x00008067};
    for (int k = 3; k >= 0; k--) at[k] = loop[k] | (k == 0 ? step << 20 : 0);
}
static void flush(void) { syscall(259, 0, -1, 0); }
static int alone(volatile unsigned *written, code run, int aliased) {
    for (unsigned round = 0; round < 60; round++) {
        unsigned step = round * 37 % 2000 + 1;
        emit(written, step);
        if (round & 1) __asm__ volatile("fence.i" ::: "memory"); else flush();
        for (int turns = 1; turns < 20000; turns *= 3)
            if (run(5, turns) != 5 + (long)turns * step) return 10 + aliased;
        written[0] = 0x00050513 | (step + 7) << 20;  /* one instruction of a hot loop */
        __asm__ volatile("fence.i" ::: "memory");
        if (run(0, 1000) != 1000L * (step + 7)) return 12 + aliased;
    }
    return 0;
}
/* Fresh pages, stored to by hot code first, then code. */
static int fresh_pages(void) {
    for (unsigned round = 0; round < 60; round++) {
        int prot = PROT_READ | PROT_WRITE | PROT_EXEC;
        volatile unsigned *page = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int k = 0; k < 4096 / 16; k++) emit(page + 4 * k, round + 1);
        flush();
        for (int k = 0; k < 4096 / 16; k += 51) if (((code)(page + 4 * k))(0, 30) != 30L * (round + 1)) return 30;
        for (int k = 0; k < 4096 / 16; k++) emit(page + 4 * k, round + 2);
        flush();
        for (int k = 0; k < 4096 / 16; k += 51) if (((code)(page + 4 * k))(0, 30) != 30L * (round + 2)) return 31;
        if (round % 3) munmap((void *)page, 4096);
    }
    return 0;
}
enum { STEPS = 150 };
static volatile unsigned *shared;
static atomic_long newest, done;
static void *writer(void *cpu) {
    pin((long)cpu);
    for (long step = 1; step <= STEPS; step++) {
        shared[0] = 0x00050513 | (unsigned)step << 20;
        flush();
        atomic_store(&newest, step);
        while (atomic_load(&done) < step) sched_yield();
    }
    return NULL;
}
static int beside(void) {
    pthread_t other;
    long seen = 0;
    emit(shared, 0);
    flush();
    pthread_create(&other, NULL, writer, (void *)1);
    while (seen < STEPS) {
        long before = atomic_load(&newest);
        long sum = ((code)shared)(0, 400), after = atomic_load(&newest);
        if (sum < 400 * before || sum > 400 * (after + 1)) return 40;
        seen = before;
        atomic_store(&done, before);
    }
    pthread_join(other, NULL);
    return 0;
}
int main(int count, char **arguments) {
    (void)count;
    pin(0);
    int file = open("/dev/shm/code", O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, 8192) != 0) return 8;
    shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, file, 0);
    if (arguments[1][0] == 'b') return beside();
    if (arguments[1][0] == 'f') return fresh_pages();
    if (arguments[1][0] == 'o') return alone(shared, (code)shared, 0);
    void *alias = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    if (alias == MAP_FAILED) return 9;
    return alone(shared, (code)alias, 1);
}
"""

EXECUTED = r"""
#include <string.h>
/* STEP and OTHER differ between two programs that execute each other, at the same addresses. */
static long __attribute__((noinline)) hot(long turns) {
    long sum = 0;
    for (volatile long k = 0; k < turns; k++) sum = sum * 3 + STEP;
    return sum;
}
int main(int count, char **arguments) {
    long left = atol(arguments[1]), expected = 0;
    char text[16];
    (void)count;
    for (int k = 0; k < 40000; k++) expected = expected * 3 + STEP;
    for (int k = 0; k < 3; k++) if (hot(40000) != expected) return 2;
    if (left == 0) return 0;
    snprintf(text, sizeof text, "%ld", left - 1);
    execl(arguments[2], arguments[2], text, arguments[3], arguments[2], NULL);
    return 3;
}
"""

SIGNALLED = r"""
#include <signal.h>
#include <string.h>
#include <sys/time.h>
/* Hot loops under signals whose handler clobbers all that it may: registers are as if nothing had happened. */
static atomic_long handled;
static void handler(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info, (void)context;
    __asm__ volatile(
        "li t0,-1\n li t1,-1\n li t2,-1\n li t3,-1\n li t4,-1\n li t5,-1\n li t6,-1\n li a0,-1\n li a1,-1\n li a2,-1\n"
        "li a3,-1\n li a4,-1\n li a5,-1\n li a6,-1\n li a7,-1\n"
        "li s2,-1\n li s3,-1\n li s4,-1\n li s5,-1\n li s6,-1\n li s7,-1\n"
        "li s8,-1\n li s9,-1\n li s10,-1\n li s11,-1\n"
        "fcvt.d.l ft0,t0\n fmv.d ft1,ft0\n fmv.d ft2,ft0\n fmv.d fa0,ft0\n fmv.d fa1,ft0\n"
        "fmv.d fs2,ft0\n fmv.d fs3,ft0\n"
        "fsflags zero\n"
        ::: "t0","t1","t2","t3","t4","t5","t6","a0","a1","a2","a3","a4","a5","a6","a7","s2","s3","s4","s5","s6","s7",
        "s8","s9","s10","s11","ft0","ft1","ft2","fa0","fa1","fs2","fs3","memory");
    atomic_fetch_add(&handled, 1);
}
static unsigned long __attribute__((noinline)) mix(long turns) {
    unsigned long a = 1, b = 2, c = 3, d = 5, e = 7, f = 11, g = 13, h = 17;
    double x = 1.5, y = 0.25, z = 3.0;
    for (long k = 0; k < turns; k++) {
        a += b ^ k, b = b << 3 | c >> 5, c ^= d + a, d = d * 5 + e, e += f, f ^= g << 1, g += h, h = h * 3 + 1;
        x = x * 0.999 + y, y = y * 0.5 + z, z = z * 0.75 + 1.0 / (1.0 + x);
    }
    unsigned long bits;
    memcpy(&bits, &x, 8);
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ bits;
}
static pthread_t target;
static atomic_int stop;
static void *sender(void *cpu) {
    pin((long)cpu);
    while (!atomic_load(&stop)) { pthread_kill(target, SIGUSR1); nap(300); }
    return NULL;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval every = {{0, 700}, {0, 700}};
    pthread_t other;
    int wrong = 0;
    pin(0);
    target = pthread_self();
    unsigned long expected = mix(30000);
    sigaction(SIGALRM, &action, NULL), sigaction(SIGUSR1, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    pthread_create(&other, NULL, sender, (void *)1);
    while (atomic_load(&handled) < 200) wrong += mix(30000) != expected;
    atomic_store(&stop, 1);
    pthread_join(other, NULL);
    return wrong ? 1 : 0;
}
"""

ORDERED = r"""
/* Message passing, store buffering, coherence and totals, on CPUs of their own, in hot loops. */
enum { TURNS = 60000 };
static _Alignas(4096) volatile long X; static _Alignas(4096) volatile long Y; static _Alignas(4096) atomic_long added;
static _Alignas(4096) long reserved; static _Alignas(4096) int narrow; static _Alignas(4096) atomic_long arrived;
static long seen[2][TURNS + 1];
static int shape;
static long wrong[4];
static void meet(int number) {
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < number) ;
}
static void add_reserved(long *word) {
    long old, failed;
    do __asm__ volatile("lr.d %0,(%2)\n addi %0,%0,1\n sc.d %1,%0,(%2)"
                        : "=&r"(old), "=&r"(failed) : "r"(word) : "memory");
    while (failed);
}
static void *play(void *argument) {
    long me = (long)argument;
    pin(me);
    meet(shape == 3 ? 4 : 2);
    if (shape == 0 && me == 0)
        for (long k = 1; k <= TURNS; k++) { X = k; __asm__ volatile("fence w,w" ::: "memory"); Y = k; }
    else if (shape == 0)
        for (long k = 1; k <= TURNS; k++) {
            long flag = Y; __asm__ volatile("fence r,r" ::: "memory"); long message = X;
            wrong[me] += message < flag;
        }
    else if (shape == 1)
        for (long k = 1; k <= TURNS; k++) {
            if (me) Y = k; else X = k;
            __asm__ volatile("fence rw,rw" ::: "memory");
            seen[me][k] = me ? X : Y;
        }
    else if (shape == 2 && me == 0)
        for (long k = 1; k <= TURNS; k++) X = k;
    else if (shape == 2)
        for (long k = 1, last = 0; k <= TURNS; k++) { long now = X; wrong[me] += now < last; last = now; }
    else
        for (long k = 1; k <= TURNS / 4; k++) {
            atomic_fetch_add(&added, 1);
            add_reserved(&reserved);
            __atomic_fetch_add(&narrow, 1, __ATOMIC_RELAXED);
        }
    return NULL;
}
int main(void) {
    pthread_t threads[4];
    for (shape = 0; shape < 4; shape++) {
        int number = shape == 3 ? 4 : 2;
        X = Y = 0, atomic_store(&arrived, 0);
        for (long k = 0; k < number; k++) pthread_create(&threads[k], NULL, play, (void *)k);
        for (int k = 0; k < number; k++) pthread_join(threads[k], NULL);
        if (shape == 1)
            for (long k = 1; k <= TURNS; k++)  /* the other's store after the one that was seen did not see this one */
                if (seen[0][k] < TURNS && seen[1][seen[0][k] + 1] < k) return 20;
    }
    if (wrong[1]) return 21;
    return added == TURNS && reserved == TURNS && narrow == TURNS ? 0 : 22;
}
"""

MANY = r"""
/* Many functions, hot one after the other, again and again, and one that is hot all the time, on another CPU. */
#define ONE(n) static long __attribute__((noinline)) f##n(volatile long *w, long turns) { \
    long s = n; \
    for (long k = 0; k < turns; k++) { s = s * (2 * n + 1) + w[k & 63]; w[(k + n) & 63] = s; if (s & 1) s += n; } \
    return s; }
#define TEN(n) ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) ONE(n##8) ONE(n##9)
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6)
#define NAME(n) f##n,
#define FIVE(n, a, b, c, d, e) NAME(n##a) NAME(n##b) NAME(n##c) NAME(n##d) NAME(n##e)
#define NAMES(n) FIVE(n, 0, 1, 2, 3, 4) FIVE(n, 5, 6, 7, 8, 9)
static long (*const all[])(volatile long *, long) = {NAMES(1) NAMES(2) NAMES(3) NAMES(4) NAMES(5) NAMES(6)};
static long rounds, turns;
static void *play(void *argument) {
    static _Thread_local long words[64];
    unsigned long sum = (long)argument;
    for (int k = 0; k < 64; k++) words[k] = k;
    for (long r = 0; r < rounds; r++)
        for (int k = 0; k < 60; k++) sum = sum * 31 + (unsigned long)all[argument ? k : 0](words, turns);
    return (void *)sum;
}
int main(int count, char **arguments) {
    pthread_t threads[2];
    void *sums[2];
    (void)count;
    rounds = atol(arguments[1]), turns = atol(arguments[2]);
    for (long k = 0; k < 2; k++) pthread_create(&threads[k], NULL, play, (void *)k);
    for (int k = 0; k < 2; k++) pthread_join(threads[k], &sums[k]);
    printf("%lx %lx\n", (long)sums[0], (long)sums[1]);
    return 0;
}
"""
