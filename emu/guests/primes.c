/* primes: counts the primes below N; threads take chunks of numbers off an atomic counter and divide by hand.
 * Arguments: N THREADS (default 500000 8: about 80 million instructions). Prints "N primes below M". */
#include <stdatomic.h>
#include <stdio.h>

#include "arguments.h"
#include "threads.h"

enum { CHUNK = 1000 };

static long limit;
static atomic_long next_chunk, primes;

static int is_prime(long n) {
    if (n < 4)
        return n >= 2;
    if (n % 2 == 0)
        return 0;
    for (long divisor = 3; divisor * divisor <= n; divisor += 2)
        if (n % divisor == 0)
            return 0;
    return 1;
}

static void *count_chunks(void *self) {
    (void)self;
    long first;
    while ((first = atomic_fetch_add(&next_chunk, CHUNK)) < limit) {
        long found = 0;
        for (long n = first; n < first + CHUNK && n < limit; n++)
            found += is_prime(n);
        atomic_fetch_add(&primes, found);
    }
    return NULL;
}

int main(int argc, char **argv) {
    limit = argument(argc, argv, 1, 500000, 0, 1L << 40);
    run_threads(argument(argc, argv, 2, 8, 1, MAX_THREADS), count_chunks);
    printf("%ld primes below %ld\n", primes, limit);
    return 0;
}
