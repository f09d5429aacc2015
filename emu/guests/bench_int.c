/* bench_int: integer speed on one thread, in the manner of CoreMark: a matrix product, a linked list that is
 * searched and reversed, a state machine that reads numbers, and a bitwise CRC over what they produced.
 * Arguments: ITERATIONS (default 4000). One iteration is about 27000 instructions. Prints a checksum. */
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"

enum { SIZE = 12, NODES = 100 };

static uint32_t crc32(uint32_t crc, uint32_t word) {
    crc ^= word;
    for (int bit = 0; bit < 32; bit++)
        crc = (crc >> 1) ^ (0xEDB88320u & -(crc & 1));
    return crc;
}

static int16_t a[SIZE][SIZE], b[SIZE][SIZE];
static int32_t product[SIZE][SIZE];

static uint32_t multiply_matrices(uint32_t crc, uint32_t seed) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (int16_t)(seed * 31 + (uint32_t)(i * j));
            b[i][j] = (int16_t)(seed - (uint32_t)(7 * i) + (uint32_t)j);
        }
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += (uint32_t)(a[i][k] * b[k][j]);
            product[i][j] = (int32_t)sum;
        }
    for (int i = 0; i < SIZE; i++)
        crc = crc32(crc, (uint32_t)product[i][(i + seed) % SIZE]);
    return crc;
}

struct node {
    struct node *next;
    uint32_t key;
};
static struct node nodes[NODES], *head;

static uint32_t walk_list(uint32_t crc, uint32_t seed) {
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t wanted = (seed * 17 + round * 13) % NODES, steps = 0;
        struct node *found = head;
        while (found != NULL && found->key != wanted)
            found = found->next, steps++;
        crc = crc32(crc, steps);
        struct node *reversed = NULL;
        for (struct node *node = head, *next; node != NULL; node = next) {
            next = node->next;
            node->next = reversed;
            reversed = node;
        }
        head = reversed;
    }
    return crc;
}

enum state { START, SIGN, DIGITS, FRACTION, EXPONENT, BAD, STATES };

static enum state step(enum state state, char c) {
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case START: return digit ? DIGITS : c == '+' || c == '-' ? SIGN : c == '.' ? FRACTION : BAD;
    case SIGN: return digit ? DIGITS : c == '.' ? FRACTION : BAD;
    case DIGITS: return digit ? DIGITS : c == '.' ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT: return digit || c == '-' ? EXPONENT : BAD;
    default: return BAD;
    }
}

static uint32_t read_numbers(uint32_t crc, uint32_t seed) {
    static char text[] = "12,-7.25,+3e4,.5,0x1F,1.5e-3,99999,--1,6.02e23,abc,1e,42,-0.001,7,3.14159";
    uint32_t count[STATES] = {0};
    text[seed % (sizeof text - 1)] ^= 1; /* so that no two rounds read the same */
    enum state state = START;
    for (int round = 0; round < 8; round++)
        for (const char *c = text; *c != '\0'; c++) {
            if (*c == ',') {
                count[state]++;
                state = START;
            } else
                state = step(state, *c);
        }
    for (int i = 0; i < STATES; i++)
        crc = crc32(crc, count[i]);
    return crc;
}

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 1, 4000, 0, 1L << 40);
    for (uint32_t i = 0; i < NODES; i++) { /* 37 and NODES have no common factor: each key occurs once */
        nodes[i].key = i * 37 % NODES;
        nodes[i].next = head;
        head = &nodes[i];
    }
    uint32_t crc = 0xFFFFFFFFu;
    for (long i = 0; i < iterations; i++) {
        crc = multiply_matrices(crc, (uint32_t)i);
        crc = walk_list(crc, crc);
        crc = read_numbers(crc, crc);
    }
    printf("checksum %08x\n", crc);
    return 0;
}
