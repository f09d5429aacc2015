/* bench_kernels: eight small programs in one, each a kind of work of its own, on one thread.
 * Arguments: KERNEL, ITERATIONS (default 1). Prints the kernel's name and a checksum.
 *     sieve   the primes below 4 Mi, one byte for each odd number (2 MiB)
 *     sha     SHA-256 over 64 KiB
 *     matrix  products of matrices of 96 by 96, of doubles and of 32-bit integers (324 KiB)
 *     sort    quicksort, and heap sort, of the same 128 Ki keys of 64 bits (1 MiB each)
 *     hash    64 Ki strings into a table with open addressing, and 64 Ki searches in it (2 MiB)
 *     lz      1 MiB of text compressed with LZ77, decompressed and compared
 *     string  256 KiB of text: lengths, searches for a character, words, comparisons, copies
 *     nbody   one step of 1024 bodies that attract each other, in doubles (56 KiB)
 * The loops of `string` are its own, not those of the C library, which may be written in assembly.
 * Doubles are computed without fused multiply-adds, so that every host's own code gives the same bits. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "kernels_data.h"
#include "kernels_keys.h"
#include "kernels_sha.h"
#include "kernels_text.h"

#pragma STDC FP_CONTRACT OFF

/* --- sieve --- */

static uint64_t sieve(long iterations) {
    enum { LIMIT = 1 << 22, ODDS = LIMIT / 2 };
    static uint8_t composite[ODDS]; /* of 2 * index + 1 */
    uint64_t checksum = 0;
    for (long i = 0; i < iterations; i++) {
        memset(composite, 0, sizeof composite);
        uint64_t primes = 1, sum = 2;
        for (uint32_t odd = 1; odd < ODDS; odd++) {
            if (composite[odd])
                continue;
            uint32_t prime = 2 * odd + 1;
            primes++, sum += prime;
            if (prime < 1 << 11)
                for (uint32_t multiple = prime * prime / 2; multiple < ODDS; multiple += prime)
                    composite[multiple] = 1;
        }
        checksum = chain(chain(checksum, primes), sum);
    }
    return checksum;
}

/* --- matrix --- */

static uint64_t matrix(long iterations) {
    enum { SIZE = 96 };
    static double a[SIZE][SIZE], b[SIZE][SIZE], product[SIZE][SIZE];
    static uint32_t c[SIZE][SIZE], d[SIZE][SIZE], whole[SIZE][SIZE];
    uint64_t checksum = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = next_fraction(), b[i][j] = next_fraction();
            c[i][j] = (uint32_t)next_random(), d[i][j] = (uint32_t)next_random();
        }
    for (long n = 0; n < iterations; n++) {
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++) {
                double sum = 0;
                for (int k = 0; k < SIZE; k++)
                    sum += a[i][k] * b[k][j];
                product[i][j] = sum;
            }
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++) {
                uint32_t sum = 0;
                for (int k = 0; k < SIZE; k++)
                    sum += c[i][k] * d[k][j];
                whole[i][j] = sum;
            }
        double trace = 0;
        for (int i = 0; i < SIZE; i++) {
            trace += product[i][i] / SIZE;
            checksum = chain(checksum, whole[i][SIZE - 1 - i]);
        }
        uint64_t bits;
        memcpy(&bits, &trace, sizeof bits);
        checksum = chain(checksum, bits);
        a[n % SIZE][0] = trace, c[n % SIZE][0] ^= (uint32_t)checksum;
    }
    return checksum;
}

/* --- nbody --- */

static uint64_t nbody(long iterations) {
    enum { BODIES = 1024 };
    static struct body {
        double x, y, z, vx, vy, vz, mass;
    } bodies[BODIES];
    for (struct body *a = bodies; a < bodies + BODIES; a++) {
        a->x = next_fraction(), a->y = next_fraction(), a->z = next_fraction();
        a->mass = next_fraction() / BODIES;
    }
    for (long n = 0; n < iterations; n++) {
        for (struct body *a = bodies; a < bodies + BODIES; a++)
            for (struct body *b = a + 1; b < bodies + BODIES; b++) {
                double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
                double square = dx * dx + dy * dy + dz * dz + 0.0001;
                double pull = 0.001 / (square * sqrt(square));
                a->vx -= dx * b->mass * pull, a->vy -= dy * b->mass * pull, a->vz -= dz * b->mass * pull;
                b->vx += dx * a->mass * pull, b->vy += dy * a->mass * pull, b->vz += dz * a->mass * pull;
            }
        for (struct body *a = bodies; a < bodies + BODIES; a++)
            a->x += 0.001 * a->vx, a->y += 0.001 * a->vy, a->z += 0.001 * a->vz;
    }
    uint64_t checksum = 0;
    for (const struct body *a = bodies; a < bodies + BODIES; a++) {
        uint64_t bits;
        memcpy(&bits, &a->x, sizeof bits);
        checksum = chain(checksum, bits);
    }
    return checksum;
}

static const struct kernel {
    const char *name;
    uint64_t (*run)(long iterations);
} kernels[] = {
    {"sieve", sieve}, {"sha", sha}, {"matrix", matrix}, {"sort", sort},
    {"hash", hash},   {"lz", lz},   {"string", string}, {"nbody", nbody},
};

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 2, 1, 0, 1L << 40);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        if (argc > 1 && strcmp(argv[1], kernels[i].name) == 0) {
            printf("%s %016llx\n", argv[1], (unsigned long long)kernels[i].run(iterations));
            return 0;
        }
    fprintf(stderr, "usage: bench_kernels KERNEL [ITERATIONS]; KERNEL is");
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        fprintf(stderr, " %s", kernels[i].name);
    fprintf(stderr, "\n");
    return 2;
}
