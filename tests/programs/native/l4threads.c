/* Threads and address spaces by thread_control, contexts by exchange_registers (cz-8, cz-9, cz-17, cz-19). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../emu/guests/emu.h"
#include "../check.h"

enum { STACK = 65536, LAPS = 300, STILL = 20000 };
static char stacks[8][STACK] __attribute__((aligned(16)));
static atomic_long ran, value;
static struct emu_ids self;

static void *top(int k) { return stacks[k] + STACK; }

static void run_and_leave(long x) {
    atomic_store(&ran, x);
    emu_leave(7);
}

static void spin(long x) {
    atomic_store(&ran, x);
    for (;;)
        atomic_fetch_add(&value, 1);
}

/* A suspended thread at a function; its ids. */
static struct emu_ids make(void (*body)(long), long argument, int k) {
    struct emu_ids ids = {0, 0, 0};
    struct emu_context context;
    CHECK(emu_thread_control(EMU_THREAD_CREATE | EMU_SHARE_SPACE, &ids) == 0);
    long result = emu_thread_control(EMU_THREAD_SUSPEND, &ids);
    CHECK(result == 0 || result == -EINVAL); /* it has stopped, or had before */
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ) == 0);
    context.pc = (long)body, context.x[2] = (long)top(k), context.x[10] = argument;
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_WRITE_X | EMU_WRITE_PC) == 0);
    return ids;
}

static long wait_for(struct emu_ids *ids) {
    long result;
    while ((result = emu_thread_control(EMU_THREAD_WAIT, ids)) == -EINTR)
        ;
    return result;
}

static void ids_of_groups(void) {
    struct emu_ids ids = {0, 0, self.tgid}, other = {0, 0, self.tgid + 1000};
    CHECK(self.tid == (int)syscall(SYS_gettid) && self.spid == getpid() && self.tgid == getpid());
    CHECK(emu_thread_control(EMU_THREAD_CREATE, &ids) == 0 && ids.tid != self.tid && ids.spid == self.spid);
    CHECK(ids.tgid == self.tgid); /* suggested, and of this space */
    CHECK(emu_thread_control(EMU_THREAD_CREATE, &other) == 0 && other.tgid == other.tid); /* no such group */
    struct emu_ids copy = {0, 0, self.tgid};
    CHECK(emu_thread_control(EMU_THREAD_CREATE | EMU_COPY_SPACE, &copy) == 0);
    if (copy.tid == 0) { /* the copy, once it runs: it does not see what was stored after it was made */
        struct emu_ids mine;
        emu_getid(&mine);
        _exit(mine.tid == getpid() && mine.spid == mine.tid && mine.tgid == mine.tid ? 5 : 6);
    }
    CHECK(copy.spid == copy.tid && copy.tgid == copy.tid);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &copy) == 0);
    int status;
    CHECK(waitpid(copy.tid, &status, 0) == copy.tid && WEXITSTATUS(status) == 5);
    for (int k = 0; k < 2; k++) { /* never run, told to leave */
        struct emu_ids *each = k ? &other : &ids;
        CHECK(emu_thread_control(EMU_THREAD_DESTROY, each) == 0);
        long result = wait_for(each);
        CHECK(result == 0 || result == -ESRCH);
    }
}

static void contexts(void) {
    struct emu_context context, old;
    atomic_store(&ran, 0);
    struct emu_ids ids = make(run_and_leave, 42, 0);
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ) == 0);
    CHECK(context.pc == (long)run_and_leave && context.x[10] == 42 && context.pager == 0 && context.utcb == 0);
    old = context;
    context.f[3] = 77, context.fcsr = 0x1E1;
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ | EMU_WRITE_F) == 0);
    CHECK(context.f[3] == old.f[3]); /* what is read is what was there before */
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ) == 0 && context.f[3] == 77 && context.fcsr == 0xE1);
    context.pc = (long)run_and_leave | 1;
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_WRITE_PC) == -EINVAL);
    context.pager = 1 << 28;
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_WRITE_PAGER) == -ESRCH);
    CHECK(emu_exchange_registers(ids.tid, &context, 0) == -EINVAL);
    CHECK(emu_exchange_registers(ids.tid, &context, 64) == -EINVAL);
    CHECK(emu_exchange_registers(ids.tid, (struct emu_context *)8, EMU_READ) == -EFAULT);
    CHECK(emu_exchange_registers(self.tid, &context, EMU_READ) == -EBUSY);
    CHECK(emu_exchange_registers(1 << 28, &context, EMU_READ) == -ESRCH);
    CHECK(atomic_load(&ran) == 0);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
    long result = wait_for(&ids);
    CHECK(result == 7 || result == -ESRCH);
    CHECK(atomic_load(&ran) == 42);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == -ESRCH && wait_for(&ids) == -ESRCH);
    CHECK(emu_thread_control(EMU_THREAD_WAIT, &self) == -EDEADLK);
    CHECK(emu_thread_control(EMU_THREAD_RECYCLE, &self) == -EDEADLK);
    CHECK(emu_thread_control(6, &self) == -EINVAL && emu_thread_control(EMU_THREAD_RUN | EMU_NEW_SPACE, &self) == -EINVAL);
    CHECK(emu_thread_control(EMU_THREAD_CREATE | 3 << 4, &ids) == -EINVAL);
    CHECK(emu_thread_control(EMU_THREAD_CREATE, (struct emu_ids *)-8) == -EFAULT);
    CHECK(emu_thread_control(EMU_THREAD_RUN, (struct emu_ids *)16) == -EFAULT);
}

/* Run, suspend, look, run; a running thread is destroyed; another is recycled and used again under its tid. */
static void steering(void) {
    struct emu_context context;
    struct emu_ids ids = make(spin, 1, 0);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
    CHECK(emu_thread_control(EMU_THREAD_RECYCLE, &ids) == -EBUSY);
    for (int lap = 0; lap < 5; lap++) {
        for (long before = atomic_load(&value); atomic_load(&value) == before;)
            sched_yield();
        CHECK(emu_thread_control(EMU_THREAD_SUSPEND, &ids) == 0);
        CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ) == 0);
        CHECK(context.pc >= (long)spin && context.pc < (long)spin + 200);
        long before = atomic_load(&value);
        sched_yield();
        CHECK(atomic_load(&value) == before);
        CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
    }
    CHECK(emu_thread_control(EMU_THREAD_SUSPEND, &ids) == 0);
    CHECK(emu_thread_control(EMU_THREAD_RECYCLE, &ids) == 0);
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_READ) == 0 && context.pc == 0 && context.x[2] == 0);
    context.x[2] = (long)top(1), context.x[10] = 9, context.pc = (long)spin;
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_WRITE_X | EMU_WRITE_PC) == 0);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
    while (atomic_load(&ran) != 9)
        sched_yield();
    CHECK(emu_schedule(ids.tid, 5) == 0 && emu_schedule(ids.tid, 20) == -EINVAL && emu_schedule(1 << 28, 0) == -ESRCH);
    CHECK(emu_thread_switch(ids.tid) == 0 && emu_thread_switch(0) == 0 && emu_thread_switch(1 << 28) == -ESRCH);
    CHECK(emu_thread_control(EMU_THREAD_DESTROY, &ids) == 0);
    long result = wait_for(&ids);
    CHECK(result == 0 || result == -ESRCH);
}

/* Several at once read and write the context of one thread that a third one lets run and stops: never a torn one. */
static atomic_int stop;
static struct emu_ids victim;

static void *writer(void *mark) {
    struct emu_context context;
    long laps = 0;
    while (!atomic_load(&stop)) {
        long result = emu_exchange_registers(victim.tid, &context, EMU_READ);
        if (result == 0) {
            for (int k = 19; k < 27; k++) /* s3…s10, which `idle` does not use */
                CHECK(context.x[k] == context.x[18]);
            for (int k = 18; k < 27; k++)
                context.x[k] = (long)mark + laps;
            context.pc &= ~1L;
            result = emu_exchange_registers(victim.tid, &context, EMU_WRITE_X);
            laps++;
        }
        CHECK(result == 0 || result == -EBUSY);
        sched_yield();
    }
    return (void *)laps;
}

/* Where nobody lets it run, each exchange finds it suspended: who holds it last has not let it go on. */
static void *write_often(void *mark) {
    struct emu_context context;
    for (long lap = 0; lap < STILL; lap++) {
        CHECK(emu_exchange_registers(victim.tid, &context, EMU_READ) == 0);
        for (int k = 19; k < 27; k++)
            CHECK(context.x[k] == context.x[18]);
        for (int k = 18; k < 27; k++)
            context.x[k] = (long)mark + lap;
        CHECK(emu_exchange_registers(victim.tid, &context, EMU_WRITE_X) == 0);
    }
    return mark;
}

static void idle(long x) {
    (void)x;
    __asm__ volatile("1: j 1b");
}

static void torn(void) {
    pthread_t threads[2];
    struct emu_context context;
    victim = make(idle, 0, 2);
    CHECK(emu_exchange_registers(victim.tid, &context, EMU_READ) == 0);
    for (int k = 18; k < 27; k++)
        context.x[k] = 0;
    CHECK(emu_exchange_registers(victim.tid, &context, EMU_WRITE_X) == 0);
    for (long k = 0; k < 2; k++)
        CHECK(pthread_create(&threads[k], NULL, write_often, (void *)((k + 1) << 32)) == 0);
    for (int k = 0; k < 2; k++)
        CHECK(pthread_join(threads[k], NULL) == 0);
    for (long k = 0; k < 2; k++)
        CHECK(pthread_create(&threads[k], NULL, writer, (void *)((k + 1) << 32)) == 0);
    for (int lap = 0; lap < LAPS; lap++) {
        long result = emu_thread_control(lap & 1 ? EMU_THREAD_SUSPEND : EMU_THREAD_RUN, &victim);
        CHECK(result == 0 || result == -EINVAL);
    }
    atomic_store(&stop, 1);
    for (int k = 0; k < 2; k++)
        CHECK(pthread_join(threads[k], NULL) == 0);
    CHECK(emu_thread_control(EMU_THREAD_DESTROY, &victim) == 0);
    wait_for(&victim);
}

/* The library's clone: the child is set up when it returns, with its UTCB or without. */
static atomic_long child_utcb;
static void child(void *argument) {
    struct emu_message m = {.mr = {5}};
    atomic_store(&child_utcb, (long)argument);
    emu_ipc(self.tid, EMU_NILTHREAD, 0, -1, &m);
}

static void clones(void) {
    struct emu_message m = {.mr = {0}};
    struct emu_ids ids = {0, 0, 0};
    for (int k = 0; k < 4; k++) {
        long tid = emu_clone(child, (void *)(long)(k + 1), top(3), k & 1 ? EMU_NO_UTCB : 0);
        CHECK(tid > 0);
        CHECK(emu_ipc(EMU_NILTHREAD, (int)tid, 0, -1, &m) == tid && m.mr[0] == 5);
        CHECK(atomic_load(&child_utcb) == k + 1);
        ids.tid = (int)tid;
        long result = wait_for(&ids);
        CHECK(result == 0 || result == -ESRCH);
    }
    char *mine = emu_utcb();
    CHECK((long)mine > 0 && mine == emu_utcb());
    mine[0] = 1, mine[255] = 2;
}

/* Who is nobody's parent may not steer: a grandchild's thread. */
static void strangers(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t middle = fork();
    if (middle == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            pause();
            _exit(0);
        }
        CHECK(write(ends[1], &grandchild, sizeof grandchild) == sizeof grandchild);
        pause();
        _exit(0);
    }
    pid_t grandchild;
    CHECK(read(ends[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    struct emu_ids ids = {grandchild, 0, 0};
    struct emu_context context;
    CHECK(emu_thread_control(EMU_THREAD_DESTROY, &ids) == -EPERM);
    CHECK(emu_exchange_registers(grandchild, &context, EMU_READ) == -EPERM);
    CHECK(emu_schedule(grandchild, 3) == -EPERM);
    CHECK(emu_copy_from(grandchild, (long)&ends, &context, 8) == -EPERM);
    CHECK(emu_copy_from(middle, (long)&grandchild, &context, 4) == 4); /* its own child's memory */
    CHECK(kill(grandchild, SIGKILL) == 0 && kill(middle, SIGKILL) == 0 && waitpid(middle, NULL, 0) == middle);
}

static int lock_word;
static long guarded;
static void *add(void *argument) {
    for (int k = 0; k < 500; k++) {
        CHECK(emu_user_lock(&lock_word) == 0);
        long seen = guarded;
        if (k % 16 == 0)
            sched_yield();
        guarded = seen + 1;
        emu_user_unlock(&lock_word);
    }
    return argument;
}

static void rest(void) {
    pthread_t threads[3];
    for (int k = 0; k < 3; k++)
        CHECK(pthread_create(&threads[k], NULL, add, NULL) == 0);
    for (int k = 0; k < 3; k++)
        CHECK(pthread_join(threads[k], NULL) == 0);
    CHECK(guarded == 1500);
    CHECK(emu_cache_control(stacks, sizeof stacks) == 0 && emu_cache_control((void *)16, 8) == -EFAULT);
    CHECK(emu_cache_control(stacks, -1) == -EINVAL);
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(emu_unmap((long)pages + 4096, 1, self.tid) == 0);
    CHECK(emu_unmap((long)pages, 4, self.tid) == -1); /* only partly mapped: what is, is unmapped */
    CHECK(msync(pages, 4096, MS_ASYNC) == -1 && errno == ENOMEM);
    CHECK(emu_unmap((long)pages + 1, 1, self.tid) == -EINVAL && emu_unmap((long)pages, 1L << 60, self.tid) == -EINVAL);
}

/* One thread of a task with others is killed; the others go on. Then a million would leak: some hundred show it. */
static void many(void) {
    for (int lap = 0; lap < 200; lap++) {
        struct emu_ids ids = make(lap & 1 ? spin : run_and_leave, lap, 4);
        if (lap % 3)
            CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
        long result = emu_thread_control(EMU_THREAD_DESTROY, &ids);
        CHECK(result == 0 || result == -ESRCH);
        wait_for(&ids);
    }
    struct emu_ids empty = {0, 0, 0};
    CHECK(emu_thread_control(EMU_THREAD_CREATE | EMU_NEW_SPACE, &empty) == 0);
    CHECK(emu_thread_control(EMU_THREAD_DESTROY, &empty) == 0); /* or it would fault at its first instruction */
    int status;
    CHECK(waitpid(empty.tid, &status, 0) == empty.tid && status == 0);
}

int main(void) {
    CHECK(emu_getid(&self) == 0 && emu_getid((struct emu_ids *)4) == -EFAULT);
    ids_of_groups();
    contexts();
    steering();
    torn();
    clones();
    strangers();
    rest();
    many();
    return ok("l4threads");
}
