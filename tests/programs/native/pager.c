/* A pager of the guest's own (cz-14): what it maps, what it refuses, and what becomes of the clients of a bad one.
 * A pager's request thread waits for a server that faults meanwhile: the pager answers faults on another thread. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../emu/guests/emu.h"
#include "../check.h"

enum { PAGE = 4096, PAGES = 256, STOP = -9 };
#define REGION 0x2800000000L
#define ELSEWHERE 0x2a00000000L

/* How the pager answers: what is right, or not. */
enum { MAPS, REFUSES, LIES, READ_ONLY, LEAVES };
struct shared {
    atomic_int tid, how, faults, done[8];
    atomic_long last_address, last_cause, last_pc;
};
static struct shared *shared;
static char *backing;

static void *serve_faults(void *argument) {
    struct emu_message m = {.mr = {0}};
    atomic_store(&shared->tid, (int)syscall(SYS_gettid));
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    for (;;) {
        if (from == -EINTR || (from < 0 && from != -EAGAIN)) { /* the client was interrupted, or has gone meanwhile */
            from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
            continue;
        }
        if (from == -EAGAIN) {
            from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
            continue;
        }
        if (m.bytes != EMU_FAULT)
            break;
        atomic_fetch_add(&shared->faults, 1);
        atomic_store(&shared->last_address, m.mr[0]);
        atomic_store(&shared->last_cause, m.mr[1]);
        atomic_store(&shared->last_pc, m.mr[2]);
        long offset = (m.mr[0] - REGION) & -PAGE, answer = 1;
        int how = atomic_load(&shared->how);
        if (how == LEAVES)
            break;
        if (offset >= 0 && offset < PAGES * PAGE && how != REFUSES && m.mr[1] != EMU_FETCHES) {
            int rights = how == READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE;
            answer = how == LIES ? 0 : emu_map(backing + offset, REGION + offset, 1, rights, (int)from);
            CHECK(answer == 0);
        }
        m.mr[0] = answer;
        from = emu_ipc((int)from, EMU_ANYTHREAD, EMU_REPLY, -1, &m);
    }
    return argument;
}

static pthread_t start_pager(void) {
    pthread_t thread;
    atomic_store(&shared->tid, 0);
    CHECK(pthread_create(&thread, NULL, serve_faults, NULL) == 0);
    while (atomic_load(&shared->tid) == 0)
        sched_yield();
    return thread;
}

static void stop_pager(pthread_t thread) {
    struct emu_message stop = {.mr = {STOP}};
    emu_ipc(atomic_load(&shared->tid), EMU_NILTHREAD, 0, -1, &stop);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A copy of this task that has the pager and runs body; its pid. */
static pid_t start_client(int (*body)(void)) {
    struct emu_ids ids = {0, 0, 0};
    struct emu_context context;
    CHECK(emu_thread_control(EMU_THREAD_CREATE | EMU_COPY_SPACE, &ids) == 0);
    if (ids.tid == 0)
        _exit(body());
    emu_thread_control(EMU_THREAD_SUSPEND, &ids);
    context.pager = atomic_load(&shared->tid);
    CHECK(emu_exchange_registers(ids.tid, &context, EMU_WRITE_PAGER) == 0);
    CHECK(emu_thread_control(EMU_THREAD_RUN, &ids) == 0);
    return ids.tid;
}

static int status_of(pid_t client) {
    int status;
    CHECK(waitpid(client, &status, 0) == client);
    return status;
}

static int run(int (*body)(void)) { return status_of(start_client(body)); }

static volatile char *page(int k) { return (volatile char *)REGION + k * PAGE; }

/* Registers survive a fault: the sum is in one all the time. */
static int touches(void) {
    long sum = 0;
    double real = 0.5;
    for (int k = 0; k < 32; k++) {
        *page(k) = (char)k;
        sum += *page(k);
        real += sum;
    }
    return sum == 31 * 32 / 2 && real > 5000.0 ? 0 : 1;
}

static int reads_what_others_stored(void) {
    for (int k = 0; k < 32; k++)
        if (*page(k) != k)
            return 1;
    return 0;
}

static int calls(void) {
    int ends[2];
    struct timespec *time = (struct timespec *)page(100);
    if (pipe(ends) != 0)
        return 1;
    if (write(ends[1], (const void *)page(101), 300) != 300 || read(ends[0], (void *)(page(102) - 100), 300) != 300)
        return 2; /* the buffer lies across two pages, neither of them there */
    if (clock_gettime(CLOCK_MONOTONIC, time) != 0 || time->tv_nsec < 0)
        return 3;
    if (write(ends[1], (const void *)ELSEWHERE, 10) != -1 || errno != EFAULT)
        return 4;
    struct emu_message m = {.mr = {1}, .out = (const void *)page(110), .in = NULL};
    if (emu_ipc((int)getppid(), EMU_NILTHREAD, EMU_SEND_BYTES(2048), -1, &m) != 0)
        return 5;
    return 0;
}

/* Calls that the machine's server executes ask the pager too: for buffers, structures and names. */
static int served_calls(void) {
    char *buffer = (char *)(page(122) - 100);
    struct utsname *name = (struct utsname *)(page(124) - 200);
    int fd = open("/tmp/served", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || pwrite(fd, (const void *)(page(121) - 8), 300, 0) != 300)
        return 1;
    if (pread(fd, buffer, 300, 0) != 300 || lseek(fd, 0, SEEK_CUR) != 0)
        return 2;
    if (uname(name) != 0 || name->sysname[0] == 0)
        return 3;
    if (open((const char *)page(125), O_RDONLY) != -1 || errno != ENOENT) /* the name is empty */
        return 4;
    if (getcwd((char *)page(126), 100) == NULL || *page(126) != '/')
        return 5;
    if (uname((struct utsname *)ELSEWHERE) != -1 || errno != EFAULT || getcwd((char *)ELSEWHERE, 100) != NULL)
        return 6;
    return unlink("/tmp/served");
}

/* What comes from a stream is not lost while the pager brings its place. */
static int reads_a_stream(void) {
    char *buffer = (char *)(page(118) - 2);
    return read(0, buffer, 6) == 6 && memcmp(buffer, "stream", 6) == 0 ? 0 : 1;
}

static int a_served_call_with_a_page_that_never_comes(void) {
    return getcwd((char *)page(10), 100) == NULL;
}

static int calls_with_a_page_that_never_comes(void) {
    int ends[2];
    return pipe(ends) != 0 || write(ends[1], (const void *)page(10), 10) != 0;
}

static int goes_elsewhere(void) {
    *(volatile char *)ELSEWHERE = 1;
    return 0;
}

static void on_segv(int number) {
    (void)number;
    _exit(9);
}

static int handles_a_refusal(void) {
    signal(SIGSEGV, on_segv);
    *(volatile char *)ELSEWHERE = 1;
    return 0;
}

static int jumps(void) {
    ((void (*)(void))REGION)();
    return 0;
}

static int stores_where_it_may_read(void) {
    (void)*page(200);
    *page(200) = 1;
    return 0;
}

static int raises_rights(void) {
    (void)*page(201);
    return mprotect((void *)page(201), PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES ? 0 : 2;
}

static int has_threads(void);
static void *touch_part(void *argument) {
    for (int k = (int)(long)argument; k < 128; k += 4)
        (*page(k))++;
    return argument;
}
static int has_threads(void) {
    pthread_t threads[4];
    for (long k = 0; k < 4; k++)
        if (pthread_create(&threads[k], NULL, touch_part, (void *)k) != 0)
            return 1;
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
    return 0;
}

static atomic_long signals;
static void on_signal(int number) {
    (void)number;
    atomic_fetch_add(&signals, 1);
}
/* Signals come while it waits for its pager: handlers run on a stack that is there, and the access is made again. */
static int is_signalled(void) {
    signal(SIGUSR1, on_signal);
    atomic_store(&shared->done[0], 1);
    for (int lap = 0; atomic_load(&shared->done[1]) == 0; lap++)
        (*page(lap % PAGES))++, munmap((void *)page(lap % PAGES), PAGE);
    return 0;
}

static void good_pager(void) {
    pthread_t pager = start_pager();
    atomic_store(&shared->how, MAPS);
    CHECK(run(touches) == 0);
    CHECK(atomic_load(&shared->faults) == 32);
    CHECK(backing[5 * PAGE] == 5);
    CHECK(run(reads_what_others_stored) == 0);
    CHECK(atomic_load(&shared->last_cause) == EMU_LOADS && atomic_load(&shared->last_address) == REGION + 31 * PAGE);
    pid_t client = start_client(calls);
    static char received[EMU_EXTENDED_BYTES];
    struct emu_message m = {.in = received};
    CHECK(emu_ipc(EMU_NILTHREAD, client, EMU_RECEIVE_BYTES(2048), -1, &m) == client && m.bytes == 2048);
    CHECK(status_of(client) == 0);
    CHECK(run(served_calls) == 0);
    CHECK(run(reads_a_stream) == 0);
    CHECK(run(has_threads) == 0);
    atomic_store(&shared->done[0], 0), atomic_store(&shared->done[1], 0);
    client = start_client(is_signalled);
    while (atomic_load(&shared->done[0]) == 0)
        sched_yield();
    for (int k = 0; k < 300; k++) {
        CHECK(kill(client, SIGUSR1) == 0);
        sched_yield();
    }
    atomic_store(&shared->done[1], 1);
    CHECK(status_of(client) == 0);
    CHECK(run(goes_elsewhere) == SIGSEGV && run(jumps) == SIGSEGV);
    CHECK(WEXITSTATUS(run(handles_a_refusal)) == 9);
    atomic_store(&shared->how, READ_ONLY);
    CHECK(run(raises_rights) == 0);
    stop_pager(pager);
}

static int touches_later(void) {
    while (atomic_load(&shared->done[2]) == 0)
        sched_yield();
    return touches();
}

static void bad_pagers(void) {
    pthread_t pager = start_pager();
    pid_t later = start_client(touches_later);
    pid_t bystander = fork();
    if (bystander == 0) {
        pause();
        _exit(0);
    }
    atomic_store(&shared->how, REFUSES);
    CHECK(run(touches) == SIGSEGV);
    atomic_store(&shared->how, LIES);
    CHECK(run(touches) == SIGKILL); /* told in words by the machine */
    CHECK(run(calls_with_a_page_that_never_comes) == SIGKILL);
    CHECK(run(a_served_call_with_a_page_that_never_comes) == SIGKILL);
    atomic_store(&shared->how, READ_ONLY);
    CHECK(run(stores_where_it_may_read) == SIGKILL); /* it maps, but never what is needed */
    atomic_store(&shared->how, LEAVES);
    CHECK(run(touches) == SIGKILL);
    CHECK(pthread_join(pager, NULL) == 0);
    atomic_store(&shared->done[2], 1);
    CHECK(status_of(later) == SIGKILL); /* nobody has this tid any more */
    CHECK(kill(bystander, SIGKILL) == 0 && status_of(bystander) == SIGKILL);
}

/* --- the document's deadlock --------------------------------------------------------------------------------------
 * A file server faults while it serves the pager's task, which waits for it. Where one thread of the pager both asks the
 * server and answers faults, both wait for ever; a thread for faults alone is the document's mend. */
static atomic_int file_server;

static int serves_files(void) {
    struct emu_message m = {.mr = {0}};
    long from = emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, -1, &m);
    m.mr[0] = *page(150) + 42; /* faults before it can answer */
    return emu_ipc((int)from, EMU_NILTHREAD, EMU_REPLY, -1, &m) == 0 ? 0 : 1;
}

static void server_faults_while_the_pager_waits_for_it(int with_a_thread_for_faults) {
    struct emu_message m = {.mr = {1}};
    pthread_t pager = 0;
    atomic_store(&shared->how, MAPS);
    if (with_a_thread_for_faults)
        pager = start_pager();
    else
        atomic_store(&shared->tid, (int)syscall(SYS_gettid)); /* this thread is the pager, and asks the server too */
    pid_t server = start_client(serves_files);
    atomic_store(&file_server, server);
    long result = emu_ipc(server, server, 0, with_a_thread_for_faults ? -1 : 50000000, &m);
    if (with_a_thread_for_faults) {
        CHECK(result == server && m.mr[0] == 42);
        CHECK(status_of(server) == 0);
        stop_pager(pager);
    } else {
        CHECK(result == -ETIMEDOUT && m.sent == 1); /* the server waits for this thread, and this thread for it */
        CHECK(kill(server, SIGKILL) == 0 && status_of(server) == SIGKILL);
    }
}

/* A fault that waits already is no message for who receives from its thread by name. */
static void a_fault_that_waits_is_no_answer(void) {
    struct emu_message m = {.mr = {0}};
    atomic_store(&shared->tid, (int)syscall(SYS_gettid));
    pid_t client = start_client(goes_elsewhere);
    while (emu_ipc_control(EMU_IPC_WAITING, 0) == 0)
        sched_yield();
    CHECK(emu_ipc(EMU_NILTHREAD, client, 0, 0, &m) == -EAGAIN);
    CHECK(emu_ipc(EMU_NILTHREAD, EMU_ANYTHREAD, 0, 0, &m) == client && m.bytes == EMU_FAULT && m.mr[0] == ELSEWHERE);
    m.mr[0] = 1;
    CHECK(emu_ipc(client, EMU_NILTHREAD, EMU_REPLY, 0, &m) == 0);
    CHECK(status_of(client) == SIGSEGV);
}

static void grants(void) {
    char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *readable = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int self = (int)syscall(SYS_gettid);
    private[0] = 1; /* so that there is something to grant */
    CHECK(emu_map(private, REGION, 1, PROT_READ, self) == -EPERM);
    CHECK(emu_map(readable, REGION, 1, PROT_READ | PROT_WRITE, self) == -EPERM);
    CHECK(emu_map(readable, REGION, 1, PROT_READ, self) == 0);
    CHECK(emu_map(backing, REGION, PAGES, PROT_READ | PROT_WRITE, self) == 0); /* into its own memory, in place of that */
    backing[7] = 3;
    CHECK(*page(0) == 0 || page(0)[7] == 3);
    CHECK(page(0)[7] == 3);
    char *two = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(two + PAGE, PAGE) == 0 && emu_map(two, REGION, 2, PROT_READ, self) == -EFAULT);
    CHECK(emu_map(backing + 1, REGION, 1, PROT_READ, self) == -EINVAL && emu_map(backing, 1L << 40, 1, 1, self) == -EINVAL);
    CHECK(emu_map(backing, REGION, 1L << 55, 1, self) == -EINVAL && emu_map(backing, -PAGE, 1, 1, self) == -EINVAL);
    CHECK(emu_map(backing, REGION, 1, 8, self) == -EINVAL && emu_map(backing, REGION, 1, PROT_READ, 1 << 28) == -ESRCH);
    CHECK(emu_unmap(REGION, PAGES, self) == 0 && emu_unmap(REGION, PAGES, self) == -1);
    CHECK(emu_copy_to(self, (long)&private[10], "abc", 4) == 4 && strcmp(private + 10, "abc") == 0);
    CHECK(emu_copy_to(self, REGION, "abc", 4) == -EFAULT && emu_copy_from(self, -4, private, 4) == -EINVAL);
    CHECK(emu_copy_from(self, (long)private + PAGE - 2, private, 1L << 50) == -EINVAL);
    munmap(private, PAGE), munmap(readable, PAGE);
}

int main(void) {
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    backing = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    grants();
    memset(backing, 0, PAGES * PAGE);
    good_pager();
    memset(backing, 0, PAGES * PAGE);
    bad_pagers();
    a_fault_that_waits_is_no_answer();
    server_faults_while_the_pager_waits_for_it(0);
    server_faults_while_the_pager_waits_for_it(1);
    return ok("pager");
}
