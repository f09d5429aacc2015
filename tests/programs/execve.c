/* execve and execveat: every error leaves the caller as it was, and what a new program has and has not. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define MANY 100000

static char self[PATH_MAX];
static char *no_variables[] = {NULL};

static int exit_code(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* The exit code of a child that executes a file with these arguments. */
static int run(const char *path, char **arguments, char **variables) {
    pid_t pid = fork();
    if (pid == 0) {
        execve(path, arguments, variables);
        _exit(200 + errno);
    }
    return exit_code(pid);
}

static void make_file(const char *path, const void *content, size_t size, mode_t mode) {
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK(fd >= 0 && write(fd, content, size) == (ssize_t)size && fchmod(fd, mode) == 0 && close(fd) == 0);
}

static void make_script(const char *path, const char *text) { make_file(path, text, strlen(text), 0755); }

static void copy_self(const char *path) {
    char buffer[65536];
    ssize_t got;
    int in = open("/proc/self/exe", O_RDONLY), out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
    CHECK(in >= 0 && out >= 0);
    while ((got = read(in, buffer, sizeof buffer)) > 0) CHECK(write(out, buffer, got) == got);
    CHECK(got == 0 && close(in) == 0 && close(out) == 0);
}

/* --- what the executed program does, by its first argument --- */

static int as_image(int argc, char **argv) {
    struct sigaction action;
    stack_t stack;
    sigset_t set;
    char text[256];
    CHECK(argc == 3 && !strcmp(argv[0], "zero") && !strcmp(argv[2], ""));
    CHECK(getenv("ONE") && !strcmp(getenv("ONE"), "1") && !getenv("TWO"));
    CHECK(fcntl(50, F_GETFD) == 0 && fcntl(51, F_GETFD) == -1);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL && action.sa_flags == 0);
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGHUP) && !sigismember(&set, SIGINT));
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGHUP));
    CHECK(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
    CHECK(prctl(PR_GET_NAME, text) == 0 && !strcmp(text, "a-program-with-"));
    CHECK(syscall(SYS_gettid) == getpid());
    CHECK(readlink("/proc/self/exe", text, sizeof text) == 33 && !memcmp(text, "/tmp/a-program-with-a-longer-name", 33));
    CHECK(!strcmp((char *)getauxval(AT_EXECFN), "/tmp/a-program-with-a-longer-name"));
    CHECK(getauxval(AT_RANDOM) && getauxval(AT_SECURE) == 0 && getauxval(AT_UID) == 0 && getauxval(AT_BASE) == 0);
    CHECK(getauxval(AT_ENTRY) && getauxval(AT_PAGESZ) == 4096 && getauxval(AT_PHNUM) > 0);
    int fd = open("/proc/self/cmdline", O_RDONLY);
    CHECK(read(fd, text, sizeof text) == 12 && !memcmp(text, "zero\0image\0\0", 12));
    CHECK(argv[0] + 5 == argv[1] && argv[1] + 6 == argv[2]);
    unsigned long rounding;
    __asm__ volatile("csrr %0, fcsr" : "=r"(rounding));
    CHECK(rounding == 0);
    return 42;
}

/* Use so many bytes of the stack. */
static int deep(long bytes) {
    volatile char here[4096];
    here[bytes & 4095] = 1;
    return bytes > 0 ? deep(bytes - 4096) + here[bytes & 4095] : 0; /* a use after the call: it is no loop */
}

static int as_child(int argc, char **argv) {
    if (!strcmp(argv[1], "image")) return as_image(argc, argv);
    if (!strcmp(argv[1], "count")) return argc == MANY + 2 && !strcmp(argv[MANY + 1], "last") ? 43 : 1;
    if (!strcmp(argv[1], "pid")) return atoi(argv[2]) == getpid() && syscall(SYS_gettid) == getpid() ? 44 : 1;
    if (!strcmp(argv[1], "process")) return atoi(argv[2]) == getpid() ? 46 : 1;
    if (!strcmp(argv[1], "exit")) return atoi(argv[2]);
    if (!strcmp(argv[1], "empty")) return 1;
    if (!strcmp(argv[1], "deep")) return deep(4 << 20) == 0;
    /* From a script: argv[1] is the script's argument, "x y". */
    CHECK(argc == 5 && !strcmp(argv[0], self) && !strcmp(argv[1], "x y") && !strcmp(argv[2], "/tmp/script"));
    CHECK(!strcmp(argv[3], "one") && !strcmp(argv[4], "two"));
    return 45;
}

/* --- the tests --- */

static void each_error_leaves_the_caller_as_it_was(void) {
    char *one[] = {"x", NULL}, name[NAME_MAX + 2], *long_one, *both[3] = {"x", NULL, NULL};
    memset(name, 'a', NAME_MAX + 1);
    name[NAME_MAX + 1] = 0;
    make_file("/tmp/plain", "nothing", 7, 0644);
    make_file("/tmp/nothing", "nothing", 7, 0755);
    make_file("/tmp/empty", "", 0, 0755);
    make_script("/tmp/lost", "#!/tmp/absent\n");
    make_script("/tmp/no-name", "#!   \n");
    make_script("/tmp/in-plain", "#!/tmp/plain\n");
    CHECK_ERROR(execve("/tmp/absent", one, no_variables), ENOENT);
    CHECK_ERROR(execve("", one, no_variables), ENOENT);
    CHECK_ERROR(execve("/tmp/plain/x", one, no_variables), ENOTDIR);
    CHECK_ERROR(execve("/tmp/plain", one, no_variables), EACCES);
    CHECK_ERROR(execve("/tmp", one, no_variables), EACCES);
    CHECK_ERROR(execve("/dev/null", one, no_variables), EACCES);
    CHECK_ERROR(execve("/tmp/nothing", one, no_variables), ENOEXEC);
    CHECK_ERROR(execve("/tmp/empty", one, no_variables), ENOEXEC);
    CHECK_ERROR(execve("/tmp/lost", one, no_variables), ENOENT);
    CHECK_ERROR(execve("/tmp/no-name", one, no_variables), ENOEXEC);
    CHECK_ERROR(execve("/tmp/in-plain", one, no_variables), EACCES);
    CHECK_ERROR(execve(name, one, no_variables), ENAMETOOLONG);
    CHECK(symlink("/tmp/circle", "/tmp/circle") == 0);
    CHECK_ERROR(execve("/tmp/circle", one, no_variables), ELOOP);
    CHECK_ERROR(syscall(SYS_execve, 8, one, no_variables), EFAULT);
    CHECK_ERROR(syscall(SYS_execve, self, 8, no_variables), EFAULT);
    CHECK_ERROR(syscall(SYS_execve, self, one, -8L), EFAULT);
    both[1] = (char *)8;
    CHECK_ERROR(execve(self, both, no_variables), EFAULT);
    CHECK_ERROR(syscall(SYS_execveat, 99, "x", one, no_variables, 0), EBADF);
    CHECK_ERROR(syscall(SYS_execveat, AT_FDCWD, self, one, no_variables, 1), EINVAL);
    CHECK_ERROR(syscall(SYS_execveat, AT_FDCWD, "/tmp/circle", one, no_variables, AT_SYMLINK_NOFOLLOW), ELOOP);
    long_one = malloc(131073);
    memset(long_one, 'a', 131072);
    long_one[131072] = 0;
    both[1] = long_one;
    CHECK_ERROR(execve(self, both, no_variables), E2BIG);
    char **all = calloc(18, sizeof *all);
    long_one[131071] = 0;
    for (int k = 0; k < 17; k++) all[k] = long_one;
    CHECK_ERROR(execve(self, all, no_variables), E2BIG);
    all[0] = "x", all[1] = "exit", all[2] = "7", all[15] = NULL; /* 12 of them are little less than the limit */
    CHECK(run(self, all, no_variables) == 7);
}

static void scripts_are_executed_by_their_interpreters(void) {
    char *three[] = {"ignored", "one", "two", NULL}, text[512], *none[] = {NULL};
    snprintf(text, sizeof text, "#! \t%s\t x y \t\nrest", self);
    make_script("/tmp/script", text);
    CHECK(run("/tmp/script", three, no_variables) == 45);
    CHECK(chdir("/tmp") == 0);
    char last[64];
    snprintf(text, sizeof text, "#!%s exit\n", self);
    make_script("/tmp/chain0", text);
    for (int k = 1; k <= 5; k++) {
        snprintf(last, sizeof last, "/tmp/chain%d", k);
        snprintf(text, sizeof text, "#!/tmp/chain%d\n", k - 1);
        make_script(last, text);
    }
    CHECK(run("/tmp/chain4", none, no_variables) == 0); /* exit /tmp/chain0 ... is exit 0 */
    CHECK(run("/tmp/chain5", none, no_variables) == 200 + ELOOP);
    memset(text, 'a', sizeof text);
    memcpy(text, "#!/", 3);
    make_file("/tmp/endless", text, sizeof text, 0755);
    CHECK(run("/tmp/endless", none, no_variables) == 200 + ENOEXEC);
}

static void handle(int number) { (void)number; }

static void a_new_program_begins_with_what_it_should(void) {
    pid_t pid = fork();
    if (pid == 0) {
        static char stack[65536];
        struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
        char *arguments[] = {"zero", "image", "", NULL}, *variables[] = {"ONE=1", NULL};
        sigset_t set;
        copy_self("/tmp/a-program-with-a-longer-name");
        CHECK(dup2(1, 50) == 50 && dup3(1, 51, O_CLOEXEC) == 51);
        CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && signal(SIGUSR2, SIG_IGN) != SIG_ERR);
        CHECK(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) == 0);
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && kill(getpid(), SIGHUP) == 0);
        __asm__ volatile("csrw fcsr, %0" ::"r"(0x61L));
        execve("/tmp/a-program-with-a-longer-name", arguments, variables);
        _exit(1);
    }
    CHECK(exit_code(pid) == 42);
}

static void a_program_without_a_name_can_be_executed(void) {
    char *arguments[] = {"x", "exit", "9", NULL};
    copy_self("/tmp/deleted");
    int fd = open("/tmp/deleted", O_RDONLY), cloexec = open("/tmp/script", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && unlink("/tmp/deleted") == 0);
    pid_t pid = fork();
    if (pid == 0) {
        syscall(SYS_execveat, fd, "", arguments, no_variables, AT_EMPTY_PATH);
        _exit(200 + errno);
    }
    CHECK(exit_code(pid) == 9);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(run(path, arguments, no_variables) == 9);
    CHECK_ERROR(syscall(SYS_execveat, cloexec, "", arguments, no_variables, AT_EMPTY_PATH), ENOENT);
    CHECK_ERROR(syscall(SYS_execveat, fd, "", arguments, no_variables, 0), ENOENT);
    int tmp = open("/tmp", O_PATH | O_DIRECTORY);
    copy_self("/tmp/below");
    pid = fork();
    if (pid == 0) {
        syscall(SYS_execveat, tmp, "below", arguments, no_variables, 0);
        _exit(200 + errno);
    }
    CHECK(exit_code(pid) == 9);
    close(fd), close(cloexec), close(tmp);
}

static void many_arguments(void) {
    char **arguments = calloc(MANY + 3, sizeof *arguments);
    for (int k = 2; k <= MANY; k++) arguments[k] = "many";
    arguments[0] = "x", arguments[1] = "count", arguments[MANY + 1] = "last";
    CHECK(run(self, arguments, no_variables) == 43);
    free(arguments);
}

static void the_limit_of_the_stack_bounds_arguments(void) {
    static char *many[20001];  /* 340,000 bytes with their pointers: more than a quarter of 1 MiB */
    struct rlimit stack, small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    for (int k = 0; k < 20000; k++) many[k] = "argument";
    CHECK(getrlimit(RLIMIT_STACK, &stack) == 0 && setrlimit(RLIMIT_STACK, &small) == 0);
    CHECK_ERROR(execve(self, many, no_variables), E2BIG);
    CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
}

static void the_limit_of_the_stack_bounds_the_stack(void) {
    char *arguments[] = {"x", "deep", NULL};
    struct rlimit stack, wanted = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    CHECK(getrlimit(RLIMIT_STACK, &stack) == 0);
    for (int mib = 2; mib <= 32; mib += 30) { /* what 4 MiB of stack are too much for, and not */
        wanted.rlim_cur = (long)mib << 20;
        CHECK(setrlimit(RLIMIT_STACK, &wanted) == 0);
        pid_t pid = fork();
        int status;
        if (pid == 0) {
            execve(self, arguments, no_variables);
            _exit(1);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(mib == 2 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV : WIFEXITED(status) && !WEXITSTATUS(status));
    }
    CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
}

static void the_library_makes_processes(void) {
    char *argv[] = {"x", "exit", "12", NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve(self, argv, no_variables);
        _exit(200);
    }
    CHECK(exit_code(pid) == 12);
    CHECK(posix_spawn(&pid, self, NULL, NULL, argv, no_variables) == 0 && exit_code(pid) == 12);
    CHECK(posix_spawn(&pid, "/nowhere", NULL, NULL, argv, no_variables) == ENOENT);  /* the child has told why */
    CHECK_ERROR(waitpid(-1, NULL, WNOHANG), ECHILD);
}

static void rights_follow_the_file(void) {
    char *arguments[] = {"x", "exit", "3", NULL};
    copy_self("/tmp/owned");
    CHECK(chmod("/tmp/owned", 0700) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(setuid(1000) == 0);
        CHECK_ERROR(execve("/tmp/owned", arguments, no_variables), EACCES);
        CHECK(chmod("/tmp/owned", 0755) == -1);
        _exit(5);
    }
    CHECK(exit_code(pid) == 5);
}

/* --- exec while other threads run, sleep, fault and are served --- */

static int pipe_fds[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;

static void *busy(void *argument) {
    volatile long turns = 0;
    char byte, *pages;
    pthread_barrier_wait(&barrier);
    switch ((long)argument % 6) {
    case 0: for (;;) turns++;
    case 1: read(pipe_fds[0], &byte, 1); break;
    case 2: pthread_mutex_lock(&mutex); break;
    case 3: for (;;) close(open("/proc/self/comm", O_RDONLY));
    case 4:
        for (;;) {
            pages = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (int k = 0; k < 16; k++) pages[k * 4096] = 1;
            munmap(pages, 65536);
        }
    default: for (;;) usleep(10);
    }
    return NULL;
}

static char pid_text[16];

static void *execute(void *waits) {
    char *arguments[] = {"x", "pid", pid_text, NULL};
    if (waits) pthread_barrier_wait(&barrier);
    usleep(100);
    execve(self, arguments, no_variables);
    _exit(1);
}

static void become(int callers, int leader_waits) {
    pthread_t thread;
    snprintf(pid_text, sizeof pid_text, "%d", getpid());
    CHECK(pipe(pipe_fds) == 0 && pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 12 + callers + 1) == 0);
    for (long k = 0; k < 12; k++) CHECK(pthread_create(&thread, NULL, busy, (void *)k) == 0);
    for (int k = 0; k < callers; k++) CHECK(pthread_create(&thread, NULL, execute, &thread) == 0);
    pthread_barrier_wait(&barrier);
    if (leader_waits == 2) execute(NULL);
    if (leader_waits) pthread_join(thread, NULL);
    for (;;) getppid();
}

static void any_thread_may_execute_a_program(void) {
    for (int k = 0; k < 6; k++) {
        pid_t pid = fork();
        if (pid == 0) become(k % 3 ? k % 3 : 1, k % 3);
        CHECK(exit_code(pid) == 44);
    }
}

/* The first thread leaves on its own while another executes a program: whoever is first, the program runs. */
static void *execute_beside(void *leader) {
    char *arguments[] = {"x", "process", pid_text, NULL};
    (void)leader;
    pthread_barrier_wait(&barrier);
    execve(self, arguments, no_variables);
    _exit(1);
}

static void the_first_thread_may_leave_meanwhile(void) {
    for (int k = 0; k < 24; k++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            snprintf(pid_text, sizeof pid_text, "%d", getpid());
            pthread_barrier_init(&barrier, NULL, 2);
            pthread_create(&thread, NULL, execute_beside, NULL);
            pthread_barrier_wait(&barrier);
            for (volatile int turns = 0; turns < k * 2000; turns++) {}
            syscall(SYS_exit, 3);
        }
        CHECK(exit_code(pid) == 46);
    }
}

int main(int argc, char **argv) {
    CHECK(readlink("/proc/self/exe", self, sizeof self) > 0);
    if (argc > 1) return as_child(argc, argv);
    each_error_leaves_the_caller_as_it_was();
    scripts_are_executed_by_their_interpreters();
    a_new_program_begins_with_what_it_should();
    a_program_without_a_name_can_be_executed();
    many_arguments();
    the_limit_of_the_stack_bounds_arguments();
    the_limit_of_the_stack_bounds_the_stack();
    the_library_makes_processes();
    rights_follow_the_file();
    any_thread_may_execute_a_program();
    the_first_thread_may_leave_meanwhile();
    return ok("execve");
}
