/* qsort and bsearch of integers, doubles, strings and structs. */
#include <stdint.h>

#include "check.h"

enum { COUNT = 3000 };

static int by_int(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static int by_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_string(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

struct pair {
    char pad[3];
    short key;
    char name[7];
};
static int by_key(const void *a, const void *b) { return ((const struct pair *)a)->key - ((const struct pair *)b)->key; }

static int ints[COUNT];
static double doubles[COUNT];
static char texts[COUNT][8], *strings[COUNT];
static struct pair pairs[COUNT];

int main(void) {
    uint32_t random = 12345;
    long sum = 0, sorted_sum = 0;
    for (int i = 0; i < COUNT; i++) {
        random = random * 1664525u + 1013904223u;
        sum += ints[i] = (int)random;
        doubles[i] = (int)random / 65536.0;
        snprintf(texts[i], sizeof texts[i], "%x", random >> 8);
        strings[i] = texts[i];
        pairs[i].key = (short)(random >> 16);
        snprintf(pairs[i].name, sizeof pairs[i].name, "%d", pairs[i].key);
    }
    qsort(ints, COUNT, sizeof *ints, by_int);
    qsort(doubles, COUNT, sizeof *doubles, by_double);
    qsort(strings, COUNT, sizeof *strings, by_string);
    qsort(pairs, COUNT, sizeof *pairs, by_key);
    for (int i = 0; i < COUNT; i++) {
        sorted_sum += ints[i];
        CHECK(i == 0 || ints[i - 1] <= ints[i]);
        CHECK(i == 0 || doubles[i - 1] <= doubles[i]);
        CHECK(i == 0 || strcmp(strings[i - 1], strings[i]) <= 0);
        CHECK(i == 0 || pairs[i - 1].key <= pairs[i].key);
        CHECK(atoi(pairs[i].name) == pairs[i].key);
        int *found = bsearch(&ints[i], ints, COUNT, sizeof *ints, by_int);
        CHECK(found != NULL && *found == ints[i]);
    }
    CHECK(sum == sorted_sum);
    return ok("qsort");
}
