/* fork: what parent and child share and what they do not, and everything that wait says (cz-9). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 16

static int global = 100;
static volatile sig_atomic_t told, told_pid, told_status, told_code;

static pid_t forked(int (*child)(long), long argument) {
    pid_t pid = fork();
    if (pid == 0) _exit(child(argument));
    CHECK(pid > 0);
    return pid;
}

static int exit_code(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Each of 16 children modifies a global, which nobody else sees: the document's test0. */
static int modify(long k) {
    CHECK(global == 100);
    global += (int)k;
    sched_yield();
    CHECK(global == 100 + k);
    return (int)k;
}

static void test0(void) {
    int sum = 0, seen = 0, status;
    pid_t pids[CHILDREN], pid;
    for (long k = 0; k < CHILDREN; k++) pids[k] = forked(modify, k);
    while ((pid = wait(&status)) > 0) {
        CHECK(WIFEXITED(status));
        CHECK(pid == pids[WEXITSTATUS(status)]);
        sum += WEXITSTATUS(status);
        seen++;
    }
    CHECK(errno == ECHILD);
    CHECK(seen == CHILDREN && sum == CHILDREN * (CHILDREN - 1) / 2 && global == 100);
}

static int *shared_words;

static int store_shared(long k) {
    shared_words[k * 1024] = (int)k + 1;  /* a page that nobody has touched */
    __atomic_fetch_add(&shared_words[0], 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void memory(void) {
    char *private_page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared_words = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *hidden = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(private_page, "parent");
    strcpy(hidden, "hidden");
    CHECK(mprotect(hidden, 4096, PROT_NONE) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(strcmp(private_page, "parent") == 0 && private_page[4096] == 0);
        strcpy(private_page, "child");
        private_page[4096] = 1;
        CHECK(mprotect(hidden, 4096, PROT_READ | PROT_WRITE) == 0 && strcmp(hidden, "hidden") == 0);
        strcpy(hidden, "child's");
        CHECK(munmap(private_page + 8192, 4096) == 0);
        _exit(7);
    }
    CHECK(exit_code(pid) == 7);
    CHECK(strcmp(private_page, "parent") == 0 && private_page[4096] == 0);
    private_page[8192] = 1;
    CHECK(mprotect(hidden, 4096, PROT_READ | PROT_WRITE) == 0 && strcmp(hidden, "hidden") == 0);
    for (long k = 1; k <= 8; k++) forked(store_shared, k * 100);
    while (wait(NULL) > 0) {}
    CHECK(shared_words[0] == 8);
    for (long k = 1; k <= 8; k++) CHECK(shared_words[k * 100 * 1024] == k * 100 + 1);

    /* The kernel's stores break copy on write too. */
    static struct timespec when;
    static char buffer[8] = "before";
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid = fork();
    if (pid == 0) {
        CHECK(write(ends[1], "after!", 7) == 7);
        CHECK(read(ends[0], buffer, 7) == 7 && strcmp(buffer, "after!") == 0);
        CHECK(clock_gettime(CLOCK_REALTIME, &when) == 0 && when.tv_sec != 0);
        _exit(0);
    }
    CHECK(exit_code(pid) == 0);
    CHECK(strcmp(buffer, "before") == 0 && when.tv_sec == 0);
    close(ends[0]);
    close(ends[1]);
    munmap(shared_words, 4 << 20);
}

/* The child has all registers, and its own copy of a file's descriptor to the same description. */
static void registers_and_files(void) {
    register long kept asm("s7") = 0x1234567890;
    double number = 2.5;
    asm volatile("" : "+r"(kept), "+f"(number));
    char name[] = "/tmp/forkXXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && write(file, "abcdef", 6) == 6 && lseek(file, 1, SEEK_SET) == 1);
    pid_t pid = fork();
    if (pid == 0) {
        asm volatile("" : "+r"(kept), "+f"(number));
        char c;
        CHECK(kept == 0x1234567890 && number == 2.5);
        CHECK(read(file, &c, 1) == 1 && c == 'b');
        close(file);
        _exit(0);
    }
    CHECK(exit_code(pid) == 0);
    CHECK(lseek(file, 0, SEEK_CUR) == 2 && close(file) == 0 && unlink(name) == 0);
}

static int exit_with(long code) { return (int)code; }

static int sleep_for_ever(long unused) {
    for (;;) pause();
    return (int)unused;
}

static void waiting(void) {
    int status;
    siginfo_t info;
    struct rusage usage;
    CHECK_ERROR(wait(&status), ECHILD);
    CHECK_ERROR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERROR(waitpid(-1, &status, 0x100), EINVAL);
    CHECK_ERROR(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    CHECK_ERROR(waitid(P_PID, 1 << 28, &info, WEXITED), ECHILD);

    pid_t pid = forked(sleep_for_ever, 0);
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
    CHECK(kill(pid, 0) == 0 && kill(pid, SIGTERM) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK_ERROR(kill(pid, 0), ESRCH);

    pid = forked(exit_with, 77);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_signo == SIGCHLD && info.si_pid == pid && info.si_status == 77 && info.si_code == CLD_EXITED);
    CHECK(kill(pid, SIGKILL) == 0);  /* a zombie takes no notice */
    CHECK(wait4(-1, &status, 0, &usage) == pid && WEXITSTATUS(status) == 77);

    pid_t group = forked(sleep_for_ever, 0);
    CHECK(setpgid(group, group) == 0 && getpgid(group) == group);
    pid_t second = forked(sleep_for_ever, 0);
    CHECK(setpgid(second, group) == 0);
    CHECK_ERROR(waitpid(0, &status, WNOHANG), ECHILD);
    CHECK(waitpid(-group, &status, WNOHANG) == 0);
    CHECK(kill(-group, SIGKILL) == 0);
    CHECK(waitpid(-group, &status, 0) > 0 && WTERMSIG(status) == SIGKILL);
    CHECK(waitpid(-group, &status, 0) > 0);
    CHECK_ERROR(waitpid(-group, &status, 0), ECHILD);
    CHECK_ERROR(kill(-group, 0), ESRCH);
    CHECK_ERROR(wait4(pid, (int *)8, 0, NULL), ECHILD);
}

static void note(int number, siginfo_t *info, void *context) {
    (void)context;
    told_pid = info->si_pid;
    told_status = info->si_status;
    told_code = info->si_code;
    told = number;
}

static void signals(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO}, old;
    CHECK(sigaction(SIGCHLD, &action, &old) == 0);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
    pid_t pid = forked(exit_with, 5);
    while (!told) sigsuspend(&before);
    CHECK(told == SIGCHLD && told_pid == pid && told_status == 5 && told_code == CLD_EXITED);
    CHECK(exit_code(pid) == 5);
    told = 0;
    pid = forked(sleep_for_ever, 0);
    CHECK(kill(pid, SIGKILL) == 0);
    while (!told) sigsuspend(&before);
    CHECK(told_pid == pid && told_status == SIGKILL && told_code == CLD_KILLED);
    CHECK(exit_code(pid) == 1000 + SIGKILL);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);

    /* A wait is interrupted by a handler without SA_RESTART, and begins anew after one with it. */
    pid_t sleeper = forked(sleep_for_ever, 0);
    struct sigaction alarm_action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGUSR1, &alarm_action, NULL) == 0);
    pid_t parent = getpid(), killer = fork();
    if (killer == 0) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    int status;
    pid_t found = waitpid(sleeper, &status, 0);
    CHECK(found == -1 && errno == EINTR);
    CHECK(exit_code(killer) == 0);
    kill(sleeper, SIGKILL);
    CHECK(exit_code(sleeper) == 1000 + SIGKILL);

    /* Nobody waits for children whose signal is ignored. */
    signal(SIGCHLD, SIG_IGN);
    forked(exit_with, 3);
    CHECK_ERROR(wait(&status), ECHILD);
    CHECK(sigaction(SIGCHLD, &old, NULL) == 0);
}

static void orphans(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            CHECK(getppid() == parent || getppid() == 1);
            while (getppid() == parent) sched_yield();
            pid_t now = getppid();
            CHECK(write(ends[1], &now, sizeof now) == sizeof now);
            _exit(0);
        }
        _exit(0);
    }
    pid_t now = 0;
    CHECK(exit_code(pid) == 0);
    CHECK(read(ends[0], &now, sizeof now) == sizeof now && now != pid);
    CHECK_ERROR(wait(NULL), ECHILD);
    close(ends[0]);
    close(ends[1]);
}

static void vforks(void) {
    volatile int order = 0, seen = 0;
    int *where = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = vfork();
    if (pid == 0) {
        for (int k = 0; k < 1000; k++) sched_yield();
        where[0] = 1;
        seen = 5;
        *(volatile char *)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
        _exit(9);
    }
    CHECK(where[0] == 1 && seen == 5);  /* the parent has waited, and the memory was its own */
    order++;
    CHECK(exit_code(pid) == 9 && order == 1);
    munmap(where, 4096);

    /* What the child does to the common mappings holds for the parent, whatever its CPU remembers of them. */
    cpu_set_t all, first, second;
    CPU_ZERO(&first);
    CPU_ZERO(&second);
    CPU_SET(0, &first);
    CPU_SET(1, &second);
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0 && sched_setaffinity(0, sizeof first, &first) == 0);
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int k = 0; k < 10; k++) {
        page[0] = 1;
        pid = vfork();
        if (pid == 0) {
            (void)!sched_setaffinity(0, sizeof second, &second); /* where there is a second CPU */
            mmap((void *)page, 4096, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            page[0] = 2;
            _exit(0);
        }
        CHECK(page[0] == 2 && exit_code(pid) == 0);
    }
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

/* clone(CLONE_PARENT): the child is the caller's sibling, for whom the caller's parent waits. */
static void siblings(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        pid_t parent = getppid();
        long sibling = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (sibling == 0) _exit(getppid() == parent ? 21 : 22);
        CHECK(sibling > 0 && write(ends[1], &sibling, sizeof sibling) == sizeof sibling);
        CHECK_ERROR(waitpid((pid_t)sibling, NULL, 0), ECHILD);
        _exit(20);
    }
    long sibling;
    CHECK(read(ends[0], &sibling, sizeof sibling) == sizeof sibling);
    CHECK(exit_code((pid_t)sibling) == 21 && exit_code(pid) == 20);
    CHECK_ERROR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    test0();
    memory();
    registers_and_files();
    waiting();
    signals();
    orphans();
    vforks();
    siblings();
    return ok("fork");
}
