/* What the kernels of bench_kernels work on: random numbers, strings, text; and how they chain a checksum. */
#ifndef KERNELS_DATA_H
#define KERNELS_DATA_H

#include <stddef.h>
#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state;
}

static double next_fraction(void) {
    return (double)(next_random() >> 40) / (1 << 24);
}

static uint64_t chain(uint64_t checksum, uint64_t value) {
    return checksum * 31 + value;
}

enum { STRING_BYTES = 16 };

/* Letters for a number; different numbers below 2^26 have different ones. */
static void spell(char string[STRING_BYTES], uint64_t number) {
    number = number * 2654435761u + 1;
    int length = 0;
    for (; number != 0; number /= 26)
        string[length++] = (char)('a' + number % 26);
    string[length] = '\0';
}

/* Fills `text` with words of a vocabulary, the first ones more often, in lines, and a zero at the end. */
static void write_text(char *text, size_t bytes) {
    enum { WORDS = 1024 };
    static char words[WORDS][STRING_BYTES];
    for (int i = 0; i < WORDS; i++) {
        spell(words[i], (uint64_t)i);
        words[i][2 + next_random() % 8] = '\0';
    }
    size_t used = 0;
    while (used < bytes - 1) {
        uint64_t random = next_random();
        const char *word = words[random % WORDS * (random >> 32 & 1023) / WORDS];
        while (*word != '\0' && used < bytes - 2)
            text[used++] = *word++;
        text[used++] = random >> 60 == 0 ? '\n' : ' ';
    }
    text[used] = '\0';
}

#endif
