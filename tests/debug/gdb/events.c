/* What a debugger is told of: argument fork, crash, fault, raise, twice, born, read, zero, mapped. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int calls, caught;
volatile long table[4];
_Alignas(64) volatile long block[8];
long (*first)(void), (*second)(void);

__attribute__((noinline)) void mark(int who) {
    calls += who;
}

static void handler(int number) {
    caught = number;
}

static void *wait_for_ever(void *unused) {
    pause();
    return unused;
}

static void *catch(void *unused) {
    caught = 1;
    return unused;
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
    if (strcmp(what, "twice") == 0) {
        signal(SIGUSR1, handler);
        raise(SIGUSR1);
        raise(SIGUSR1);
        return caught;
    }
    if (strcmp(what, "born") == 0) {
        pthread_t other, born;
        pthread_create(&other, 0, wait_for_ever, 0);
        mark(1);
        pthread_create(&born, 0, catch, 0);
        for (int n = 0; n < 1000; n++)
            sched_yield();
        mark(2);
        pthread_join(born, 0);
        return caught;
    }
    if (strcmp(what, "zero") == 0) {
        block[0] = 7;
        __asm__ volatile(".insn i 0x0f, 2, x0, %0, 4" : : "r"((char *)block + 40) : "memory"); /* cbo.zero */
        return (int)block[0];
    }
    if (strcmp(what, "mapped") == 0) {
        static const unsigned code[] = {0x00500513, 0x00008067}; /* li a0, 5; ret */
        int file = memfd_create("code", 0);
        if (write(file, code, sizeof code) != sizeof code)
            return 1;
        first = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        second = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        if (first() != 5)
            return 2;
        mark(1);
        return (int)second();
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
