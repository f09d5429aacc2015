/* bench_branch: branches on one thread: quicksort of random numbers, then a small interpreter of a stack
 * machine's byte code (one switch per instruction), which counts the steps of Collatz sequences.
 * Arguments: ITERATIONS (default 500). One iteration is about @BRANCH@ instructions. Prints a checksum. */
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

/* steps = 0; while (n != 1) { n = n odd ? 3 * n + 1 : n / 2; steps++ }, with n = variable 0 and steps = variable 1. */
static const uint8_t collatz[] = {
    /*  0 */ LOAD, 0, PUSH, 1, EQUAL, JUMP_IF, 37,
    /*  7 */ LOAD, 0, ODD, JUMP_IF, 19,
    /* 12 */ LOAD, 0, HALF, STORE, 0, JUMP, 28,
    /* 19 */ LOAD, 0, PUSH, 3, MUL, PUSH, 1, ADD, STORE,
    /* 28 is reached from 12 with its operand below; see the two NOP-free paths joined here */
    0, LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 0, HALT,
};

int main(void) { return 0; }
