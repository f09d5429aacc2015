/* /proc of a program's own: memory, the auxiliary vector, environment, states of children and threads, limits. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char text[65536];
static size_t bytes;

static void get(const char *path) {
    int file = open(path, O_RDONLY);
    ssize_t n;
    bytes = 0;
    if (file < 0) printf("%s:\n", path);
    CHECK(file >= 0);
    while ((n = read(file, text + bytes, sizeof text - 1 - bytes)) > 0) bytes += (size_t)n;
    text[bytes] = 0;
    close(file);
}

/* A field of /proc/PID/stat as proc(5) numbers them, from 3. */
static const char *field(const char *path, int number) {
    static char word[64];
    get(path);
    char *at = strrchr(text, ')') + 2;
    for (int k = 3; k < number; k++) at = strchr(at, ' ') + 1;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " \n"), at);
    return word;
}

static char state_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return field(path, 3)[0];
}

/* The rights with which an address is mapped, or "". */
static const char *rights(const void *address) {
    static char found[8];
    get("/proc/self/maps");
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end;
        CHECK(sscanf(line, "%lx-%lx %7s", &start, &end, found) == 3);
        if (start <= (unsigned long)address && (unsigned long)address < end) return found;
    }
    return "";
}

static void memory(void) {
    int local = 0;
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(strcmp(rights((void *)get), "r-xp") == 0 && strcmp(rights(&local), "rw-p") == 0);
    CHECK(strcmp(rights(text), "rw-p") == 0 && strcmp(rights(page), "rw-p") == 0);
    CHECK(strcmp(rights(shared), "r--s") == 0 && strcmp(rights((void *)64), "") == 0);
    CHECK(mprotect(page + 4096, 4096, PROT_NONE) == 0);
    CHECK(strcmp(rights(page), "rw-p") == 0 && strcmp(rights(page + 4096), "---p") == 0);
    CHECK(strcmp(rights(page + 8192), "rw-p") == 0);
    CHECK(munmap(page, 3 * 4096) == 0 && strcmp(rights(page), "") == 0 && strcmp(rights(page + 8192), "") == 0);
    get("/proc/self/maps");
    CHECK(strstr(text, "[stack]"));

    long size, resident, later;
    get("/proc/self/statm");
    CHECK(sscanf(text, "%ld %ld", &size, &resident) == 2 && size > resident && resident > 10);
    page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page, 1, 1 << 20);
    get("/proc/self/statm");
    CHECK(sscanf(text, "%ld %ld", &later, &resident) == 2 && later >= size + 256 && resident >= 256);
    CHECK(strtoul(field("/proc/self/stat", 23), NULL, 10) == (unsigned long)later * 4096);
    munmap(page, 1 << 20);
}

static void start(char **argv) {
    get("/proc/self/auxv");
    const unsigned long *pair = (const unsigned long *)text;
    CHECK(bytes % 16 == 0 && bytes > 64);
    for (; pair[0]; pair += 2) CHECK(getauxval(pair[0]) == pair[1]);
    CHECK(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_ENTRY) != 0);
    get("/proc/self/environ");
    CHECK(environ[0] && strcmp(text, environ[0]) == 0);
    environ[0][0] = '?';  /* it is the program's memory that is shown */
    get("/proc/self/environ");
    CHECK(text[0] == '?');
    CHECK(strtoul(field("/proc/self/stat", 48), NULL, 10) == (unsigned long)argv[0]);
    CHECK(strtoul(field("/proc/self/stat", 50), NULL, 10) == (unsigned long)environ[0]);
}

static void states(void) {
    int status, ends[2];
    CHECK(pipe(ends) == 0 && state_of(getpid()) == 'R');
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 5 : 6);
    }
    close(ends[0]);
    while (state_of(pid) != 'S') usleep(100);
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    CHECK(state_of(pid) == 'T');
    CHECK(kill(pid, SIGCONT) == 0);
    close(ends[1]);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(state_of(pid) == 'Z');
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    CHECK(access(path, F_OK) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
    CHECK_ERROR(access(path, F_OK), ENOENT);
}

static volatile int tid, leave;

static void *thread(void *nothing) {
    tid = (int)syscall(SYS_gettid);
    while (!leave) syscall(SYS_futex, &leave, 0 /* wait */, 0, NULL, NULL, 0);
    return nothing;
}

static void threads(void) {
    char path[64];
    pthread_t other;
    CHECK(atoi(field("/proc/self/stat", 20)) == 1);
    CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
    while (tid == 0) usleep(100);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    while (field(path, 3)[0] != 'S') usleep(100);
    CHECK(atoi(text) == tid && atoi(field("/proc/self/stat", 20)) == 2);
    leave = 1;
    syscall(SYS_futex, &leave, 1 /* wake */, 1, NULL, NULL, 0);
    pthread_join(other, NULL);
}

static void accounts(void) {
    for (volatile long k = 0; atol(field("/proc/self/stat", 14)) < 1; k++)
        for (volatile int n = 0; n < 100000; n++) continue;
    CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0 && atoi(field("/proc/self/stat", 19)) == 5);
    CHECK(atoi(field("/proc/self/stat", 18)) == 25);
    struct rlimit limit = {.rlim_cur = 77, .rlim_max = 100};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    get("/proc/self/limits");
    CHECK(strstr(text, "Max open files            77                   100                  files"));
    signal(SIGUSR1, SIG_IGN);
    get("/proc/self/status");
    CHECK(strstr(text, "SigIgn:\t0000000000000200\n"));
    get("/proc/loadavg");
    int running, all;
    CHECK(sscanf(text, "%*f %*f %*f %d/%d", &running, &all) == 2 && running >= 1 && all >= 1);
    get("/proc/stat");
    CHECK(strncmp(text, "cpu  ", 5) == 0 && strstr(text, "\nbtime ") && strstr(text, "\nprocs_running "));
    get("/proc/sys/kernel/pid_max");
    CHECK(atoi(text) > getpid());
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(argc >= 1);
    start(argv);
    memory();
    states();
    threads();
    accounts();
    return ok("procfs");
}
