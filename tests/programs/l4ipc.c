/* Messages between threads (cz-7) and UTCBs (cz-13): each line of emu_ipc.h, in both orders of sender and receiver.
 * `l4ipc exec`: what the program executes to see that it has no UTCB then. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "check.h"

enum { PAGE = 4096, MOST = EMU_EXTENDED_BYTES, FOR_EVER = -1, MS = 1000000 };

static void nap(void) {
    struct timespec time = {0, 100000};
    nanosleep(&time, NULL);
}

static int gettid_(void) { return (int)syscall(SYS_gettid); }

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static long raw(long to, long from, long flags, long timeout_ns, long out, long in) {
    register long a7 __asm__("a7") = EMU_IPC;
    register long a0 __asm__("a0") = to;
    register long a1 __asm__("a1") = from;
    register long a2 __asm__("a2") = flags;
    register long a3 __asm__("a3") = timeout_ns;
    register long a4 __asm__("a4") = out;
    register long a5 __asm__("a5") = in;
    register long a6 __asm__("a6") = 0;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1), "+r"(a6) : "r"(a7), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory", "t0", "t1", "t2", "t3", "t4", "t5");
    return a0;
}

static struct emu_message with(long first) {
    struct emu_message message = {.bytes = 77, .sent = 77};
    for (int k = 0; k < 6; k++) message.mr[k] = first + k;
    return message;
}

static int has(const struct emu_message *message, long first) {
    for (int k = 0; k < 6; k++)
        if (message->mr[k] != first + k) return 0;
    return 1;
}

static long send_to(int to, long first) {
    struct emu_message message = with(first);
    return emu_ipc(to, EMU_NILTHREAD, 0, FOR_EVER, &message);
}

/* --- a thread that makes one call, and stays until it is told to leave ------------------------------------------- */

struct peer {
    int to, from;
    long flags, timeout_ns;
    struct emu_message message;
    int wants_utcb, leaves;
    pthread_t thread;
    char *utcb;
    atomic_int tid, done, leave;
    long result;
};

static void *run_peer(void *argument) {
    struct peer *p = argument;
    if (p->wants_utcb) {
        p->utcb = emu_utcb();
        CHECK((long)p->utcb > 0);
        memset(p->utcb, p->wants_utcb, EMU_UTCB_BYTES);
    }
    atomic_store(&p->tid, gettid_());
    p->result = emu_ipc(p->to, p->from, p->flags, p->timeout_ns, &p->message);
    atomic_store(&p->done, 1);
    while (!p->leaves && !atomic_load(&p->leave)) nap();
    return argument;
}

static void start(struct peer *p) {
    CHECK(pthread_create(&p->thread, NULL, run_peer, p) == 0);
    while (!atomic_load(&p->tid)) nap();
}

/* Wait until a thread sleeps. It is known to be about to: between its last store and its call it cannot sleep elsewhere. */
static void until_asleep(int task, int tid) {
    char path[64], text[512], *state;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", task, tid);
    for (;; nap()) {
        int file = open(path, O_RDONLY);
        CHECK(file >= 0);
        ssize_t n = read(file, text, sizeof text - 1);
        close(file);
        CHECK(n > 0);
        text[n] = 0;
        state = strrchr(text, ')') + 2;
        if (*state == 'S') return;
    }
}

static void start_asleep(struct peer *p) {
    start(p);
    until_asleep(getpid(), p->tid);
    CHECK(!atomic_load(&p->done));
}

static long finish(struct peer *p) {
    while (!atomic_load(&p->done)) nap();
    atomic_store(&p->leave, 1);
    CHECK(pthread_join(p->thread, NULL) == 0);
    return p->result;
}

static struct peer sender(int to, long first) {
    return (struct peer){.to = to, .timeout_ns = FOR_EVER, .message = with(first)};
}

static struct peer receiver(int from) {
    return (struct peer){.from = from, .timeout_ns = FOR_EVER, .message = with(0)};
}

/* --- registers, order, names ----------------------------------------------------------------------------------------- */

static void message_registers(void) {
    int me = gettid_();
    struct peer r = receiver(EMU_ANYTHREAD);
    start_asleep(&r);
    struct emu_message m = with(100);
    CHECK(emu_ipc(r.tid, EMU_NILTHREAD, 0, FOR_EVER, &m) == 0 && m.sent == 1 && m.bytes == 0 && has(&m, 100));
    CHECK(finish(&r) == me && has(&r.message, 100) && r.message.bytes == 0 && r.message.sent == 0);

    struct peer s = sender(me, 200);
    start_asleep(&s);
    m = with(0);
    CHECK(emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, FOR_EVER, &m) == s.tid && has(&m, 200) && m.sent == 0);
    CHECK(finish(&s) == 0 && s.message.sent == 1 && has(&s.message, 200));
    m = with(0);
    CHECK(emu_ipc(EMU_NILTHREAD, EMU_NILTHREAD, 0, FOR_EVER, &m) == 0 && m.sent == 0 && has(&m, 0)); /* nothing at all */
}

/* Answers each message with its registers + 1000, and takes the next one in the same call, until one says 0. */
static void *serve(void *argument) {
    struct emu_message m = with(0);
    atomic_store((atomic_int *)argument, gettid_());
    long client = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, FOR_EVER, &m);
    while (m.mr[0] != 0) {
        CHECK(client > 0);
        for (int k = 0; k < 6; k++) m.mr[k] += 1000;
        client = emu_ipc((int)client, EMU_ANYTHREAD, EMU_REPLY, FOR_EVER, &m);
        CHECK(m.sent == 1); /* the client waits for it, since it calls */
    }
    return NULL;
}

struct calls {
    pthread_t thread;
    int server;
    long first;
};

static void *call_often(void *argument) {
    struct calls *c = argument;
    for (long k = 1; k <= 200; k++) {
        struct emu_message m = with(c->first + k);
        CHECK(emu_ipc(c->server, c->server, 0, FOR_EVER, &m) == c->server);
        CHECK(has(&m, c->first + k + 1000) && m.sent == 1);
    }
    return NULL;
}

static void calls_and_replies(void) {
    atomic_int server = 0;
    pthread_t thread;
    struct calls clients[3];
    CHECK(pthread_create(&thread, NULL, serve, &server) == 0);
    while (!atomic_load(&server)) nap();
    for (int k = 0; k < 3; k++) {
        clients[k] = (struct calls){.server = server, .first = 10000 * (k + 1)};
        CHECK(pthread_create(&clients[k].thread, NULL, call_often, &clients[k]) == 0);
    }
    for (int k = 0; k < 3; k++) CHECK(pthread_join(clients[k].thread, NULL) == 0);
    CHECK(send_to(server, 0) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void named_senders(void) {
    int me = gettid_();
    struct peer s[4];
    struct emu_message m = with(0);
    for (int k = 0; k < 4; k++) { /* in the order of arrival */
        s[k] = sender(me, 100 * (k + 1));
        start_asleep(&s[k]);
    }
    int order[] = {2, 0, 1, 3};
    CHECK(emu_ipc(0, s[2].tid, 0, FOR_EVER, &m) == s[2].tid && has(&m, 300));
    CHECK(!atomic_load(&s[0].done) && !atomic_load(&s[1].done) && !atomic_load(&s[3].done));
    for (int k = 1; k < 4; k++)
        CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, FOR_EVER, &m) == s[order[k]].tid && has(&m, 100 * (order[k] + 1)));
    for (int k = 0; k < 4; k++) CHECK(finish(&s[k]) == 0);

    struct peer wanted = sender(0, 500), r = receiver(me), other;
    start_asleep(&r); /* it waits for this thread alone */
    other = sender(r.tid, 600);
    start_asleep(&other);
    m = with(0);
    CHECK(emu_ipc(r.tid, 0, EMU_REPLY, FOR_EVER, &m) == 0 && m.sent == 1);
    CHECK(finish(&r) == me && has(&r.message, 0));
    CHECK(finish(&other) == -ESRCH && other.message.sent == 0); /* r has left without it */

    r = receiver(me);
    start_asleep(&r);
    wanted.to = r.tid, wanted.flags = EMU_REPLY; /* r waits, but not for that thread */
    start(&wanted);
    CHECK(finish(&wanted) == -EAGAIN && !atomic_load(&r.done));
    CHECK(send_to(r.tid, 700) == 0 && finish(&r) == me && has(&r.message, 700));
}

/* --- full and extended ------------------------------------------------------------------------------------------------ */

static void fill(char *at, long size, int seed) {
    for (long k = 0; k < size; k++) at[k] = (char)(seed + k * 7);
}

static int is_filled(const char *at, long size, int seed) {
    for (long k = 0; k < size; k++)
        if (at[k] != (char)(seed + k * 7)) return 0;
    return 1;
}

/* One message of so many bytes, from one address to another; the receiver comes first, or the sender. */
static void one_extended(char *out, char *in, long size, long room, int receiver_first) {
    int me = gettid_();
    fill(out, size, 5);
    memset(in, 99, (size_t)room);
    struct peer p = receiver_first ? receiver(me) : sender(me, 1);
    p.flags = receiver_first ? EMU_RECEIVE_BYTES(room) : EMU_SEND_BYTES(size);
    p.message.in = in, p.message.out = out;
    start_asleep(&p);
    struct emu_message m = with(1);
    m.in = in, m.out = out;
    if (receiver_first) {
        CHECK(emu_ipc(p.tid, 0, EMU_SEND_BYTES(size), FOR_EVER, &m) == 0 && m.sent == 1);
        CHECK(finish(&p) == me && p.message.bytes == size);
    } else {
        CHECK(emu_ipc(0, p.tid, EMU_RECEIVE_BYTES(room), FOR_EVER, &m) == p.tid && m.bytes == size);
        CHECK(finish(&p) == 0 && p.message.sent == 1);
    }
    CHECK(is_filled(in, size, 5));
    for (long k = size; k < room; k++) CHECK(in[k] == 99);
}

static char *pages(int count) {
    char *at = mmap(NULL, (size_t)(count + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED && munmap(at + count * PAGE, PAGE) == 0);
    return at;
}

static void extended(void) {
    char *out = pages(2), *in = pages(2);
    long sizes[] = {0, 1, 8, 2047, MOST};
    for (int k = 0; k < 10; k++) {
        long size = sizes[k % 5];
        one_extended(out + PAGE - size / 2 - 1, in + PAGE - size / 3 - 1, size, MOST, k < 5); /* across a page's end */
        one_extended(out + 2 * PAGE - size, in + 2 * PAGE - size, size, size, k < 5);        /* up to unmapped memory */
    }
    munmap(out, 2 * PAGE), munmap(in, 2 * PAGE);
}

static void full(void) {
    int me = gettid_();
    struct emu_message m = with(1);
    CHECK(emu_ipc(me + 1000000, 0, EMU_SENDS(EMU_FULL), 0, &m) == -ENXIO && m.sent == 0);
    struct peer r = receiver(me);
    r.flags = EMU_ACCEPTS(EMU_FULL);
    start_asleep(&r);
    char *mine = emu_utcb();
    CHECK((long)mine > 0 && (long)mine % PAGE == 0 && emu_utcb() == mine);
    fill(mine, EMU_UTCB_BYTES, 9);
    CHECK(emu_ipc(r.tid, 0, EMU_SENDS(EMU_FULL), FOR_EVER, &m) == -EMSGSIZE && m.sent == 0); /* r has no UTCB */
    CHECK(send_to(r.tid, 300) == 0 && finish(&r) == me && has(&r.message, 300) && r.message.bytes == 0);
    for (int kind = EMU_FULL; kind <= EMU_EXTENDED; kind++) {
        r = receiver(me);
        r.flags = EMU_ACCEPTS(kind), r.wants_utcb = 1;
        start_asleep(&r);
        CHECK(r.utcb != mine);
        CHECK(emu_ipc(r.tid, 0, EMU_SENDS(EMU_FULL), FOR_EVER, &m) == 0 && m.sent == 1);
        while (!atomic_load(&r.done)) nap();
        CHECK(is_filled(r.utcb, EMU_UTCB_BYTES, 9) && r.message.bytes == EMU_UTCB_BYTES);
        CHECK(r.utcb[EMU_UTCB_BYTES] == 0);
        CHECK(finish(&r) == me);
    }
    struct peer s = sender(me, 400);
    s.flags = EMU_SENDS(EMU_FULL), s.wants_utcb = 33;
    start_asleep(&s);
    m = with(0);
    CHECK(emu_ipc(0, s.tid, EMU_ACCEPTS(EMU_FULL), FOR_EVER, &m) == s.tid && m.bytes == 256 && has(&m, 400));
    CHECK(mine[0] == 33 && mine[EMU_UTCB_BYTES - 1] == 33 && finish(&s) == 0);
}

static void too_large(void) {
    int me = gettid_();
    char *out = pages(1), *in = pages(1);
    struct emu_message m = with(1);
    m.out = out, m.in = in;
    struct peer r = receiver(EMU_ANYTHREAD);
    r.flags = EMU_RECEIVE_BYTES(100), r.message.in = in;
    start_asleep(&r);
    CHECK(emu_ipc(r.tid, 0, EMU_SEND_BYTES(101), FOR_EVER, &m) == -EMSGSIZE && m.sent == 0 && !atomic_load(&r.done));
    CHECK(emu_ipc(r.tid, 0, EMU_SEND_BYTES(100), FOR_EVER, &m) == 0 && finish(&r) == me);
    r = receiver(EMU_ANYTHREAD); /* of short ones */
    start_asleep(&r);
    CHECK(emu_ipc(r.tid, 0, EMU_SEND_BYTES(0), FOR_EVER, &m) == -EMSGSIZE);
    CHECK(send_to(r.tid, 5) == 0 && finish(&r) == me);
    struct peer s[3]; /* who waits to send, and the one that is received is behind it */
    for (int k = 0; k < 3; k++) {
        s[k] = sender(me, 100 * k);
        s[k].flags = k == 0 ? EMU_SEND_BYTES(50) : k == 1 ? EMU_SENDS(EMU_FULL) : 0;
        s[k].message.out = out, s[k].wants_utcb = k == 1;
        start_asleep(&s[k]);
    }
    CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, FOR_EVER, &m) == s[2].tid && has(&m, 200));
    CHECK(finish(&s[0]) == -EMSGSIZE && s[0].message.sent == 0 && finish(&s[1]) == -EMSGSIZE && finish(&s[2]) == 0);
    CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, 0, &m) == -EAGAIN && m.sent == 0);
    munmap(out, PAGE), munmap(in, PAGE);
}

/* --- buffers --------------------------------------------------------------------------------------------------------------- */

static void bad_buffers(void) {
    int me = gettid_();
    char *readonly = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *edge = pages(1);
    long wild[] = {0, 8, -1, -PAGE, LONG_MIN, LONG_MAX, LONG_MAX - 2047, (1L << 38) - 1, 1L << 38, (1L << 38) - 2048,
                   1L << 40, (long)edge + PAGE - 1, (long)edge + PAGE};
    struct peer r = receiver(me);
    r.flags = EMU_RECEIVE_BYTES(MOST), r.message.in = pages(1);
    start_asleep(&r);
    for (int k = 0; k < (int)(sizeof wild / sizeof *wild); k++) {
        CHECK(raw(r.tid, 0, EMU_SEND_BYTES(MOST), FOR_EVER, wild[k], 0) == -EFAULT);
        CHECK(raw(0, -1, EMU_RECEIVE_BYTES(MOST), FOR_EVER, 0, wild[k]) == -EFAULT);
        CHECK(raw(r.tid, -1, EMU_RECEIVE_BYTES(MOST), FOR_EVER, 0, wild[k]) == -EFAULT); /* and nothing is sent */
    }
    CHECK(raw(0, -1, EMU_RECEIVE_BYTES(1), FOR_EVER, 0, (long)readonly) == -EFAULT);
    CHECK(raw(0, -1, EMU_RECEIVE_BYTES(0), 0, 0, -1) == -EAGAIN); /* no byte: no buffer */
    CHECK(raw(r.tid, 0, EMU_SEND_BYTES(0), FOR_EVER, -1, 0) == 0);
    CHECK(finish(&r) == me && r.message.bytes == 0);

    char *in = pages(1), *out = pages(1); /* a buffer that goes while its thread sleeps */
    r = receiver(me);
    r.flags = EMU_RECEIVE_BYTES(10), r.message.in = in;
    start_asleep(&r);
    munmap(in, PAGE);
    struct emu_message m = with(600);
    m.out = out;
    CHECK(emu_ipc(r.tid, 0, EMU_SEND_BYTES(10), 50 * MS, &m) < 0 && m.sent == 0); /* it has left, or not received it */
    CHECK(finish(&r) == -EFAULT);
    struct peer s[2] = {sender(me, 700), sender(me, 800)};
    s[0].flags = EMU_SEND_BYTES(10), s[0].message.out = out;
    start_asleep(&s[0]), start_asleep(&s[1]);
    munmap(out, PAGE);
    m = with(0), m.in = readonly;
    CHECK(mprotect(readonly, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(emu_ipc(0, EMU_ANYTHREAD, EMU_RECEIVE_BYTES(10), FOR_EVER, &m) == s[1].tid && has(&m, 800));
    CHECK(finish(&s[0]) == -EFAULT && s[0].message.sent == 0 && finish(&s[1]) == 0);
    munmap(readonly, PAGE), munmap(edge, PAGE);
}

/* Pages of a file that nobody has touched yet: the server brings them while the message waits. */
static void file_pages(void) {
    char *plain = pages(2);
    for (int k = 0; k < 8; k++) {
        char path[] = "/tmp/l4ipcXXXXXX";
        int file = mkstemp(path);
        CHECK(file >= 0 && ftruncate(file, 3 * PAGE) == 0 && pwrite(file, "here", 4, 2 * PAGE - 2) == 4);
        char *at = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, k & 1 ? MAP_SHARED : MAP_PRIVATE, file, 0);
        CHECK(at != MAP_FAILED);
        int me = gettid_(), out = k & 2, first = k & 4;
        struct peer p = (out != 0) == (first != 0) ? sender(me, 1) : receiver(me); /* the thread that comes first */
        struct emu_message m = with(1);
        char *from = out ? at + 2 * PAGE - 2 : plain, *to = out ? plain : at + 2 * PAGE - 2;
        if (!out) strcpy(plain, "here");
        m.out = p.message.out = from, m.in = p.message.in = to;
        p.flags = p.from ? EMU_RECEIVE_BYTES(5) : EMU_SEND_BYTES(5);
        start_asleep(&p);
        if (p.from) {
            CHECK(emu_ipc(p.tid, 0, EMU_SEND_BYTES(5), FOR_EVER, &m) == 0 && finish(&p) == me && p.message.bytes == 5);
        } else {
            CHECK(emu_ipc(0, p.tid, EMU_RECEIVE_BYTES(5), FOR_EVER, &m) == p.tid && m.bytes == 5 && finish(&p) == 0);
        }
        CHECK(strcmp(to, "here") == 0);
        munmap(at, 3 * PAGE), close(file), unlink(path);
    }
    munmap(plain, 2 * PAGE);
}

/* --- tasks ----------------------------------------------------------------------------------------------------------------- */

static void forked(void) {
    int me = gettid_();
    char *page = pages(2), *mine = emu_utcb();
    strcpy(page, "of both"), strcpy(mine, "the parent's");
    pid_t child = fork();
    if (child == 0) {
        char *at = page;
        struct emu_message m = with(1);
        CHECK(strcmp(mine, "the parent's") == 0); /* a copy, and not its UTCB */
        CHECK(emu_ipc(me, 0, EMU_SENDS(EMU_FULL), FOR_EVER, &m) == -ENXIO);
        char *own = emu_utcb();
        CHECK((long)own > 0 && own != mine && own[0] == 0);
        m.in = at, m.out = at; /* pages that it shares with its parent until one of them stores */
        CHECK(emu_ipc(me, me, EMU_SEND_BYTES(8) | EMU_RECEIVE_BYTES(100), FOR_EVER, &m) == me);
        CHECK(m.bytes == 20 && strcmp(at, "from the parent") == 0);
        strcpy(own, "the child's");
        CHECK(emu_ipc(me, me, EMU_SENDS(EMU_FULL) | EMU_ACCEPTS(EMU_FULL), FOR_EVER, &m) == me);
        CHECK(strcmp(own, "answer") == 0 && strcmp(mine, "the parent's") == 0);
        _exit(0);
    }
    struct emu_message m = with(0);
    char got[100] = "", text[20] = "from the parent";
    m.in = got;
    CHECK(emu_ipc(0, child, EMU_RECEIVE_BYTES(100), FOR_EVER, &m) == child && m.bytes == 8);
    CHECK(strcmp(got, "of both") == 0);
    m.out = text;
    CHECK(emu_ipc(child, child, EMU_SEND_BYTES(20) | EMU_ACCEPTS(EMU_FULL), FOR_EVER, &m) == child && m.bytes == 256);
    CHECK(strcmp(page, "of both") == 0 && strcmp(mine, "the child's") == 0);
    strcpy(mine, "answer");
    CHECK(emu_ipc(child, 0, EMU_SENDS(EMU_FULL) | EMU_REPLY, FOR_EVER, &m) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(send_to(child, 1) == -ESRCH);
    munmap(page, 2 * PAGE);
}

static void killed(void) {
    int me = gettid_();
    for (int k = 0; k < 3; k++) { /* a task that is killed while it sleeps, or while others wait for it */
        pid_t child = fork();
        if (child == 0) {
            struct emu_message m = with(1);
            emu_ipc(k == 0 ? me : 0, k == 0 ? 0 : k == 1 ? EMU_ANYTHREAD : getppid(), 0, FOR_EVER, &m);
            pause();
            _exit(1);
        }
        until_asleep(child, child);
        struct peer s = sender(child, 1), r = receiver(child), both = sender(child, 1);
        both.from = child;
        if (k == 0) {
            start_asleep(&s), start_asleep(&r), start_asleep(&both);
        } else if (k == 2) { /* the child waits for this thread's message, not for theirs */
            start_asleep(&s), start_asleep(&r);
        }
        CHECK(kill(child, SIGKILL) == 0);
        CHECK(waitpid(child, NULL, 0) == child);
        struct emu_message m = with(0);
        CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, 0, &m) == -EAGAIN); /* its message went with it */
        if (k != 1) CHECK(finish(&s) == -ESRCH && s.message.sent == 0 && finish(&r) == -ESRCH);
        if (k == 0) CHECK(finish(&both) == -ESRCH && both.message.sent == 0);
        CHECK(send_to(child, 1) == -ESRCH && emu_ipc(0, child, 0, FOR_EVER, &m) == -ESRCH);
    }
}

/* --- errors ------------------------------------------------------------------------------------------------------------------ */

static void refused(void) {
    int me = gettid_();
    struct emu_message m = with(1);
    CHECK(emu_ipc(me, 0, 0, FOR_EVER, &m) == -EDEADLK && emu_ipc(0, me, 0, FOR_EVER, &m) == -EDEADLK);
    long names[] = {-2, -5, LONG_MIN, LONG_MAX, 1L << 40, 1L << 40 | me, me + 12345, me | 1 << 28, 1 << 14, (1 << 14) - 1,
                    (1 << 29) - 1, 1L << 32 | me};
    for (int k = 0; k < (int)(sizeof names / sizeof *names); k++) {
        CHECK(raw(names[k], 0, 0, FOR_EVER, 0, 0) == -ESRCH);
        CHECK(raw(0, names[k], 0, FOR_EVER, 0, 0) == -ESRCH);
    }
    CHECK(raw(-1, 0, 0, FOR_EVER, 0, 0) == -ESRCH); /* anybody receives, nobody is sent to */
    long flags[] = {3, 3 << 2, 1 << 5, 1 << 15, 1L << 28, 1L << 31, 1L << 44, LONG_MIN, -1, EMU_SEND_BYTES(2049),
                    EMU_RECEIVE_BYTES(2049), EMU_SEND_BYTES(4095), EMU_RECEIVE_BYTES(4095)};
    for (int k = 0; k < (int)(sizeof flags / sizeof *flags); k++)
        CHECK(raw(0, -1, flags[k], FOR_EVER, (long)&m, (long)&m) == -EINVAL);

    struct peer gone = receiver(EMU_ANYTHREAD);
    start_asleep(&gone);
    CHECK(send_to(gone.tid, 1) == 0 && finish(&gone) == me);
    struct peer next = receiver(EMU_ANYTHREAD); /* which may well have the same record */
    start_asleep(&next);
    m = with(1);
    CHECK(send_to(gone.tid, 1) == -ESRCH && emu_ipc(0, gone.tid, 0, FOR_EVER, &m) == -ESRCH && !atomic_load(&next.done));
    /* The message is sent, and then receiving is refused, or finds nothing at once: that does not take it back. */
    CHECK(emu_ipc(next.tid, me, 0, FOR_EVER, &m) == -EDEADLK && m.sent == 1 && finish(&next) == me);
    next = receiver(EMU_ANYTHREAD);
    start_asleep(&next);
    CHECK(emu_ipc(next.tid, gone.tid, 0, FOR_EVER, &m) == -ESRCH && m.sent == 1 && finish(&next) == me);
    next = receiver(EMU_ANYTHREAD);
    start_asleep(&next);
    CHECK(emu_ipc(next.tid, EMU_ANYTHREAD, 0, 0, &m) == -EAGAIN && m.sent == 1 && finish(&next) == me);
}

/* A call whose message is received, and to which nobody answers. On a busy host its time may be over before: again. */
static void answer_that_does_not_come(int from) {
    struct emu_message m = with(0);
    for (long time = 100 * MS;; time *= 2) {
        struct peer s = sender(gettid_(), 9);
        s.from = from, s.timeout_ns = time;
        long before = now_ns();
        start(&s);
        until_asleep(getpid(), s.tid);
        int received = emu_ipc(0, EMU_ANYTHREAD, 0, time, &m) == s.tid;
        CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, 20 * MS, &m) == -ETIMEDOUT); /* it is not sent again */
        CHECK(finish(&s) == -ETIMEDOUT && s.message.sent == received && now_ns() - before >= time);
        if (received) return;
    }
}

static void at_once(void) {
    struct emu_message m = with(1);
    struct peer busy = receiver(gettid_());
    start_asleep(&busy);
    CHECK(send_to(busy.tid, 1) == 0); /* awake now, in no call */
    while (!atomic_load(&busy.done)) nap();
    CHECK(emu_ipc(busy.tid, 0, 0, 0, &m) == -EAGAIN && m.sent == 0);
    CHECK(emu_ipc(busy.tid, EMU_ANYTHREAD, EMU_REPLY, FOR_EVER, &m) == -EAGAIN && m.sent == 0);
    CHECK(emu_ipc(0, busy.tid, 0, 0, &m) == -EAGAIN && emu_ipc(0, EMU_ANYTHREAD, 0, 0, &m) == -EAGAIN);
    long before = now_ns();
    CHECK(emu_ipc(busy.tid, 0, 0, 3 * MS, &m) == -ETIMEDOUT && m.sent == 0 && now_ns() - before >= 3 * MS);
    before = now_ns();
    CHECK(emu_ipc(0, busy.tid, 0, 3 * MS, &m) == -ETIMEDOUT && m.sent == 0 && now_ns() - before >= 3 * MS);
    CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, 1, &m) == -ETIMEDOUT && emu_ipc(busy.tid, busy.tid, 0, MS, &m) == -ETIMEDOUT);
    CHECK(m.sent == 0);
    CHECK(finish(&busy) == gettid_());
    for (int first = 0; first < 2; first++) { /* the receive of a call whose message is sent */
        if (first) {
            struct peer r = receiver(EMU_ANYTHREAD);
            start_asleep(&r);
            m = with(3);
            before = now_ns();
            CHECK(emu_ipc(r.tid, r.tid, 0, 3 * MS, &m) < 0 && m.sent == 1 && has(&m, 3)); /* or it has left */
            CHECK(finish(&r) == gettid_());
        } else {
            answer_that_does_not_come(gettid_());
            answer_that_does_not_come(EMU_ANYTHREAD);
        }
    }
}

/* --- interrupted ---------------------------------------------------------------------------------------------------------- */

static atomic_int handled;

static void on_signal(int number) {
    (void)number;
    atomic_fetch_add(&handled, 1);
}

enum { SEND, RECEIVE, RECEIVE_FROM, ANSWER, SLEEPS };

static void interrupted(void) {
    int me = gettid_();
    for (int k = 0; k < 2 * SLEEPS; k++) {
        int sleep = k % SLEEPS;
        struct peer p = sleep == SEND      ? sender(me, 10)
                        : sleep == RECEIVE ? receiver(EMU_ANYTHREAD)
                                           : receiver(me);
        if (sleep == ANSWER) p.to = me;
        p.timeout_ns = k & 1 ? FOR_EVER : 1000000L * MS;
        start_asleep(&p);
        struct emu_message m = with(0);
        if (sleep == ANSWER) CHECK(emu_ipc(0, p.tid, 0, FOR_EVER, &m) == p.tid); /* it waits for the answer now */
        if (k < SLEEPS) {
            CHECK(syscall(SYS_tgkill, getpid(), p.tid, SIGUSR1) == 0);
        } else {
            CHECK(emu_suspend(p.tid) == 0);
            CHECK(!atomic_load(&p.done));
            if (sleep != SEND) CHECK(emu_ipc(p.tid, 0, EMU_REPLY, FOR_EVER, &m) == -EAGAIN); /* out of its sleep */
            CHECK(emu_ipc(0, p.tid, 0, 0, &m) == -EAGAIN);
            CHECK(emu_resume(p.tid) == 0);
        }
        CHECK(finish(&p) == -EINTR && p.message.sent == (sleep == ANSWER));
        CHECK(emu_ipc(0, EMU_ANYTHREAD, 0, 0, &m) == -EAGAIN); /* no trace of it is left */
        CHECK(handled == (k < SLEEPS ? k + 1 : SLEEPS));
    }
}

/* --- UTCBs ----------------------------------------------------------------------------------------------------------------- */

static int is_mapped(const void *at) {
    unsigned char word;
    return mincore((void *)at, PAGE, &word) == 0;
}

static void utcbs(const char *self) {
    struct peer a = receiver(EMU_ANYTHREAD), b = receiver(EMU_ANYTHREAD);
    a.wants_utcb = 1, b.wants_utcb = 2;
    start_asleep(&a), start_asleep(&b);
    CHECK(a.utcb != b.utcb && a.utcb[0] == 1 && b.utcb[0] == 2 && is_mapped(a.utcb));
    CHECK(send_to(a.tid, 1) == 0 && send_to(b.tid, 1) == 0 && finish(&a) == gettid_() && finish(&b) == gettid_());
    CHECK(!is_mapped(a.utcb) && !is_mapped(b.utcb)); /* they went with their threads */
    for (int k = 0; k < 3; k++) { /* threads that may have the same records: they have no UTCB before they ask */
        struct peer c = receiver(gettid_());
        c.to = gettid_(), c.flags = EMU_SENDS(EMU_FULL), c.wants_utcb = 0;
        start(&c);
        CHECK(finish(&c) == -ENXIO);
    }
    pid_t child = fork();
    if (child == 0) {
        CHECK((long)emu_utcb() > 0);
        char *arguments[] = {(char *)self, "exec", NULL};
        execv(self, arguments);
        _exit(2);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static int executed(void) {
    struct emu_message m = with(1);
    CHECK(emu_ipc(gettid_() + 1000000, 0, EMU_SENDS(EMU_FULL), 0, &m) == -ENXIO);
    char *at = emu_utcb();
    CHECK((long)at > 0 && at[0] == 0);
    return 0;
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return executed();
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    message_registers();
    calls_and_replies();
    named_senders();
    extended();
    full();
    too_large();
    bad_buffers();
    file_pages();
    forked();
    killed();
    refused();
    at_once();
    interrupted();
    utcbs("/proc/self/exe");
    return ok("l4ipc");
}
