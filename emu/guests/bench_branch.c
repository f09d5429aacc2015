/* bench_branch: branches on one thread: quicksort of random numbers, then a small interpreter of a stack
 * machine's byte code (one switch per instruction), which counts the steps of Collatz sequences.
 * Arguments: ITERATIONS (default 500). One iteration is about 270000 instructions. Prints a checksum. */
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"

enum { COUNT = 1000 };

static uint32_t numbers[COUNT];

static void quicksort(int low, int high) {
    while (low < high) {
        uint32_t pivot = numbers[(low + high) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (numbers[i] < pivot)
                i++;
            while (numbers[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t swapped = numbers[i];
                numbers[i++] = numbers[j];
                numbers[j--] = swapped;
            }
        }
        quicksort(low, j);
        low = i;
    }
}

enum op { PUSH, LOAD, STORE, ADD, MUL, HALF, ODD, EQUAL, JUMP, JUMP_IF, HALT };

/* while (n != 1) { n = n is odd ? 3 * n + 1 : n / 2; steps = steps + 1; } with n = variable 0, steps = variable 1. */
static const uint8_t collatz[] = {
    /*  0 */ LOAD, 0, PUSH, 1, EQUAL, JUMP_IF, 38,
    /*  7 */ LOAD, 0, ODD, JUMP_IF, 19,
    /* 12 */ LOAD, 0, HALF, STORE, 0, JUMP, 29,
    /* 19 */ LOAD, 0, PUSH, 3, MUL, PUSH, 1, ADD, STORE, 0,
    /* 29 */ LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 0,
    /* 38 */ HALT,
};

static uint64_t interpret(const uint8_t *code, uint64_t n) {
    uint64_t stack[8], *top = stack, variables[2] = {n, 0};
    for (const uint8_t *pc = code;;)
        switch ((enum op)*pc++) {
        case PUSH: *top++ = *pc++; break;
        case LOAD: *top++ = variables[*pc++]; break;
        case STORE: variables[*pc++] = *--top; break;
        case ADD: top--, top[-1] += *top; break;
        case MUL: top--, top[-1] *= *top; break;
        case HALF: top[-1] /= 2; break;
        case ODD: top[-1] %= 2; break;
        case EQUAL: top--, top[-1] = top[-1] == *top; break;
        case JUMP: pc = code + *pc; break;
        case JUMP_IF: pc = *--top ? code + *pc : pc + 1; break;
        case HALT: return variables[1];
        }
}

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 1, 500, 0, 1L << 40);
    uint32_t random = 2463534242u;
    uint64_t checksum = 0;
    for (long i = 0; i < iterations; i++) {
        for (int j = 0; j < COUNT; j++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            numbers[j] = random;
        }
        quicksort(0, COUNT - 1);
        checksum = checksum * 31 + numbers[COUNT / 2];
        for (int j = 0; j < 10; j++)
            checksum += interpret(collatz, numbers[j * 100] % 1000 + 1);
    }
    printf("checksum %016llx\n", (unsigned long long)checksum);
    return 0;
}
