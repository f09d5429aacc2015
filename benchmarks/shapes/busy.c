/* Two threads that compute on their own for so many instructions (the argument), and meet now and then. */
#include "shape.h"
static volatile long steps, shared[2];
static void *compute(void *number) {
    long n = (long)number;
    unsigned long x = n + 1;
    for (long k = 0; k < steps; k++) {
        x = x * 6364136223846793005UL + 1442695040888963407UL;
        if (k % 128 == 0) shared[0] += (long)(x >> 60);
    }
    shared[1] = (long)x;
    return number;
}
int main(int argc, char **argv) {
    steps = argc > 1 ? atol(argv[1]) / 12 : 1000; /* six instructions in each of two loops */
    TOGETHER(compute, compute);
    return 0;
}
