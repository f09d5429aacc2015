/* Job control: tasks that signals stop and let go on, and what their parent is told of it (signal(7), wait(2)). */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static volatile int *counter;  /* shared with the children */
static volatile sig_atomic_t told, told_code, told_status;

static void *count(void *unused) {
    for (;;) __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
    return unused;
}

static pid_t counting(int threads) {
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        for (int k = 1; k < threads; k++) pthread_create(&thread, NULL, count, NULL);
        count(NULL);
    }
    CHECK(pid > 0);
    return pid;
}

static void stopped(pid_t pid, int signal) {
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == signal);
    CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);  /* told once */
}

static void stands_still(void) {
    int before, same = 0;
    while (same < 3) {  /* a thread that was in guest code stops at its next look at interrupts */
        before = *counter;
        for (int k = 0; k < 50; k++) sched_yield();
        usleep(2000);
        same = *counter == before ? same + 1 : 0;
    }
}

static void moves(void) {
    int before = *counter;
    while (*counter == before) sched_yield();
}

static void stop_and_go(int threads, int signal) {
    int status;
    pid_t pid = counting(threads);
    moves();
    CHECK(kill(pid, signal) == 0);
    stopped(pid, signal);
    stands_still();
    CHECK(kill(pid, signal) == 0 && kill(pid, SIGTERM) == 0);  /* pending until it goes on, and then it ends */
    stands_still();
    CHECK(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void continued(void) {
    int status;
    siginfo_t info;
    pid_t pid = counting(2);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0);
    CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == pid);
    CHECK(waitid(P_ALL, 0, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED);
    stands_still();
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(-1, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    moves();
    CHECK(kill(pid, SIGSTOP) == 0);
    stopped(pid, SIGSTOP);
    CHECK(kill(pid, SIGKILL) == 0);  /* ends it, stopped or not */
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
}

static void sleeping(void) {  /* who sleeps when it is stopped goes on sleeping afterwards */
    int status, ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char c = 0;
        CHECK(read(ends[0], &c, 1) == 1 && c == 'x');
        _exit(3);
    }
    usleep(1000);
    CHECK(kill(pid, SIGSTOP) == 0);
    stopped(pid, SIGSTOP);
    CHECK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    close(ends[0]);
    close(ends[1]);
}

static void note(int number, siginfo_t *info, void *context) {
    (void)context;
    told_code = info->si_code;
    told_status = info->si_status;
    told = number;
}

static void handled(void) {  /* a handler takes SIGTSTP; ignored, it does nothing */
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
        sigaction(SIGTSTP, &action, NULL);
        raise(SIGTSTP);
        signal(SIGTTOU, SIG_IGN);
        raise(SIGTTOU);
        _exit(told == SIGTSTP ? 4 : 5);
    }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 4);

    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO}, old;
    CHECK(sigaction(SIGCHLD, &action, &old) == 0);
    told = 0;
    pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(6);
    }
    while (!told) sched_yield();
    CHECK(told_code == CLD_STOPPED && told_status == SIGSTOP);
    stopped(pid, SIGSTOP);
    action.sa_flags |= SA_NOCLDSTOP;
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    while (waitpid(pid, &status, 0) != pid) CHECK(errno == EINTR);
    CHECK(WEXITSTATUS(status) == 6);
    CHECK(sigaction(SIGCHLD, &old, NULL) == 0);
}

static void group(void) {  /* a whole group stops, goes on and ends */
    int status;
    pid_t leader = counting(1), member = counting(2);
    CHECK(setpgid(leader, leader) == 0 && setpgid(member, leader) == 0);
    CHECK(kill(-leader, SIGTSTP) == 0);
    stopped(leader, SIGTSTP);
    stopped(member, SIGTSTP);
    stands_still();
    CHECK(kill(-leader, SIGCONT) == 0);
    moves();
    CHECK(kill(-leader, SIGHUP) == 0);
    CHECK(waitpid(leader, &status, 0) == leader && WTERMSIG(status) == SIGHUP);
    CHECK(waitpid(member, &status, 0) == member && WTERMSIG(status) == SIGHUP);
}

static void orphaned(void) {  /* whose group nobody controls any more goes on, and hears SIGHUP */
    int ends[2], status;
    char c;
    CHECK(pipe(ends) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            setpgid(0, 0);
            raise(SIGSTOP);
            for (;;) pause(); /* not for long */
        }
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        _exit(0);
    }
    close(ends[1]);
    CHECK(waitpid(parent, &status, 0) == parent && status == 0);
    CHECK(read(ends[0], &c, 1) == 0);  /* the child is gone */
    close(ends[0]);
}

int main(void) {
    counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stop_and_go(1, SIGSTOP);
    stop_and_go(3, SIGTSTP);
    continued();
    sleeping();
    handled();
    group();
    orphaned();
    return ok("jobs");
}
