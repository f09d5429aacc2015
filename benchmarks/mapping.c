/* What it costs a program to have its memory mapped, each step timed inside. Usage: mapping ROUNDS PAGES.
 *
 * touch      a fresh anonymous page is stored to for the first time
 * again      and loaded from once more
 * protect    a page is made read-only and writable again, and stored to
 * discard    a page is given back (MADV_DONTNEED) and stored to
 * unmap      pages are mapped, each stored to, and unmapped: for each page
 * fork       a child is made and ends, while the parent has PAGES pages; then the parent stores to each: for each page
 *
 * Prints a line of each: name, ns. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

static volatile char *map(long pages) {
    void *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        exit(1);
    return at;
}

static void store_to_each(volatile char *at, long pages) {
    for (long n = 0; n < pages; n++)
        at[n * PAGE]++;
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : 10, pages = argc > 2 ? atol(argv[2]) : 1000;
    double touch = 0, again = 0, protect = 0, discard = 0, unmap = 0, fork_page = 0;
    for (long round = 0; round < rounds; round++) {
        double from = now_ns();
        volatile char *at = map(pages);
        store_to_each(at, pages);
        double touched = now_ns();
        store_to_each(at, pages);
        double stored = now_ns();
        for (long n = 0; n < pages; n++) {
            mprotect((void *)(at + n * PAGE), PAGE, PROT_READ);
            mprotect((void *)(at + n * PAGE), PAGE, PROT_READ | PROT_WRITE);
            at[n * PAGE]++;
        }
        double protected = now_ns();
        for (long n = 0; n < pages; n++) {
            madvise((void *)(at + n * PAGE), PAGE, MADV_DONTNEED);
            at[n * PAGE]++;
        }
        double discarded = now_ns();
        int child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
        store_to_each(at, pages);
        double forked = now_ns();
        munmap((void *)at, pages * PAGE);
        for (long n = 0; n < pages / 16; n++) {
            volatile char *few = map(16);
            store_to_each(few, 16);
            munmap((void *)few, 16 * PAGE);
        }
        double unmapped = now_ns();
        touch += touched - from;
        again += stored - touched;
        protect += protected - stored;
        discard += discarded - protected;
        fork_page += forked - discarded;
        unmap += unmapped - forked;
    }
    double each = (double)rounds * pages;
    printf("touch %.1f\nagain %.1f\nprotect %.1f\ndiscard %.1f\nfork %.1f\nunmap %.1f\n", touch / each, again / each,
           protect / each, discard / each, fork_page / each, unmap / each);
    return 0;
}
