/* Containers and capabilities, ipc_control, irq_control (cz-17). The manager is in no container; each part runs in a
 * child of its own that makes a container around itself, and then may do what the manager has granted. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../emu/guests/emu.h"
#include "check.h"

enum { STACK = 16384, WORKERS = 4, LAPS = 60, PAGE = 4096 };
static char stacks[16][STACK] __attribute__((aligned(16)));
static int to_manager[2], to_child[2];
static atomic_long inside, most, made, refused, go_on;

/* --- manager and child --------------------------------------------------------------------------------------------- */

static long child_container;
static pid_t child;

static void tell(int fd, long word) { CHECK(write(fd, &word, sizeof word) == sizeof word); }
static long hear(int fd) {
    long word = -1;
    CHECK(read(fd, &word, sizeof word) == sizeof word);
    return word;
}
static void step(void) { /* in the child: let the manager do what comes next */
    tell(to_manager[1], 0);
    hear(to_child[0]);
}
static void begin(void (*body)(void)) {
    CHECK(pipe(to_manager) == 0 && pipe(to_child) == 0);
    child = fork();
    close(to_manager[child == 0 ? 0 : 1]); /* so that each hears of the other's end */
    close(to_child[child == 0 ? 1 : 0]);
    if (child == 0) {
        tell(to_manager[1], emu_container_control(EMU_CONTAINER_CREATE, 0));
        hear(to_child[0]);
        body();
        _exit(0);
    }
    CHECK(child > 0);
    child_container = hear(to_manager[0]);
    CHECK(child_container > 0 && emu_container_control(EMU_CONTAINER_OF, child) == child_container);
}
static void go(void) { tell(to_child[1], 0); }
static void next(void) { /* in the manager: let the child go on, until its next step */
    go();
    hear(to_manager[0]);
}
static void end(void) {
    int status;
    go();
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(to_manager[0]);
    close(to_child[1]);
}
static long give(long kind, long size) {
    long capability = emu_capability_create(child_container, kind, size);
    CHECK(capability > 0);
    return capability;
}
static void expect(long capability, long size, long used) {
    struct emu_capability read;
    CHECK(emu_capability_read(capability, &read) == 0);
    CHECK(read.size == size && read.used == used);
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */

static void wait_for(int tid) {
    struct emu_ids ids = {tid, 0, 0};
    while (emu_thread_control(EMU_THREAD_WAIT, &ids) == -EINTR)
        ;
}
static void until_told(void *unused) {
    (void)unused;
    while (!atomic_load(&go_on))
        sched_yield();
}
static long make(int k) { return emu_clone(until_told, NULL, stacks[k] + STACK, EMU_NO_UTCB); }

static void threads(void) {
    CHECK(make(0) == -EAGAIN); /* what is not granted cannot be done */
    step();
    int tids[4];
    for (int k = 0; k < 3; k++)
        CHECK((tids[k] = make(k)) > 0);
    CHECK(make(3) == -EAGAIN);
    step();
    atomic_store(&go_on, 1);
    for (int k = 0; k < 3; k++)
        wait_for(tids[k]);
    for (int lap = 0; lap < 20; lap++) { /* who has waited for one finds its room */
        for (int k = 0; k < 3; k++)
            CHECK((tids[k] = make(k)) > 0);
        for (int k = 0; k < 3; k++)
            wait_for(tids[k]);
    }
    step();
}

static void enter_and_leave(void *unused) {
    (void)unused;
    long now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
    while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
        ;
    for (int k = 0; k < 3; k++)
        sched_yield();
    atomic_fetch_sub(&inside, 1);
}
static void create_and_end(void *number) {
    char *stack = stacks[8 + (long)number];
    for (int lap = 0; lap < LAPS; lap++) {
        long tid = emu_clone(enter_and_leave, NULL, stack + STACK, EMU_NO_UTCB);
        CHECK(tid > 0 || tid == -EAGAIN);
        atomic_fetch_add(tid > 0 ? &made : &refused, 1);
        if (tid > 0)
            wait_for((int)tid);
        else
            sched_yield();
    }
}
static void racing_threads(void) {
    int tids[WORKERS];
    for (long k = 0; k < WORKERS; k++)
        CHECK((tids[k] = emu_clone(create_and_end, (void *)k, stacks[k] + STACK, EMU_NO_UTCB)) > 0);
    for (int k = 0; k < WORKERS; k++)
        wait_for(tids[k]);
    CHECK(atomic_load(&made) > 0 && atomic_load(&most) <= WORKERS - 1 && atomic_load(&inside) == 0);
    step(); /* two capabilities of 3 and 4: nothing is used */
}

/* --- spaces, mutexes, maps -------------------------------------------------------------------------------------------- */

static void spaces(void) {
    CHECK_ERROR(fork(), EAGAIN);
    step();
    for (int lap = 0; lap < 20; lap++) {
        int line[2], status;
        CHECK(pipe(line) == 0);
        pid_t first = fork();
        if (first == 0) { /* stays until the second one has tried */
            hear(line[0]);
            _exit(0);
        }
        pid_t second = fork();
        if (second == 0) { /* it is in the same container, which is full */
            CHECK(emu_container_control(EMU_CONTAINER_OF, 0) > 0);
            CHECK_ERROR(fork(), EAGAIN);
            _exit(0);
        }
        CHECK(first > 0 && second > 0);
        CHECK(waitpid(second, &status, 0) == second && status == 0);
        tell(line[1], 0);
        CHECK(waitpid(first, &status, 0) == first && status == 0);
        close(line[0]), close(line[1]);
    }
    step();
}
static void mutexes(void) {
    CHECK(emu_mutex_lock(0) == -EAGAIN && emu_mutex_trylock(1) == -EAGAIN);
    step();
    CHECK(emu_mutex_lock(0) == 0 && emu_mutex_trylock(5) == 0);
    CHECK(emu_mutex_lock(2) == -EAGAIN && emu_mutex_trylock(7) == -EAGAIN);
    CHECK(emu_mutex_unlock(0) == 0 && emu_mutex_unlock(5) == 0 && emu_mutex_lock(0) == 0);
    CHECK(emu_mutex_lock(2) == -EAGAIN); /* a mutex is the task's until it ends */
    step();
}
static void *map(void) { return mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }
static void maps(void) {
    CHECK(map() == MAP_FAILED && errno == ENOMEM);
    step();
    char *first = map(), *second = map(), *third = map();
    CHECK(first != MAP_FAILED && second != MAP_FAILED && third != MAP_FAILED);
    CHECK(map() == MAP_FAILED && errno == ENOMEM);
    first[PAGE] = 1;
    CHECK_ERROR(munmap(first + PAGE, PAGE), ENOMEM); /* that would be one more */
    CHECK(first[PAGE] == 1);
    CHECK(munmap(second, 3 * PAGE) == 0 && munmap(third, 3 * PAGE) == 0);
    CHECK(munmap(first + PAGE, PAGE) == 0); /* for a moment there are three */
    CHECK(map() != MAP_FAILED && map() == MAP_FAILED && errno == ENOMEM);
    step();
}

/* --- CPUs and messages ------------------------------------------------------------------------------------------------ */

static unsigned long affinity(void) {
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    unsigned long mask = 0;
    for (int k = 0; k < 63; k++)
        mask |= CPU_ISSET(k, &set) ? 1UL << k : 0;
    return mask;
}
static int ask_for(unsigned long mask) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int k = 0; k < 63; k++)
        if (mask >> k & 1)
            CPU_SET(k, &set);
    return sched_setaffinity(0, sizeof set, &set);
}
static unsigned long all;
static void cpus(void) {
    CHECK(affinity() == all);
    CHECK_ERROR(ask_for(1), EPERM);
    step();
    CHECK(affinity() == 1); /* cut at once */
    CHECK(ask_for(all) == 0 && affinity() == 1);
    if (all > 1)
        CHECK_ERROR(ask_for(2), EINVAL);
    step(); /* all of them */
    CHECK(affinity() == 1 && ask_for(all) == 0 && affinity() == all);
    if (all > 1) {
        step(); /* the second one only: all of the thread's others are taken away */
        CHECK(affinity() == 2);
        atomic_store(&go_on, 1);
    }
}
static struct emu_message mail;
static int manager;
static long port, chan; /* the manager's */
static void messages(void) {
    CHECK(emu_ipc(manager, EMU_NILTHREAD, 0, -1, &mail) == -EPERM);
    CHECK(emu_mailbox_send(manager, 1, 2, 3, 4) == -EPERM && emu_mailbox_send(1 << 28, 1, 2, 3, 4) == -ESRCH);
    CHECK(emu_chan_send(chan, "word", 4) == -EPERM && emu_chan_send(chan + 1, "word", 4) == -EBADF);
    long own = emu_port_create(0, 0), to_own = emu_chan_create(own);
    CHECK(emu_chan_send(to_own, "word", 4) == 0 && emu_mailbox_send(getpid(), 1, 2, 3, 4) == 0);
    step();
    CHECK(emu_mailbox_send(manager, 1, 2, 3, 4) == 0 && emu_chan_send(chan, "word", 4) == 0);
    mail.mr[0] = 42;
    CHECK(emu_ipc(manager, manager, 0, -1, &mail) == manager && mail.mr[0] == 43);
}

/* --- capabilities among themselves -------------------------------------------------------------------------------------- */

static void sit(void) {}

static void operations(void) {
    begin(sit); /* a container with a task that only waits */
    long other = child_container, other_child = child;
    int pipes[4] = {to_manager[0], to_manager[1], to_child[0], to_child[1]};
    begin(threads);
    long first = give(EMU_THREADS, 10), second, third;
    struct emu_capability read;
    CHECK(emu_capability_read(first, &read) == 0 && read.container == child_container && read.kind == EMU_THREADS);
    expect(first, 10, 0);
    CHECK((second = emu_capability_split(first, 4)) > 0); /* a part becomes another */
    expect(first, 6, 0), expect(second, 4, 0);
    CHECK(emu_capability_split(first, 7) == -EINVAL);
    CHECK((third = emu_capability_grant(second, other)) > 0 && emu_capability_read(second, &read) == -ESRCH);
    CHECK(emu_capability_read(third, &read) == 0 && read.container == other && read.size == 4);
    CHECK(emu_capability_deduce(third, 5) == -EINVAL && emu_capability_deduce(third, 2) == 0);
    expect(third, 2, 0);
    CHECK((second = emu_capability_share(third, child_container)) > 0);
    CHECK(emu_capability_deduce(third, 1) == 0);
    expect(second, 1, 0); /* one pool */
    CHECK(emu_capability_destroy(second) == 0 && emu_capability_destroy(second) == -ESRCH);
    expect(third, 1, 0);
    CHECK((second = emu_capability_replicate(first, other, 6)) > 0);
    CHECK(emu_capability_replicate(first, other, 7) == -EINVAL);
    CHECK(emu_capability_deduce(first, 3) == 0); /* what the child's body expects; the replica is charged there too */
    long chain = second;
    int levels = 2;
    while ((chain = emu_capability_replicate(chain, other, 1)) > 0)
        levels++;
    CHECK(chain == -ENOSPC && levels == 8);
    CHECK(emu_capability_destroy(first) == 0);
    next(); /* the child has none: its first CHECK */
    first = give(EMU_THREADS, 5);
    CHECK(emu_capability_deduce(first, 3) == 0);
    next();
    expect(first, 3, 3);
    CHECK(emu_capability_deduce(first, 2) == -EBUSY && emu_capability_split(first, 1) == -EBUSY);
    next();
    expect(first, 3, 0);
    end();
    CHECK(emu_capability_read(first, &read) == -ESRCH); /* gone with its container */
    CHECK(emu_capability_create(child_container, EMU_THREADS, 1) == -ESRCH);
    while ((chain = emu_capability_create(other, EMU_MAPS, 1)) > 0)
        third = chain;
    CHECK(chain == -ENOSPC && emu_capability_split(third, 1) == -ENOSPC);
    to_manager[0] = pipes[0], to_manager[1] = pipes[1], to_child[0] = pipes[2], to_child[1] = pipes[3];
    child = (pid_t)other_child;
    end();
    CHECK(emu_capability_read(third, &read) == -ESRCH);
}

static void in_a_container(void) { /* what a contained task may do with capabilities */
    struct emu_capability read;
    long mine = emu_container_control(EMU_CONTAINER_OF, 0);
    long capability = hear(to_child[0]), foreign = hear(to_child[0]), stranger = hear(to_child[0]);
    CHECK(emu_container_control(EMU_CONTAINER_CREATE, 0) == -EPERM);
    CHECK(emu_capability_create(mine, EMU_THREADS, 1) == -EPERM);
    CHECK(emu_capability_read(foreign, &read) == -EPERM && emu_capability_destroy(foreign) == -EPERM);
    CHECK(emu_capability_grant(capability, stranger) == -EPERM && emu_capability_share(capability, stranger) == -EPERM);
    CHECK(emu_capability_replicate(capability, stranger, 1) == -EPERM);
    CHECK(emu_capability_read(capability, &read) == 0 && read.size == 4);
    CHECK(emu_capability_read(capability, (struct emu_capability *)8) == -EFAULT);
    long part = emu_capability_split(capability, 1), replica = emu_capability_replicate(capability, mine, 2);
    CHECK(part > 0 && replica > 0);
    CHECK(emu_capability_destroy(capability) == -EBUSY); /* it is replicated */
    CHECK(emu_capability_destroy(replica) == 0 && emu_capability_destroy(part) == 0);
    atomic_store(&go_on, 0);
    long tid = make(0);
    CHECK(tid > 0 && emu_capability_destroy(capability) == -EBUSY); /* it is used */
    atomic_store(&go_on, 1);
    wait_for((int)tid);
    CHECK(emu_capability_destroy(capability) == 0 && make(0) == -EAGAIN);
    step(); /* now it may send to the stranger's container */
    capability = hear(to_child[0]);
    CHECK(emu_capability_grant(capability, stranger) > 0 && emu_capability_read(capability, &read) == -ESRCH);
}

static void delegation(void) {
    begin(sit);
    long other = child_container, foreign = give(EMU_SPACES, 1);
    pid_t other_child = child;
    int pipes[4] = {to_manager[0], to_manager[1], to_child[0], to_child[1]};
    begin(in_a_container);
    go();
    tell(to_child[1], give(EMU_THREADS, 4)), tell(to_child[1], foreign), tell(to_child[1], other);
    hear(to_manager[0]);
    give(EMU_IPCS, other);
    go();
    tell(to_child[1], give(EMU_MAPS, 4));
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    to_manager[0] = pipes[0], to_manager[1] = pipes[1], to_child[0] = pipes[2], to_child[1] = pipes[3];
    child = other_child;
    end();
}

static void wrong_arguments(void) {
    struct emu_capability read;
    long wild[] = {0, -1, 1, 7, 1L << 40, 1L << 62, -(1L << 62), 0x00FF0001, 0x20010001, 512, 513, 0xFFFF};
    begin(sit);
    for (unsigned k = 0; k < sizeof wild / sizeof *wild; k++) {
        if (wild[k] == child_container)
            continue;
        CHECK(emu_capability_read(wild[k], &read) == -ESRCH && emu_capability_destroy(wild[k]) == -ESRCH);
        CHECK(emu_capability_split(wild[k], 1) == -ESRCH && emu_capability_deduce(wild[k], 1) == -ESRCH);
        CHECK(emu_capability_create(wild[k], EMU_THREADS, 1) == -ESRCH);
    }
    CHECK(emu_capability_create(child_container, 0, 1) == -EINVAL && emu_capability_create(child_container, 7, 1) == -EINVAL);
    CHECK(emu_capability_create(child_container, EMU_MAPS, 0) == -EINVAL);
    CHECK(emu_capability_create(child_container, EMU_MAPS, 1L << 23) == -EINVAL);
    CHECK(emu_capability_create(child_container, EMU_MAPS, -1) == -EINVAL);
    CHECK(emu_capability_create(child_container, EMU_CPUS, 0) == -EINVAL);
    CHECK(emu_capability_create(child_container, EMU_IPCS, 1L << 33) == -ESRCH);
    CHECK(emu_capability_control(8, 0, 0, 0) == -EINVAL && emu_capability_control(-1, 0, 0, 0) == -EINVAL);
    long capability = give(EMU_MAPS, (1 << 23) - 1);
    CHECK(emu_capability_split(capability, 0) == -EINVAL && emu_capability_split(capability, 1L << 40) == -EINVAL);
    CHECK(emu_capability_deduce(capability, -1) == -EINVAL && emu_capability_deduce(capability, 1L << 62) == -EINVAL);
    CHECK(emu_capability_replicate(capability, child_container, 1L << 62) == -EINVAL);
    CHECK(emu_capability_read(capability, (struct emu_capability *)8) == -EFAULT);
    CHECK(emu_container_control(EMU_CONTAINER_CREATE, child) == -EBUSY); /* it is in one */
    CHECK(emu_container_control(EMU_CONTAINER_CREATE, 1 << 28) == -ESRCH && emu_container_control(2, 0) == -EINVAL);
    CHECK(emu_container_control(EMU_CONTAINER_OF, 0) == 0);
    end();
    struct emu_ids copy = {0, 0, 0}; /* around a suspended one */
    CHECK(emu_thread_control(EMU_THREAD_CREATE | EMU_COPY_SPACE, &copy) == 0);
    if (copy.tid == 0)
        _exit(emu_container_control(EMU_CONTAINER_OF, 0) > 0 && make(0) == -EAGAIN ? 0 : 1);
    long result = emu_thread_control(EMU_THREAD_SUSPEND, &copy);
    CHECK(result == 0 || result == -EINVAL);
    CHECK(emu_container_control(EMU_CONTAINER_CREATE, copy.tid) > 0);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &copy) == 0);
    int status;
    CHECK(waitpid(copy.tid, &status, 0) == copy.tid && status == 0);
}

/* --- ipc_control and irq_control -------------------------------------------------------------------------------------- */

static atomic_int results[3];
static void send_to_manager(void *number) {
    struct emu_message message = {.mr = {(long)number}};
    long result;
    while ((result = emu_ipc(manager, EMU_NILTHREAD, 0, -1, &message)) == -EINTR) /* by SIGCHLD */
        ;
    atomic_store(&results[(long)number], (int)result + 1000);
}
static void accepting(void) {
    struct emu_message message;
    int tids[2];
    for (long k = 0; k < 2; k++)
        CHECK((tids[k] = emu_clone(send_to_manager, (void *)k, stacks[k] + STACK, EMU_NO_UTCB)) > 0);
    while (emu_ipc_control(EMU_IPC_WAITING, 0) < 2)
        sched_yield();
    CHECK(emu_ipc_control(EMU_IPC_ACCEPT, EMU_ACCEPT_TASK) == 0 && emu_ipc_control(EMU_IPC_WAITING, 0) == 2);
    pid_t stranger = fork();
    if (stranger == 0)
        _exit(emu_ipc(manager, EMU_NILTHREAD, 0, -1, &message) == -EPERM ? 0 : 1);
    int status;
    CHECK(waitpid(stranger, &status, 0) == stranger && status == 0);
    CHECK(emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &message) > 0);
    CHECK(emu_ipc_control(EMU_IPC_ACCEPT, EMU_ACCEPT_NOBODY) == 0); /* the other one is refused */
    for (int k = 0; k < 2; k++)
        wait_for(tids[k]);
    CHECK(atomic_load(&results[0]) + atomic_load(&results[1]) == 2000 - EPERM && emu_ipc_control(EMU_IPC_WAITING, 0) == 0);
    CHECK(emu_ipc_control(EMU_IPC_ACCEPT, 3) == -EINVAL && emu_ipc_control(EMU_IPC_ACCEPT, -1) == -EINVAL);
    CHECK(emu_ipc_control(2, 0) == -EINVAL);
    CHECK(emu_ipc_control(EMU_IPC_ACCEPT, EMU_ACCEPT_ANYBODY) == 0);
}

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}
static void nothing(int number) { (void)number; }
static void interrupts(void) {
    enum { PERIOD = 1000000 };
    CHECK(emu_irq_control(EMU_IRQ_WAIT, 0) == -EINVAL && emu_irq_control(EMU_IRQ_RELEASE, 0) == -EINVAL);
    CHECK(emu_irq_control(EMU_IRQ_REGISTER, 999) == -EINVAL && emu_irq_control(EMU_IRQ_REGISTER, (1L << 50) + 1) == -EINVAL);
    CHECK(emu_irq_control(EMU_IRQ_REGISTER, -1) == -EINVAL && emu_irq_control(3, 0) == -EINVAL);
    long before = now_ns();
    CHECK(emu_irq_control(EMU_IRQ_REGISTER, PERIOD) == 0);
    long after = now_ns(), sum = 0;
    CHECK(emu_irq_control(EMU_IRQ_REGISTER, PERIOD) == -EBUSY);
    for (int k = 0; k < 20; k++) {
        long least = now_ns();
        if (k == 10) { /* what is missed is counted */
            struct timespec nap = {0, 5 * PERIOD};
            nanosleep(&nap, NULL);
        }
        long count = emu_irq_control(EMU_IRQ_WAIT, 0), most_ns = now_ns();
        CHECK(count >= (k == 10 ? 5 : 1));
        sum += count;
        /* The timer began between `before` and `after`: none is lost, and none comes before its time. */
        CHECK(sum >= (least - after) / PERIOD && sum <= (most_ns - before) / PERIOD);
    }
    struct sigaction action = {.sa_handler = nothing};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && emu_irq_control(EMU_IRQ_RELEASE, 0) == 0);
    CHECK(emu_irq_control(EMU_IRQ_WAIT, 0) == -EINVAL);
    CHECK(emu_irq_control(EMU_IRQ_REGISTER, 1L << 50) == 0);
    ualarm(2000, 2000); /* again and again: the first one may come before the wait */
    CHECK(emu_irq_control(EMU_IRQ_WAIT, 0) == -EINTR);
    ualarm(0, 0);
    CHECK(emu_irq_control(EMU_IRQ_RELEASE, 0) == 0);
    int line[2];
    CHECK(pipe(line) == 0 && dup2(line[0], 0) == 0 && write(line[1], "x", 1) == 1 && emu_irq_wait_console() == 1);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    struct emu_ids self;
    emu_getid(&self);
    manager = self.tid;
    all = affinity();
    begin(racing_threads);
    long workers = give(EMU_THREADS, WORKERS), others = give(EMU_THREADS, WORKERS - 1);
    next();
    expect(workers, WORKERS, 0), expect(others, WORKERS - 1, 0);
    end();
    begin(spaces);
    next();
    long used = give(EMU_SPACES, 2);
    give(EMU_THREADS, 2), give(EMU_MAPS, 1000);
    next();
    expect(used, 2, 0);
    end();
    begin(mutexes);
    next();
    used = give(EMU_MUTEXES, 2);
    next();
    expect(used, 2, 2);
    end();
    begin(maps);
    next();
    used = give(EMU_MAPS, 3);
    next();
    expect(used, 3, 3);
    end();
    begin(cpus);
    next();
    used = give(EMU_CPUS, 1);
    next();
    CHECK(emu_capability_destroy(used) == 0);
    used = give(EMU_CPUS, (long)(all | 3));
    if (all > 1) {
        next();
        CHECK(emu_capability_deduce(used, 2) == 0);
    }
    end();
    char word[4];
    struct emu_mail letter;
    CHECK((port = emu_port_create(0, 0)) > 0 && (chan = emu_chan_create(port)) > 0);
    begin(messages);
    next();
    CHECK(emu_mailbox_receive(&letter, 0) == -EAGAIN && emu_port_receive(port, word, 4, 0, NULL) == -EAGAIN);
    give(EMU_IPCS, 0);
    go();
    CHECK(emu_mailbox_receive(&letter, -1) == child && letter.words[3] == 4);
    CHECK(emu_port_receive(port, word, 4, -1, NULL) == 4 && memcmp(word, "word", 4) == 0);
    CHECK(emu_ipc(EMU_NILTHREAD, child, 0, -1, &mail) == child && mail.mr[0] == 42);
    mail.mr[0] = 43;
    CHECK(emu_ipc(child, EMU_NILTHREAD, 0, -1, &mail) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    operations();
    delegation();
    wrong_arguments();
    accepting();
    interrupts();
    return ok("capabilities");
}
