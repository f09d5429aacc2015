/* What a debugger is told of: argument fork, crash, handle, raise, exec, read. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int calls, caught;
volatile long table[4];

__attribute__((noinline)) void mark(int who) {
    calls += who;
}

static void handler(int number) {
    caught = number;
}

static void handle_fault(int number) {
    (void)number;
    _exit(9);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "fork") == 0) {
        int status = 0;
        if (fork() == 0) {
            for (int n = 0; n < 100; n++)
                mark(1);
            _exit(calls == 100 ? 3 : 4);
        }
        wait(&status);
        mark(WEXITSTATUS(status));
        return calls;
    }
    if (strcmp(what, "crash") == 0)
        *(volatile int *)16 = 1;
    if (strcmp(what, "fault") == 0) {
        signal(SIGSEGV, handle_fault);
        *(volatile int *)16 = 1;
    }
    if (strcmp(what, "raise") == 0) {
        signal(SIGUSR1, handler);
        raise(SIGUSR1);
        return caught;
    }
    if (strcmp(what, "read") == 0) {
        for (int n = 0; n < 4; n++)
            table[n] = n * n;
        long sum = 0;
        for (int n = 3; n >= 0; n--)
            sum += table[n];
        __atomic_fetch_add(&table[2], 5, __ATOMIC_SEQ_CST);
        return (int)(sum + table[2]);
    }
    return 0;
}
