/* execve: this program executes copies of itself, by name, by script and by descriptor; what stays and what goes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const char *COPY = "/tmp/exec-copy";
static char *no_variables[] = {NULL};

static void copy_self(void) {
    char buffer[65536];
    int from = open("/proc/self/exe", O_RDONLY), to = open(COPY, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    ssize_t n;
    CHECK(from >= 0 && to >= 0);
    while ((n = read(from, buffer, sizeof buffer)) > 0) CHECK(write(to, buffer, (size_t)n) == n);
    CHECK(close(from) == 0 && close(to) == 0);
}

static void file_with(const char *name, const char *text, int mode) {
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
    CHECK(chmod(name, (mode_t)mode) == 0);
}

static int exit_code(pid_t pid) {
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int run(const char *path, char **argv, char **variables) {
    pid_t pid = fork();
    if (pid == 0) {
        execve(path, argv, variables);
        _exit(200);
    }
    return exit_code(pid);
}

/* --- what the copies do ----------------------------------------------------------------------- */

static void handler(int number) { (void)number; }

static int as_child(int argc, char **argv) {
    const char *what = argv[1];
    if (strcmp(what, "code") == 0) return atoi(argv[2]);
    if (strcmp(what, "count") == 0) {
        int n = 0;
        for (char **variable = environ; *variable; variable++) n++;
        return argc == atoi(argv[2]) && n == atoi(argv[3]) ? 0 : 1;
    }
    if (strcmp(what, "fresh") == 0) {  /* handlers gone, ignored stays ignored, mask and pending signals stay */
        struct sigaction action;
        sigset_t mask;
        stack_t stack;
        sigaction(SIGUSR1, NULL, &action);
        if (action.sa_handler != SIG_DFL) return 1;
        sigaction(SIGUSR2, NULL, &action);
        if (action.sa_handler != SIG_IGN) return 2;
        sigprocmask(SIG_SETMASK, NULL, &mask);
        if (!sigismember(&mask, SIGTERM)) return 3;
        sigpending(&mask);
        if (!sigismember(&mask, SIGTERM)) return 4;
        sigaltstack(NULL, &stack);
        if (stack.ss_flags != SS_DISABLE) return 5;
        if (fcntl(50, F_GETFD) != 0 || fcntl(51, F_GETFD) != -1) return 6;
        if (strcmp((char *)getauxval(AT_EXECFN), COPY) != 0 || getauxval(AT_PAGESZ) != 4096) return 7;
        char name[32] = {0}, path[64] = {0};
        if (read(open("/proc/self/comm", O_RDONLY), name, 31) < 1 || strcmp(name, "exec-copy\n") != 0) return 8;
        if (readlink("/proc/self/exe", path, 63) < 1 || strcmp(path, COPY) != 0) return 9;
        if (getenv("NAME") == NULL || strcmp(getenv("NAME"), "value=1") != 0) return 10;
        return 0;
    }
    if (strcmp(what, "script") == 0)  /* interpreter argument script argument */
        return argc == 4 && strcmp(argv[2], "/tmp/exec-script") == 0 && strcmp(argv[3], "given") == 0 ? 0 : 1;
    return 99;
}

/* --- the tests --------------------------------------------------------------------------------- */

static void errors(void) {
    char *argv[] = {"x", NULL};
    CHECK_ERROR(execve("/nowhere", argv, no_variables), ENOENT);
    CHECK_ERROR(execve("/tmp", argv, no_variables), EACCES);
    CHECK_ERROR(execve("/tmp/exec-copy/x", argv, no_variables), ENOTDIR);
    CHECK_ERROR(execve((char *)8, argv, no_variables), EFAULT);
    CHECK_ERROR(execve(COPY, (char **)8, no_variables), EFAULT);
    file_with("/tmp/exec-text", "no program", 0700);
    CHECK_ERROR(execve("/tmp/exec-text", argv, no_variables), ENOEXEC);
    file_with("/tmp/exec-text", "#!\n", 0700);
    CHECK_ERROR(execve("/tmp/exec-text", argv, no_variables), ENOEXEC);
    file_with("/tmp/exec-text", "#!/nowhere\n", 0700);
    CHECK_ERROR(execve("/tmp/exec-text", argv, no_variables), ENOENT);
    file_with("/tmp/exec-text", "#!/tmp/exec-text\n", 0700);
    CHECK_ERROR(execve("/tmp/exec-text", argv, no_variables), ELOOP);
    file_with("/tmp/exec-text", "", 0600);
    CHECK_ERROR(execve("/tmp/exec-text", argv, no_variables), EACCES);
    CHECK_ERROR(syscall(SYS_execveat, AT_FDCWD, COPY, argv, no_variables, 0x40000), EINVAL);
    static char large[200000];
    memset(large, 'x', sizeof large - 1);
    char *too_long[] = {"x", large, NULL};
    CHECK_ERROR(execve(COPY, too_long, no_variables), E2BIG);
    static char *many[300001];
    for (int k = 0; k < 300000; k++) many[k] = "argument";
    CHECK_ERROR(execve(COPY, many, no_variables), E2BIG);
    struct rlimit stack, small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    many[20000] = NULL;  /* 340,000 bytes: more than a quarter of 1 MiB, less than one of 8 MiB */
    CHECK(getrlimit(RLIMIT_STACK, &stack) == 0 && setrlimit(RLIMIT_STACK, &small) == 0);
    CHECK_ERROR(execve(COPY, many, no_variables), E2BIG);
    CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
    unlink("/tmp/exec-text");
}

static void arguments(void) {
    static char *argv[100004];
    char *variables[] = {"A=1", "B=", "C", NULL};
    for (int k = 0; k < 100003; k++) argv[k] = "a";
    argv[0] = "copy", argv[1] = "count", argv[2] = "100003", argv[3] = "3";
    CHECK(run(COPY, argv, variables) == 0);
    char *few[] = {"copy", "count", "4", "0", NULL};
    CHECK(run(COPY, few, no_variables) == 0);
    CHECK(run(COPY, few, NULL) == 0);
}

static void state(void) {
    static char stack[16384];
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {"copy", "fresh", NULL}, *variables[] = {"NAME=value=1", NULL};
        signal(SIGUSR1, handler);
        signal(SIGUSR2, SIG_IGN);
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        raise(SIGTERM);
        stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&alternate, NULL);
        CHECK(dup2(1, 50) == 50 && dup3(1, 51, O_CLOEXEC) == 51);
        execve(COPY, argv, variables);
        _exit(200);
    }
    CHECK(exit_code(pid) == 0);
}

static void scripts(void) {
    char *argv[] = {"ignored", "given", NULL};
    file_with("/tmp/exec-script", "#! /tmp/exec-copy  script \necho\n", 0700);
    CHECK(run("/tmp/exec-script", argv, no_variables) == 0);
    file_with("/tmp/exec-outer", "#!/tmp/exec-script", 0700);  /* a script of a script: one argument more */
    CHECK(run("/tmp/exec-outer", argv, no_variables) == 1);
    unlink("/tmp/exec-script");
    unlink("/tmp/exec-outer");
}

static void by_descriptor(void) {
    char *argv[] = {"copy", "code", "33", NULL};
    file_with("/tmp/exec-gone", "", 0700);
    CHECK(unlink("/tmp/exec-gone") == 0);
    int file = open(COPY, O_RDONLY);
    pid_t pid = fork();
    if (pid == 0) {
        syscall(SYS_execveat, file, "", argv, no_variables, AT_EMPTY_PATH);
        _exit(200);
    }
    CHECK(exit_code(pid) == 33);
    int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
    pid = fork();
    if (pid == 0) {
        syscall(SYS_execveat, directory, "exec-copy", argv, no_variables, 0);
        _exit(200);
    }
    CHECK(exit_code(pid) == 33);
    close(file);
    close(directory);
}

static int word;

static void *busy(void *kind) {
    for (;;) {
        switch ((long)kind) {
            case 0: __atomic_add_fetch(&word, 1, __ATOMIC_RELAXED); break;
            case 1: syscall(SYS_futex, &word, 0 /* wait */, -1, NULL, NULL, 0); break;
            case 2: usleep(100); break;
            case 3: close(open("/proc/self/stat", O_RDONLY)); break;
            default: free(malloc(100000)); break;
        }
        if ((long)kind == 1) pause();
    }
    return NULL;
}

static void *execute(void *number) {
    char *argv[] = {"copy", "code", number, NULL};
    execve(COPY, argv, no_variables);
    _exit(200);
}

static void with_threads(void) {
    for (int from_main = 0; from_main < 2; from_main++) {
        for (int round = 0; round < 6; round++) {
            pid_t pid = fork();
            if (pid == 0) {
                pthread_t thread;
                for (long k = 0; k < 6; k++) pthread_create(&thread, NULL, busy, (void *)k);
                if (round % 2) usleep(500);
                if (from_main) execute("44");
                pthread_create(&thread, NULL, execute, "44");
                pause();
            }
            CHECK(exit_code(pid) == 44);
        }
    }
    pid_t pid = fork();  /* several at once: one of them wins */
    if (pid == 0) {
        pthread_t thread;
        for (int k = 0; k < 4; k++) pthread_create(&thread, NULL, execute, "45");
        pause();
    }
    CHECK(exit_code(pid) == 45);
}

static void by_library(void) {
    char *argv[] = {"copy", "code", "12", NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve(COPY, argv, no_variables);
        _exit(200);
    }
    CHECK(exit_code(pid) == 12);
    CHECK(posix_spawn(&pid, COPY, NULL, NULL, argv, no_variables) == 0 && exit_code(pid) == 12);
    pid = 0;
    CHECK(posix_spawn(&pid, "/nowhere", NULL, NULL, argv, no_variables) == ENOENT);
    CHECK_ERROR(waitpid(-1, NULL, WNOHANG), ECHILD);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1) return as_child(argc, argv);
    copy_self();
    errors();
    arguments();
    state();
    scripts();
    by_descriptor();
    with_threads();
    by_library();
    CHECK(unlink(COPY) == 0);
    return ok("exec");
}
