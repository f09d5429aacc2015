/* Random native calls (emu/guests/emu.h) from several tasks of several threads each, which are killed meanwhile: a guest
   of tests/fuzz.

   natives SEED CALLS

   `boss` forks TASKS tasks of WORKERS threads; each lives for a moment, is then killed or told to end, and is forked
   anew.  Threads and tasks that a thread makes by thread_control (sprites) run the same loop, or one of raw calls in a
   space that its pager fills.  What calls name (threads, ports, channels, containers, capabilities) lies in memory that
   all tasks share, so calls hit what lives, or has just ended.  The second thread of each task serves: it answers page
   faults and calls on files mostly rightly, sometimes wrongly or not at all.  The third one is a user thread every
   second time: upcalls let it go on when a call of its is over.  One argument in ten is wild.

   The boss interrupts whatever waits and lets go what is suspended.  It kills tasks that wait for a pager or a file
   server, sprites that do not get on, and what has lost its way, and waits until all have gone.

   The last lines: "call NAME ATTEMPTS SUCCESSES" for each row of the grammar; those of Linux are named linux/….
   Exit 3: a thread is stuck, which "stuck …" describes; the machine is left as it is for a moment before that. */
#include "fuzz.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

enum {
    TASKS = 3, WORKERS = 3, SPRITES = 9, AGENTS = TASKS * WORKERS + SPRITES,
    PORTS = 4, CONTAINERS = 3, CAPABILITIES = 10, SHARED_PAGES = 8, SLACK_PAGES = 6, STACK = 8 * PAGE, FILES = 12,
    SPRITE_CALLS = 60, LONGEST_LIFE_MS = 1500, WAIT_MS = 20, CLIENT_MS = 400, STUCK_MS = 15000, LATE_MS = 1000, SHOWN_S = 5,
};
enum { WORKER, SHARER, COPIER, FOREIGNER }; /* what an agent is: one of a task's own, or a sprite by its kind of space */

struct agent {
    struct worker w; /* its tid names who uses the record; of a thread that has left it may be taken */
    int kind, task;  /* task: that it is part of; TASKS for tasks that sprites are */
    int claimed;     /* tid of who is making a sprite here */
    struct emu_ids ids;
    struct kse_mailbox boxes[2]; /* of a user thread's upcalls */
    struct kse_thr_mailbox thread;
    char upcall_stacks[2][2 * PAGE];
};

/* --- the grammar: name, number, weight, a letter for each argument (`plausible`), choices for 'c' ---------------- */

#define T(action) EMU_THREAD_CONTROL, action
#define GRAMMAR(X) \
    X(ipc_send, EMU_IPC, 6, "!") X(ipc_call, EMU_IPC, 6, "!") X(ipc_receive, EMU_IPC, 6, "!") X(ipc_reply, EMU_IPC, 4, "!") \
    X(utcb, EMU_UTCB, 2, "") X(getid, EMU_GETID, 1, "b") X(create_sharer, EMU_THREAD_CONTROL, 4, "!") \
    X(create_copier, EMU_THREAD_CONTROL, 2, "!") X(create_foreigner, EMU_THREAD_CONTROL, 2, "!") \
    X(thread_run, EMU_THREAD_CONTROL, 8, "cG", EMU_THREAD_RUN) X(thread_suspend, EMU_THREAD_CONTROL, 4, "cG", EMU_THREAD_SUSPEND) \
    X(thread_destroy, EMU_THREAD_CONTROL, 1, "cK", EMU_THREAD_DESTROY) X(thread_recycle, EMU_THREAD_CONTROL, 2, "!") \
    X(thread_wait, EMU_THREAD_CONTROL, 2, "cG", EMU_THREAD_WAIT) X(exchange_read, EMU_EXCHANGE_REGISTERS, 3, "Sbc", EMU_READ) \
    X(exchange_write, EMU_EXCHANGE_REGISTERS, 4, "!") X(thread_switch, EMU_THREAD_SWITCH, 4, "X") X(schedule, EMU_SCHEDULE, 3, "Sn") \
    X(map, EMU_MAP, 6, "MmnRS") X(unmap, EMU_UNMAP, 4, "mnS") X(copy_to, EMU_COPY, 5, "bbzcS", 1) X(copy_from, EMU_COPY, 5, "bbzcS", 0) \
    X(cache_control, EMU_CACHE_CONTROL, 1, "bz") X(mutex_wait, EMU_MUTEX_CONTROL, 3, "Uc", EMU_MUTEX_WAITS) \
    X(mutex_wake, EMU_MUTEX_CONTROL, 4, "Uc", EMU_MUTEX_WAKES) X(suspend_sync, EMU_SUSPEND_SYNC, 3, "T") \
    X(suspend_async, EMU_SUSPEND_ASYNC, 3, "T") X(resume_sync, EMU_RESUME_SYNC, 6, "T") X(resume_async, EMU_RESUME_ASYNC, 6, "T") \
    X(mutex_lock, EMU_MUTEX_LOCK, 4, "i") X(mutex_trylock, EMU_MUTEX_TRYLOCK, 3, "i") X(mutex_unlock, EMU_MUTEX_UNLOCK, 9, "i") \
    X(queue_sleep, EMU_QUEUE_SLEEP, 3, "iJ") X(queue_wake, EMU_QUEUE_WAKE, 6, "in") X(set_timeout, EMU_SET_TIMEOUT, 4, "DiL") \
    X(set_infinite_timeout, EMU_SET_INFINITE_TIMEOUT, 2, "L") X(clear_timeout, EMU_CLEAR_TIMEOUT, 5, "T") X(time, EMU_TIME, 1, "b") \
    X(kmem_grant, EMU_KMEM_CONTROL, 1, "cn", EMU_KMEM_GRANT) X(kmem_reclaim, EMU_KMEM_CONTROL, 2, "cn", EMU_KMEM_RECLAIM) \
    X(port_create, EMU_PORT_CREATE, 4, "cn", 0, 0, 8, 64, PAGE) X(port_close, EMU_PORT_CLOSE, 1, "p") X(channel_make, EMU_CHANNEL_MAKE, 8, "P") \
    X(channel_drop, EMU_CHANNEL_DROP, 2, "h") X(channel_send, EMU_CHANNEL_SEND, 8, "hbz") X(channel_move, EMU_CHANNEL_SEND, 6, "hml") \
    X(channel_send_many, EMU_CHANNEL_SEND_MANY, 5, "hbn") X(port_receive, EMU_PORT_RECEIVE, 8, "!") \
    X(port_receive_many, EMU_PORT_RECEIVE_MANY, 5, "pbnw") X(port_select, EMU_PORT_SELECT, 4, "Bnw") \
    X(mailbox_send, EMU_MAILBOX_SEND, 8, "Xzzzz") X(mailbox_receive, EMU_MAILBOX_RECEIVE, 8, "w") X(mailbox_count, EMU_MAILBOX_COUNT, 2, "X") \
    X(blocking_begin, EMU_BLOCKING_BEGIN, 3, "") X(blocking_end, EMU_BLOCKING_END, 3, "") X(aio_read, EMU_AIO_SUBMIT, 4, "fcbzoz", EMU_AIO_READ) \
    X(aio_write, EMU_AIO_SUBMIT, 5, "fcbzoz", EMU_AIO_WRITE) X(aio_end, EMU_AIO_END, 1, "") X(name_pager, EMU_NAME_SERVER, 2, "!") \
    X(name_file_server, EMU_NAME_SERVER, 2, "!") X(closed_file, EMU_CLOSED_FILE, 1, "") \
    X(container_create, EMU_CONTAINER_CONTROL, 1, "cS", EMU_CONTAINER_CREATE) X(container_of, EMU_CONTAINER_CONTROL, 2, "cX", EMU_CONTAINER_OF) \
    X(capability_create, EMU_CAPABILITY_CONTROL, 5, "cCkq", EMU_CAPABILITY_CREATE) X(capability_read, EMU_CAPABILITY_CONTROL, 2, "cab", EMU_CAPABILITY_READ) \
    X(capability_grant, EMU_CAPABILITY_CONTROL, 2, "caC", EMU_CAPABILITY_GRANT) X(capability_share, EMU_CAPABILITY_CONTROL, 2, "caC", EMU_CAPABILITY_SHARE) \
    X(capability_replicate, EMU_CAPABILITY_CONTROL, 2, "caCq", EMU_CAPABILITY_REPLICATE) X(capability_split, EMU_CAPABILITY_CONTROL, 2, "caq", EMU_CAPABILITY_SPLIT) \
    X(capability_deduce, EMU_CAPABILITY_CONTROL, 2, "caq", EMU_CAPABILITY_DEDUCE) X(capability_destroy, EMU_CAPABILITY_CONTROL, 3, "ca", EMU_CAPABILITY_DESTROY) \
    X(ipc_accept, EMU_IPC_CONTROL, 3, "cN", EMU_IPC_ACCEPT) X(ipc_waiting, EMU_IPC_CONTROL, 1, "c", EMU_IPC_WAITING) \
    X(irq_register, EMU_IRQ_CONTROL, 2, "cr", EMU_IRQ_REGISTER) X(irq_wait, EMU_IRQ_CONTROL, 4, "c", EMU_IRQ_WAIT) X(irq_release, EMU_IRQ_CONTROL, 1, "c", EMU_IRQ_RELEASE) \
    X(kse_create, EMU_KSE_CREATE, 1, "!") X(kse_exit, EMU_KSE_EXIT, 1, "") X(kse_release, EMU_KSE_RELEASE, 1, "b") \
    X(kse_wakeup, EMU_KSE_WAKEUP, 3, "V") X(kse_thr_interrupt, EMU_KSE_THR_INTERRUPT, 3, "Wcc", 1, 2, 3) X(kse_switchin, EMU_KSE_SWITCHIN, 1, "b") \
    X(print, EMU_PRINT, 1, "e") X(exclusive, EMU_EXCLUSIVE, 1, "!") X(any, 0, 4, "!") X(touch, 0, 8, "!") X(exec, 0, 0, "!") \
    X(open_close, SYS_openat, 2, "!") X(fork, SYS_clone, 1, "c0000", SIGCHLD) X(vfork, SYS_clone, 1, "c0000", 0x4111) \
    X(wait4, SYS_wait4, 2, "c0c0", -1, WNOHANG) X(execve, SYS_execve, 1, "!") X(tgkill, SYS_tkill, 2, "Xc", SIGUSR1) X(sigkill, SYS_kill, 1, "!") \
    X(mmap, SYS_mmap, 6, "mlccc0", PROT_READ | PROT_WRITE) X(munmap, SYS_munmap, 3, "ml") X(mprotect, SYS_mprotect, 3, "mlR") \
    X(read, SYS_read, 3, "Fbz") X(write, SYS_write, 4, "Fbz") X(yield, SYS_sched_yield, 1, "") X(affinity, SYS_sched_setaffinity, 1, "0cx", 8)

typedef struct {
    const char *name;
    int number, weight;
    const char *arguments;
    long choices[6];
} row;
#define NAMED(name, ...) ROW_##name,
#define DECLARED(name, number, weight, arguments, ...) {#name, number, weight, arguments, {__VA_ARGS__ __VA_OPT__(, ) END}},
enum { GRAMMAR(NAMED) ROWS };
static const row grammar[] = {GRAMMAR(DECLARED)};
static int total_weight;

static struct {
    struct agent agents[AGENTS];
    volatile long ports[TASKS + 1][PORTS], channels[TASKS + 1][PORTS], containers[CONTAINERS], capabilities[CAPABILITIES];
    volatile int pids[TASKS], told_to_end[TASKS], is_served[TASKS], over;
    int attempts[ROWS], successes[ROWS];
    volatile uint64_t lives;
} *shared;
static char *shared_pages, *code; /* of all tasks; code: the loop of a foreigner */
static uint64_t seed;

static struct agent *agent_of(struct worker *w) { return (struct agent *)w; }
static int own_task(struct worker *w) { return agent_of(w)->task; }
static int has_left(int tid) { return tid <= 0 || emu_mailbox_count(tid) == -ESRCH; }

static long counted(struct worker *w, int which, long result) {
    int ended = which == ROW_set_timeout && result == -ETIMEDOUT; /* as it has to */
    w->in_call = -1;
    w->calls++;
    __atomic_add_fetch(&shared->attempts[which], 1, __ATOMIC_RELAXED);
    if (ended || (unsigned long)result < -4095UL) __atomic_add_fetch(&shared->successes[which], 1, __ATOMIC_RELAXED);
    return result;
}

static long call(struct worker *w, int which, long first, long second, long third) {
    long v[6] = {first, second, third};
    w->in_call = which;
    return counted(w, which, raw(grammar[which].number, v));
}

static long plain(long number, long first, long second, long third, long fourth) { /* neither counted nor wild */
    long v[6] = {first, second, third, fourth};
    return raw(number, v);
}

/* --- threads: each begins at `thread_start` with its agent's address on its stack ---------------------------------- */

__attribute__((used)) static void thread_main(struct agent *a);
void thread_start(void);
void touch_load(char *at), touch_store(char *at);
extern char loop_code[], loop_end[];
__asm__(".globl thread_start\nthread_start: ld a0, 0(sp)\n call thread_main\n"
        ".option push\n.option norvc\n" /* the handler skips the one instruction that faults */
        ".globl touch_load\ntouch_load: lb a0, 0(a0)\n ret\n.globl touch_store\ntouch_store: sb a0, 0(a0)\n ret\n"
        ".globl loop_code\nloop_code: addi s1, s1, 1\n andi s2, s1, 127\n addi s2, s2, 2\n li s3, 0x1000\n or a7, s2, s3\n"
        " ecall\n xor a2, a2, a0\n j loop_code\n.globl loop_end\nloop_end: nop\n.option pop\n");

static char *top_of(struct agent *a) { return a->w.stack + STACK - 16; }

static long spawn(struct agent *a) {
    register long a0 __asm__("a0") = 0x10000 | 0x100 | 0x200 | 0x400 | 0x800 | 0x40000 | 0x100000, a1 __asm__("a1") = (long)top_of(a);
    register long a2 __asm__("a2") = (long)&a->w.tid, a7 __asm__("a7") = SYS_clone;
    __asm__ volatile("ecall\n bnez a0, 1f\n tail thread_start\n 1:" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

/* A thread made by thread_control would go on here: one that is not the caller begins as others do. */
static long raw_create(long flags, struct emu_ids *ids, char *sp, int own) {
    register long a0 __asm__("a0") = flags, a1 __asm__("a1") = (long)ids, a2 __asm__("a2") = (long)sp, a3 __asm__("a3") = own;
    register long a7 __asm__("a7") = EMU_THREAD_CONTROL, result __asm__("t1");
    __asm__ volatile("ecall\n mv t1, a0\n li a7, 178\n ecall\n beq a0, a3, 1f\n mv sp, a2\n tail thread_start\n 1:"
                     : "+r"(a0), "+r"(a7), "=r"(result) : "r"(a1), "r"(a2), "r"(a3) : "memory");
    return result;
}

/* --- plausible words ------------------------------------------------------------------------------------------- */

static struct agent *agent_for(struct worker *w, char letter) {
    struct agent *a = &shared->agents[below(w, AGENTS)];
    int sprite = letter == 'K' || (letter == 'S' && below(w, 2));
    for (int k = 0; k < 6; k++) {
        if (a->w.tid && (letter == 'X' || (sprite ? a->kind != WORKER : a->task == own_task(w)))) break;
        a = &shared->agents[below(w, AGENTS)];
    }
    return a;
}

static long tid_for(struct worker *w, char letter) {
    long tid = agent_for(w, letter)->w.tid;
    return below(w, 32) ? tid : tid + below(w, 8) - 4; /* helpers, children, bosses: nobody's agents */
}

static int file_of(struct worker *w) { return 3 + (int)below(w, FILES); }

static long now_ns(void) {
    struct timespec t;
    plain(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long patience(struct worker *w) {
    long longest = below(w, 2) ? 100000 : 5000000;
    return below(w, 8) ? below(w, 3) * below(w, longest) / 2 : -1;
}

static long plausible(struct worker *w, char letter, const row *r) {
    int task = own_task(w);
    switch (letter) {
    case 'c': {
        int k = 0;
        while (r->choices[k] != END) k++;
        return r->choices[below(w, k)];
    }
    case 'T': case 'S': case 'X': return tid_for(w, letter);
    case 'G': case 'K': { /* struct emu_ids of it */
        int *ids = (int *)(page(w, below(w, 4)) + below(w, 100) * 16);
        ids[0] = (int)tid_for(w, letter == 'G' ? 'S' : 'K');
        return (long)ids;
    }
    case 'b': return (long)(below(w, 8) ? page(w, below(w, GROUND_PAGES / 2 - 3)) + below(w, PAGE) : shared_pages + below(w, PAGE));
    case 'B': { /* handles of ports */
        long *v = (long *)page(w, below(w, 4));
        for (int k = 0; k < 6; k++) v[k] = shared->ports[task][below(w, PORTS)];
        return (long)v;
    }
    case 'z': return below(w, 4) ? 1L << below(w, 8) : below(w, 9000);
    case 'n': return 1 + below(w, 5) - (below(w, 12) == 0 ? 4 : 0);
    case 'N': return below(w, 3) ? 0 : below(w, 4);
    case 'i': return below(w, 12) ? below(w, 3) : below(w, 8);
    case 'J': return below(w, 4) ? -1 : below(w, 3);
    case 'm': return (long)page(w, GROUND_PAGES / 2 + below(w, GROUND_PAGES / 2));
    case 'A': return below(w, 3) ? 0 : plausible(w, 'm', r);
    case 'M': return (long)(shared_pages + below(w, SHARED_PAGES) * PAGE);
    case 'l': return (1 + below(w, 4)) * PAGE - (below(w, 12) ? 0 : below(w, PAGE));
    case 'R': return below(w, 3) ? 3 : below(w, 8);
    case 'U': { /* a mutex that somebody waits for, or not */
        volatile int *at = (int *)(below(w, 8) ? shared_pages : page(w, 1)) + below(w, 2);
        if (below(w, 4)) *at = 2;
        return (long)at;
    }
    case 'L': return below(w, 2) ? 0 : (long)(page(w, 2) + below(w, 8) * 8);
    case 'D': return now_ns() + below(w, 300000) - 20000;
    case 'w': return patience(w);
    case 'p': return shared->ports[below(w, 16) ? task : below(w, TASKS)][below(w, PORTS)];
    case 'h': return shared->channels[below(w, 4) ? task : below(w, TASKS + 1)][below(w, PORTS)];
    case 'P': return plausible(w, below(w, 2) ? 'p' : 'h', r);
    case 'C': return below(w, 8) ? shared->containers[below(w, CONTAINERS)] : 0;
    case 'a': {
        long k = below(w, CAPABILITIES);
        for (int n = 0; n < 4 && shared->capabilities[k] == 0; n++) k = below(w, CAPABILITIES);
        return shared->capabilities[k];
    }
    case 'k': return 1 + below(w, 6);
    case 'q': return below(w, 8) ? 1 + below(w, 40) : plausible(w, 'C', r);
    case 'r': return 1000 + below(w, 300000);
    case 'f': case 'F': return file_of(w);
    case 'o': return below(w, 2) ? -1 : below(w, 5000);
    case 'e': return (long)"";
    case 'V': return below(w, 4) ? (long)&shared->agents[below(w, TASKS * WORKERS)].boxes[below(w, 2)] : 0;
    case 'W': return (long)&shared->agents[below(w, 2) && task < TASKS ? task * WORKERS + 2 : below(w, TASKS * WORKERS)].thread;
    case 'x': {
        long *mask = (long *)page(w, 3);
        *mask = below(w, 2) ? -1 : 1 + below(w, 7);
        return (long)mask;
    }
    default: return 0;
    }
}

/* --- messages, and answers to clients ------------------------------------------------------------------------------ */

static long ipc(struct worker *w, int which, int to, int from, long flags, long timeout_ns, struct emu_message *message) {
    w->in_call = which;
    return counted(w, which, emu_ipc(to, from, flags, timeout_ns, message));
}

/* What a pager or a file server says, mostly what it should. Whether it says anything. */
static int answer(struct worker *w, int tid, struct emu_message *message) {
    if (message->bytes == EMU_FAULT) {
        long at = message->mr[0] & -PAGE, fetches = message->mr[1] == EMU_FETCHES;
        long v[6] = {(long)(fetches ? code : shared_pages + below(w, SHARED_PAGES) * PAGE), at, 1, fetches ? 5 : 3, tid};
        message->mr[0] = 0;
        if (below(w, 16)) w->in_call = ROW_map, counted(w, ROW_map, raw(EMU_MAP, v));
        if (below(w, 16) == 0) message->mr[0] = wild(w);
    } else if (message->bytes <= EMU_FIRST_CALL) {
        if (emu_call_number(message) == SYS_openat) message->mr[0] = below(w, 4) ? below(w, 1000) : EMU_NOT_MINE;
        else message->mr[0] = below(w, 2) ? EMU_NOT_MINE : below(w, 100) - 10;
        if (below(w, 16) == 0) message->mr[0] = wild(w);
    }
    return below(w, 64) != 0;
}

static void serve(struct worker *w) {
    struct emu_message message = {.in = page(w, 0)};
    int client = 0;
    for (int k = 0; k < 8; k++) {
        long flags = EMU_RECEIVE_BYTES(EMU_EXTENDED_BYTES) | EMU_REPLY;
        int which = client ? ROW_ipc_reply : ROW_ipc_receive;
        long result = ipc(w, which, client, EMU_ANYTHREAD, flags, below(w, 1000000), &message);
        client = result > 0 && answer(w, (int)result, &message) ? (int)result : 0;
        if (result > 0) while (call(w, ROW_closed_file, 0, 0, 0) >= 0) ;
        if (result < 0 && below(w, 3)) return;
    }
    if (client) ipc(w, ROW_ipc_reply, client, EMU_NILTHREAD, EMU_REPLY, 0, &message);
}

static void any_ipc(struct worker *w, int which) {
    static const long kinds[] = {0, EMU_SENDS(EMU_FULL), EMU_ACCEPTS(EMU_FULL), EMU_SENDS(EMU_FULL) | EMU_ACCEPTS(EMU_FULL)};
    struct emu_message message = {.out = (char *)plausible(w, 'b', 0), .in = (char *)plausible(w, 'b', 0)};
    int to = (int)tid_for(w, 'X'), from = below(w, 3) ? EMU_ANYTHREAD : (int)tid_for(w, 'X');
    long flags = kinds[below(w, 4)], timeout = patience(w);
    if (below(w, 2)) flags = EMU_SEND_BYTES(below(w, 2049)) | EMU_RECEIVE_BYTES(2048 - below(w, 4) * 200);
    if (below(w, 16) == 0) flags = wild(w);
    if (below(w, 16) == 0) message.out = (char *)wild(w);
    if (below(w, 16) == 0) message.in = (char *)wild(w);
    if (below(w, 32) == 0) to = (int)wild(w);
    if (which == ROW_ipc_receive) to = EMU_NILTHREAD;
    else if (which == ROW_ipc_send) from = EMU_NILTHREAD;
    else if (which == ROW_ipc_reply) flags |= EMU_REPLY, from = EMU_NILTHREAD;
    else if (below(w, 2)) from = to;
    for (int k = 0; k < 6; k++) message.mr[k] = (long)draw(w);
    long result = ipc(w, which, to, from, flags, timeout, &message);
    if (result > 0 && (message.bytes < 0 || below(w, 2)) && answer(w, (int)result, &message))
        ipc(w, ROW_ipc_reply, (int)result, EMU_NILTHREAD, EMU_REPLY, 0, &message);
}

/* --- threads and spaces made by calls ------------------------------------------------------------------------------ */

/* A context with which a thread runs the loop, or the foreigners' loop; wild in all else, or altogether. */
static long exchange(struct worker *w, struct agent *a, long what) {
    struct emu_context *context = (struct emu_context *)page(w, 4);
    for (int k = 0; k < 32; k++) context->x[k] = wild(w), context->f[k] = (long)draw(w);
    register long gp __asm__("gp"), tp __asm__("tp");
    __asm__ volatile("" : "=r"(gp), "=r"(tp));
    context->x[2] = (long)top_of(a), context->x[3] = gp, context->x[4] = tp;
    context->pc = a->kind == FOREIGNER ? (long)code : (long)thread_start;
    context->fcsr = (long)draw(w);
    if (below(w, 64) == 0) { /* it may run in circles from now on, and is nobody's who is stuck */
        if (a->task < TASKS) shared->is_served[a->task] = 1;
        *(below(w, 2) ? &context->pc : &context->x[2]) = wild(w);
    }
    context->pager = below(w, 3) ? shared->agents[own_task(w) < TASKS ? own_task(w) * WORKERS + 1 : 1].w.tid : 0;
    if (what & EMU_WRITE_PAGER && a->task < TASKS) shared->is_served[a->task] = 1;
    return call(w, ROW_exchange_write, a->w.tid, (long)context, what);
}

static void with_ids(struct worker *w, int which, long action, int tid) {
    int *ids = (int *)page(w, 5);
    ids[0] = tid;
    call(w, which, action, (long)ids, 0);
}

static void contain(struct worker *w, int tid) { /* it is suspended, and the only thread of its task */
    long container = call(w, ROW_container_create, EMU_CONTAINER_CREATE, tid, 0);
    if (container <= 0) return;
    shared->containers[below(w, CONTAINERS)] = container;
    static const long sizes[] = {6, 3, 4, 60, 0x7fffffff, 0};
    for (int kind = EMU_THREADS; kind <= EMU_IPCS; kind++) {
        if (below(w, 8) == 0) continue;
        long v[6] = {EMU_CAPABILITY_CREATE, container, kind, sizes[kind - 1]};
        w->in_call = ROW_capability_create;
        long capability = counted(w, ROW_capability_create, raw(EMU_CAPABILITY_CONTROL, v));
        if (capability > 0) shared->capabilities[below(w, CAPABILITIES)] = capability;
    }
}

static void create(struct worker *w, int which) {
    struct agent *a = &shared->agents[TASKS * WORKERS + below(w, SPRITES)];
    int claimer = __atomic_load_n(&a->claimed, __ATOMIC_SEQ_CST);
    if (!has_left(a->w.tid) || !has_left(a->ids.tid) || !has_left(claimer)) {
        if (below(w, 4) == 0) with_ids(w, ROW_thread_destroy, EMU_THREAD_DESTROY, a->w.tid);
        return;
    }
    if (!__atomic_compare_exchange_n(&a->claimed, &claimer, w->tid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return;
    long kind = which == ROW_create_sharer ? EMU_SHARE_SPACE : which == ROW_create_copier ? EMU_COPY_SPACE : EMU_NEW_SPACE;
    if (has_left(a->w.tid)) {
        a->kind = which == ROW_create_sharer ? SHARER : which == ROW_create_copier ? COPIER : FOREIGNER;
        a->task = a->kind == SHARER ? own_task(w) : TASKS;
        a->ids = (struct emu_ids){0, 0, below(w, 2) ? (int)plain(SYS_getpid, 0, 0, 0, 0) : 0};
        a->w.in_call = -1;
        if (below(w, 12)) {
            w->in_call = which;
            long result = counted(w, which, raw_create(kind, &a->ids, top_of(a), w->tid));
            if (result == 0) a->w.tid = a->ids.tid;
            if (result == 0 && below(w, 4)) {
                with_ids(w, ROW_thread_suspend, EMU_THREAD_SUSPEND, a->w.tid);
                if (a->kind != SHARER && below(w, 2)) contain(w, a->w.tid);
                if (a->kind == FOREIGNER || below(w, 4) == 0) exchange(w, a, EMU_WRITE_X | EMU_WRITE_PC | (below(w, 4) ? EMU_WRITE_PAGER : 0));
                with_ids(w, ROW_thread_run, EMU_THREAD_RUN, a->w.tid);
            }
        } else {
            call(w, which, kind | below(w, 3) << 16, wild(w) & ~0xffL, 0); /* where ids cannot be stored */
        }
    }
    __atomic_store_n(&a->claimed, 0, __ATOMIC_SEQ_CST);
}

static void name_server(struct worker *w, int which) {
    struct agent *client = agent_for(w, 'S'), *server = &shared->agents[below(w, TASKS) * WORKERS + 1];
    if (below(w, 8) == 0) server = agent_for(w, 'X');
    int tid = below(w, 3) ? server->w.tid : 0;
    if (client->task < TASKS && tid) shared->is_served[client->task] = 1;
    call(w, which, client->w.tid, which == ROW_name_pager ? EMU_PAGER : EMU_FILE_SERVER, below(w, 32) ? tid : wild(w));
}

/* --- user threads --------------------------------------------------------------------------------------------------- */

/* A call that does not return where it succeeds: it is counted before. */
static void call_for_good(struct worker *w, int which, long argument) {
    __atomic_add_fetch(&shared->attempts[which], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->successes[which], 1, __ATOMIC_RELAXED);
    call(w, which, argument, 0, 0);
    __atomic_add_fetch(&shared->attempts[which], -1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&shared->successes[which], -1, __ATOMIC_RELAXED);
}

/* What an upcall does: the user thread goes on whose call is over; without one it waits for that. */
static void upcall(struct kse_mailbox *box) {
    struct agent *a = box->udata;
    struct worker *w = &a->w;
    for (int failures = 0; failures < 8; failures++) { /* it may be no upcall's any more */
        struct kse_thr_mailbox *done = box->completed;
        box->completed = 0;
        if (done != 0) call_for_good(w, ROW_kse_switchin, (long)(below(w, 200) ? done : (void *)wild(w)));
        long *timeout = (long *)page(w, 3);
        timeout[0] = 0, timeout[1] = below(w, 2000000);
        if (below(w, 8) == 0) call_for_good(w, ROW_kse_exit, 0);
        call_for_good(w, ROW_kse_release, below(w, 50) ? (long)timeout : wild(w));
    }
    for (;;) plain(SYS_exit, 0, 0, 0, 0);
}

/* The caller is a user thread from here on, or has one upcall more. */
static void kse(struct worker *w) {
    struct agent *a = agent_of(w);
    register void *tp __asm__("tp");
    __asm__ volatile("" : "=r"(tp));
    if (a->kind != WORKER || own_task(w) >= TASKS) return;
    shared->is_served[own_task(w)] = 1; /* who has lost its way is nobody's who is stuck */
    int k = a->boxes[0].current != 0;
    if (k && a->boxes[1].udata != 0) return;
    a->boxes[k] = (struct kse_mailbox){.func = upcall, .stack = a->upcall_stacks[k], .stack_bytes = sizeof a->upcall_stacks[k], .udata = a};
    a->boxes[k].thread_pointer = tp, a->boxes[k].quantum_ns = below(w, 2) * 300000;
    if (call(w, ROW_kse_create, below(w, 16) ? (long)&a->boxes[k] : wild(w), below(w, 8) == 0, 0) == 0 && k == 0)
        a->boxes[k].current = &a->thread;
}

/* --- other calls of several steps ---------------------------------------------------------------------------------- */

static void receive(struct worker *w) {
    char *buffer = (char *)plausible(w, 'b', 0);
    void *at = 0, *wanted = (void *)(below(w, 10) ? plausible(w, 'A', 0) : wild(w));
    long port = plausible(w, 'p', 0), size = below(w, 2) ? 9000 : plausible(w, 'z', 0), timeout = plausible(w, 'w', 0);
    w->in_call = ROW_port_receive;
    long result = counted(w, ROW_port_receive, emu_port_receive_at(port, below(w, 10) ? buffer : (char *)wild(w), size, timeout, wanted, &at));
    if (result > 0 && at != buffer && wanted == 0) plain(SYS_munmap, (long)at, result, 0, 0); /* it has moved */
}

static void exclusive(struct worker *w) {
    long mask = 1L << below(w, 3), all = -1;
    plain(SYS_sched_setaffinity, 0, 8, (long)&mask, 0);
    if (call(w, ROW_exclusive, 1, 0, 0) == 0) {
        if (below(w, 2)) call(w, ROW_set_timeout, now_ns() + 20000, 0, 0);
        if (below(w, 4)) call(w, ROW_exclusive, 0, 0, 0);
    }
    plain(SYS_sched_setaffinity, 0, 8, (long)&all, 0); /* which opens the CPU, too */
}

static void open_close(struct worker *w) {
    static const char *const names[] = {"/tmp/natives", "/tmp/natives/a", "/dev/null", "/nowhere"};
    w->in_call = ROW_open_close;
    long file = counted(w, ROW_open_close, plain(SYS_openat, AT_FDCWD, (long)names[below(w, 4)], O_RDWR | O_NONBLOCK, 0));
    if (file < 0) return;
    for (int k = 0; k < 2; k++) call(w, below(w, 2) ? ROW_read : ROW_write, file, plausible(w, 'b', 0), below(w, 3000));
    if (below(w, 4) == 0) call(w, ROW_fork, SIGCHLD, 0, 0);
    plain(SYS_close, file, 0, 0, 0);
}

static void execute(struct worker *w) { /* by a child, so that the task goes on */
    static const char *const argv[] = {"natives", "child", 0};
    long words[6] = {SIGCHLD};
    w->in_call = ROW_execve;
    long child = raw(SYS_clone, words);
    if (child == 0) {
        plain(SYS_execve, (long)"/proc/self/exe", (long)argv, (long)argv, 0);
        plain(SYS_exit_group, 1, 0, 0, 0);
    }
    counted(w, ROW_execve, child);
}

static void any(struct worker *w) { /* any number, any words */
    long v[6], number = EMU_PRINT + 1 + below(w, 0x70);
    for (int k = 0; k < 6; k++) v[k] = below(w, 2) ? wild(w) : plausible(w, "XSbzpha"[below(w, 7)], 0);
    if (number == EMU_EXCLUSIVE) v[0] = 0;
    if (number == EMU_UNMAP && below(w, 20)) v[1] = wild_size(w);
    if (number == EMU_THREAD_CONTROL && (v[0] & 15) == EMU_THREAD_CREATE) return; /* it would go on here */
    if (number == EMU_NAME_SERVER || number == EMU_EXCHANGE_REGISTERS) v[0] = -(v[0] & 0xffff);
    w->in_call = ROW_any;
    counted(w, ROW_any, raw(number, v));
}

/* What the grammar says with letters; what calls give is kept where all find it, or given back. */
static void by_letters(struct worker *w, int which) {
    const row *r = &grammar[which];
    long v[6] = {0};
    int n = (int)strlen(r->arguments), first_choice = r->arguments[0] == 'c' && r->choices[1] == END;
    int maps = strchr(r->arguments, 'm') != 0;
    for (int k = 0; k < n; k++) {
        char letter = r->arguments[k];
        v[k] = plausible(w, letter, r);
        if (below(w, 10) || (k == 0 && first_choice && below(w, 4))) continue;
        if (!maps) v[k] = letter == 'e' ? (long)"" : wild(w);
        else if (letter == 'l' || letter == 'n') v[k] = wild_size(w);
    }
    if (which == ROW_mmap) v[3] = (below(w, 2) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_FIXED, v[4] = -1;
    if (r->number == EMU_THREAD_CONTROL && (v[0] & 15) == EMU_THREAD_CREATE) return;
    if (which == ROW_exchange_read && v[2] > 0 && v[2] < 64) v[2] = EMU_READ;
    if (r->number == EMU_NAME_SERVER) return;
    if (r->number == SYS_tkill) v[1] = SIGUSR1;
    w->in_call = which;
    int clones = r->number == SYS_clone;
    long result = counted(w, which, clones ? raw_clone(r->number, v) : raw(r->number, v)), k = below(w, PORTS), task = own_task(w);
    for (int n = 0; n < CAPABILITIES && result == -ESRCH && r->number == EMU_CAPABILITY_CONTROL; n++)
        if (shared->capabilities[n] == v[1]) shared->capabilities[n] = 0; /* its container has ended */
    if (result <= 0) return;
    switch (which) {
    case ROW_port_create: {
        long old = shared->ports[task][k];
        shared->ports[task][k] = result;
        if (old > 0) call(w, ROW_port_close, old, 0, 0);
        break;
    }
    case ROW_channel_make: shared->channels[task][k] = result; break;
    case ROW_container_create: shared->containers[below(w, CONTAINERS)] = result; break;
    case ROW_capability_create: case ROW_capability_grant: case ROW_capability_share: case ROW_capability_replicate:
    case ROW_capability_split: shared->capabilities[below(w, CAPABILITIES)] = result; break;
    }
}

static void one_call(struct worker *w) {
    long at = below(w, total_weight);
    int which = 0;
    while ((at -= grammar[which].weight) >= 0) which++;
    switch (which) {
    case ROW_ipc_send: case ROW_ipc_call: case ROW_ipc_receive: case ROW_ipc_reply: any_ipc(w, which); break;
    case ROW_create_sharer: case ROW_create_copier: case ROW_create_foreigner: create(w, which); break;
    case ROW_thread_recycle: {
        struct agent *a = agent_for(w, 'K');
        if (a->kind == WORKER || a->w.tid == w->tid) return;
        with_ids(w, ROW_thread_suspend, EMU_THREAD_SUSPEND, a->w.tid);
        with_ids(w, ROW_thread_recycle, EMU_THREAD_RECYCLE, a->w.tid);
        exchange(w, a, EMU_WRITE_X | EMU_WRITE_PC);
        with_ids(w, ROW_thread_run, EMU_THREAD_RUN, a->w.tid);
        break;
    }
    case ROW_exchange_write: {
        struct agent *a = agent_for(w, 'S');
        if (below(w, 2)) with_ids(w, ROW_thread_suspend, EMU_THREAD_SUSPEND, a->w.tid);
        long what = below(w, 2) ? EMU_READ | EMU_WRITE_F : below(w, 64);
        exchange(w, a, below(w, 2) || what & (EMU_WRITE_X | EMU_WRITE_PC) ? what | EMU_WRITE_X | EMU_WRITE_PC : what);
        break;
    }
    case ROW_name_pager: case ROW_name_file_server: name_server(w, which); break;
    case ROW_kse_create: if (below(w, 4) == 0) kse(w); break;
    case ROW_exclusive: if (below(w, 8) == 0) exclusive(w); break;
    case ROW_port_receive: receive(w); break;
    case ROW_any: any(w); break;
    case ROW_touch: (below(w, 2) ? touch_load : touch_store)((char *)plausible(w, 'm', 0)); break;
    case ROW_open_close: open_close(w); break;
    case ROW_execve: if (below(w, 8) == 0) execute(w); break;
    case ROW_sigkill: if (below(w, 64) == 0) call(w, which, shared->pids[below(w, TASKS)], SIGKILL, 0); break;
    default: by_letters(w, which);
    }
}

/* --- agents and tasks ----------------------------------------------------------------------------------------------- */

static void leave(void) { for (;;) plain(SYS_exit, 0, 0, 0, 0); }

static void handler(int number, siginfo_t *info, void *context) {
    (void)info;
    unsigned long *pc = &((ucontext_t *)context)->uc_mcontext.__gregs[0];
    if (number != SIGSEGV && number != SIGBUS) return;
    if (*pc == (unsigned long)touch_load || *pc == (unsigned long)touch_store) *pc += 4;
    else leave();
}

static void restore(struct worker *w) {
    long all = -1, v[6] = {(long)page(w, GROUND_PAGES / 2), GROUND_PAGES / 2 * PAGE, PROT_READ | PROT_WRITE, 0, -1, 0};
    v[3] = MAP_ANONYMOUS | MAP_FIXED | (below(w, 8) ? MAP_PRIVATE : MAP_SHARED);
    raw(SYS_mmap, v);
    plain(SYS_sched_setaffinity, 0, 8, (long)&all, 0);
    emu_schedule(w->tid, 0);
    emu_ipc_control(EMU_IPC_ACCEPT, EMU_ACCEPT_ANYBODY);
}

static void thread_main(struct agent *a) {
    struct worker *w = &a->w;
    int n = (int)(a - shared->agents);
    stack_t alternate = {.ss_sp = w->alternate, .ss_size = STACK / 2};
    int tid = (int)plain(SYS_gettid, 0, 0, 0, 0);
    if (n >= TASKS * WORKERS) { /* whoever made it may have ended at once, and another have taken the record since */
        if (w->tid != tid && !has_left(w->tid)) leave();
        if (plain(SYS_getpid, 0, 0, 0, 0) == tid) a->kind = COPIER, a->task = TASKS;
    }
    w->tid = tid;
    plain(SYS_sigaltstack, (long)&alternate, 0, 0, 0);
    sow(w, seed, __atomic_add_fetch(&shared->lives, 1, __ATOMIC_RELAXED));
    memset(a->boxes, 0, sizeof a->boxes);
    if (n < TASKS * WORKERS && n % WORKERS == 2 && below(w, 2)) kse(w);
    for (long k = 0; a->kind == WORKER || k < SPRITE_CALLS; k++) {
        if (shared->over || (a->task < TASKS && shared->told_to_end[a->task]) || plain(SYS_getppid, 0, 0, 0, 0) == 1) break;
        if (a->boxes[0].udata) w->tid = (int)plain(SYS_gettid, 0, 0, 0, 0); /* after an upcall it is another one */
        if (a->kind == WORKER && k % 64 == 0) restore(w);
        if (k == 0 && a->kind == WORKER && n % WORKERS == 0)
            for (int p = 0; p < PORTS; p++) {
                shared->ports[a->task][p] = call(w, ROW_port_create, p % 2 * 64, 0, 0);
                shared->channels[a->task][p] = call(w, ROW_channel_make, shared->ports[a->task][p], 0, 0);
            }
        if (a->kind == WORKER && n % WORKERS == 0 && k % 64 == 0) /* what was destroyed is made anew */
            for (int other = n + 1; other < n + WORKERS; other++)
                if (has_left(shared->agents[other].w.tid)) spawn(&shared->agents[other]);
        if (a->kind == WORKER && n % WORKERS == 1 && below(w, 2)) serve(w);
        one_call(w);
    }
    w->in_call = -1;
    w->tid = 0;
    leave();
}

static void task_main(int k) {
    struct agent *a = &shared->agents[k * WORKERS];
    __asm__ volatile("mv sp, %0\n tail thread_start" ::"r"(top_of(a)) : "memory");
    __builtin_unreachable();
}

/* --- the boss --------------------------------------------------------------------------------------------------------- */

static struct { int pid; long end_ms; int kills, told; } lives[TASKS];

static void begin_life(struct worker *w, int k, long now_ms) {
    for (int n = 0; n < WORKERS; n++) shared->agents[k * WORKERS + n].w.tid = 0, shared->agents[k * WORKERS + n].task = k;
    for (int n = 0; n < PORTS; n++) shared->ports[k][n] = shared->channels[k][n] = 0;
    shared->told_to_end[k] = shared->is_served[k] = 0;
    int go[2];
    if (pipe2(go, 0)) exit(4);
    long words[6] = {SIGCHLD}, child = raw(SYS_clone, words);
    if (child == 0) {
        char byte; /* until it is in its container */
        close(go[1]);
        while (read(go[0], &byte, 1) < 0) ;
        close(go[0]);
        task_main(k);
    }
    close(go[0]);
    if (child > 0) setpgid((int)child, (int)child); /* and so are those that are made there, whoever makes them */
    if (child > 0 && below(w, 2)) {
        with_ids(w, ROW_thread_suspend, EMU_THREAD_SUSPEND, (int)child);
        contain(w, (int)child);
        with_ids(w, ROW_thread_run, EMU_THREAD_RUN, (int)child);
    }
    close(go[1]);
    if (child < 0) return;
    lives[k].pid = shared->pids[k] = (int)child;
    lives[k].end_ms = now_ms + 5 + below(w, LONGEST_LIFE_MS);
    lives[k].kills = (int)below(w, 2), lives[k].told = 0;
}

static int stuck(const char *what, struct agent *a, long ms) {
    static char line[160];
    int which = a->w.in_call;
    snprintf(line, sizeof line, "stuck: %s in %s for %ld ms, tid %d, kind %d, task %d\n", what,
             which >= 0 && which < ROWS ? grammar[which].name : "no call", ms, a->w.tid, a->kind, a->task);
    emu_print(line);
    struct timespec shown = {SHOWN_S, 0}; /* for who looks at the machine from outside */
    nanosleep(&shown, 0);
    return 3;
}

static long calls_made(void) {
    long calls = 0;
    for (int k = 0; k < ROW_any; k++) calls += shared->attempts[k];
    return calls;
}

static void kill_one(long tid) { plain(SYS_tkill, tid, SIGKILL, 0, 0); } /* and with it its task */

/* Until so many calls were made, then until nobody is left. */
static int boss(struct worker *w, long calls) {
    static long before[AGENTS], since_ms[AGENTS], poked_ms[AGENTS];
    static int whose[AGENTS];
    struct timespec ms = {0, 1000000};
    long over_ms = 0, last_ms = now_ns() / 1000000;
    for (;;) {
        long now_ms = now_ns() / 1000000, late_ms = now_ms - last_ms;
        int alive = 0;
        last_ms = now_ms;
        if (late_ms > LATE_MS) { /* nobody is stuck while nobody runs; campaign.py looks whether the host ran */
            static char line[32];
            snprintf(line, sizeof line, "late %ld\n", late_ms);
            emu_print(line);
            over_ms += late_ms;
            for (int k = 0; k < AGENTS; k++) since_ms[k] += late_ms;
        }
        if (!shared->over && calls_made() >= calls) shared->over = 1, over_ms = now_ms;
        for (long child, status; (child = plain(SYS_wait4, -1, (long)&status, WNOHANG, 0)) > 0;)
            for (int k = 0; k < TASKS; k++)
                if (lives[k].pid == child) {
                    kill((int)-child, SIGKILL); /* what it has left: orphans that nobody would ever wake */
                    lives[k].pid = shared->pids[k] = 0;
                }
        for (int k = 0; k < TASKS; k++) {
            if (lives[k].pid == 0) {
                if (!shared->over) begin_life(w, k, now_ms);
                continue;
            }
            alive++;
            if (now_ms >= lives[k].end_ms && !lives[k].told) {
                lives[k].told = 1;
                if (lives[k].kills) kill(lives[k].pid, SIGKILL);
                else shared->told_to_end[k] = 1;
            }
            if (shared->is_served[k] && now_ms > lives[k].end_ms + CLIENT_MS) kill(lives[k].pid, SIGKILL);
            /* a program executed in it is no agent, and may have been suspended; agents would be found stuck before */
            if (now_ms > lives[k].end_ms + 2 * STUCK_MS) kill(lives[k].pid, SIGKILL);
        }
        for (int k = 0; k < AGENTS; k++) {
            struct agent *a = &shared->agents[k];
            int tid = a->w.tid, in_call = a->w.in_call;
            if (has_left(tid)) continue;
            alive++;
            if (tid != whose[k] || a->w.calls != before[k]) whose[k] = tid, before[k] = a->w.calls, since_ms[k] = now_ms;
            long idle_ms = now_ms - since_ms[k];
            if (idle_ms >= WAIT_MS && now_ms >= poked_ms[k] + WAIT_MS) {
                struct emu_ids ids = {tid, 0, 0};
                plain(SYS_tkill, tid, SIGUSR1, 0, 0);
                if (plain(EMU_THREAD_CONTROL, EMU_THREAD_RUN, (long)&ids, 0, 0) == -EPERM) a->task = TASKS; /* an orphan */
                poked_ms[k] = now_ms;
            }
            int task = a->task < TASKS ? a->task : -1;
            if (idle_ms > CLIENT_MS) {
                if (task < 0) kill_one(tid);
                else if (shared->is_served[task] || in_call == ROW_vfork) kill(lives[task].pid ? lives[task].pid : tid, SIGKILL);
            }
            if (idle_ms > STUCK_MS) return stuck(task < 0 ? "a sprite" : "a thread", a, idle_ms);
        }
        if (shared->over && !alive) return 0;
        if (shared->over && now_ms > over_ms + 3 * STUCK_MS) return stuck("somebody", &shared->agents[0], now_ms - over_ms);
        nanosleep(&ms, 0);
    }
}

static void print_counts(void) {
    static char line[96];
    for (int k = 0; k < ROWS; k++) {
        if (shared->attempts[k] == 0) continue;
        const char *linux_call = k > ROW_exec ? "linux/" : "";
        snprintf(line, sizeof line, "call %s%s %d %d\n", linux_call, grammar[k].name, shared->attempts[k], shared->successes[k]);
        emu_print(line);
    }
}

static void open_files(void) {
    int pair[2];
    for (int k = 0; k < 3; k++) dup2(open("/dev/null", O_RDWR), k);
    for (int k = 3; k < 64; k++) close(k);
    (void)!pipe2(pair, O_NONBLOCK), (void)!pipe2(pair, O_NONBLOCK), (void)!pipe2(pair, 0);
    (void)!socketpair(AF_UNIX, SOCK_STREAM | O_NONBLOCK, 0, pair), (void)!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    (void)!plain(SYS_eventfd2, 3, 0, 0, 0), (void)!open("/tmp/natives", O_RDWR | O_CREAT, 0644);
}

int main(int argc, char **argv) {
    if (!on_emu()) return 6;
    if (argc > 1 && strcmp(argv[1], "child") == 0) return 0;
    if (argc != 3) return 2;
    seed = strtoull(argv[1], 0, 0);
    open_files();
    make_targets();
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mmap(0, SLACK_PAGES * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared_pages = mmap(0, SHARED_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    code = mmap(0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memcpy(code, loop_code, (size_t)(loop_end - loop_code));
    for (int k = 0; k < ROWS; k++) total_weight += grammar[k].weight;
    for (int k = 0; k < AGENTS; k++) {
        struct agent *a = &shared->agents[k];
        a->kind = k < TASKS * WORKERS ? WORKER : SHARER;
        a->task = k < TASKS * WORKERS ? k / WORKERS : TASKS;
        a->w.in_call = -1;
        a->w.ground = new_ground(SLACK_PAGES);
        a->w.stack = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        a->w.alternate = mmap(0, STACK / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(struct agent **)top_of(a) = a;
    }
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, 0), sigaction(SIGBUS, &action, 0), sigaction(SIGUSR1, &action, 0);
    signal(SIGPIPE, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        static struct agent self;
        sow(&self.w, seed, 99);
        self.w.tid = (int)plain(SYS_gettid, 0, 0, 0, 0), self.w.ground = new_ground(SLACK_PAGES), self.task = TASKS;
        int status = boss(&self.w, atol(argv[2]));
        print_counts();
        _exit(status);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) ;
    for (int k = 0; k < TASKS; k++) /* of a boss that gives up */
        if (shared->pids[k] > 0) kill(-shared->pids[k], SIGKILL), kill(shared->pids[k], SIGKILL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 7;
}
