/* bench_coremark: integer speed on one thread, shaped like CoreMark: a linked list that is searched, reversed and merge
 * sorted through pointers to compare functions, products of small matrices, and a state machine that reads numbers.
 * As there, the second and third are jobs of the list's items, done when a sort first asks for an item's outcome,
 * and a CRC-16, computed bit by bit, chains all results, so that nothing can be left out or done twice.
 * It is written anew: its figures are none of CoreMark's, and are compared only with each other.
 * Arguments: ITERATIONS (default 1000), SEED (default 0). One iteration is about 200000 instructions: two fifths for
 * the list, and the rest in equal parts for matrices and text. Prints the checksum. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"

enum { ITEMS = 40, KINDS = 16, SEARCHES = 140, SIZE = 10, TEXT_BYTES = 500 };

/* --- the checksum: CRC-16 with the polynomial x^16 + x^12 + x^5 + 1, most significant bit first --- */

static uint16_t crc_byte(uint16_t crc, uint8_t byte) {
    crc ^= (uint16_t)(byte << 8);
    for (int bit = 0; bit < 8; bit++)
        crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    return crc;
}

static uint16_t crc_16(uint16_t crc, uint16_t value) {
    return crc_byte(crc_byte(crc, (uint8_t)(value >> 8)), (uint8_t)value);
}

static uint16_t crc_32(uint16_t crc, uint32_t value) {
    return crc_16(crc_16(crc, (uint16_t)(value >> 16)), (uint16_t)value);
}

/* --- matrices --- */

static int16_t left[SIZE][SIZE], right[SIZE][SIZE];
static int32_t result[SIZE][SIZE];

static void fill_matrices(uint32_t seed) {
    for (uint32_t i = 0; i < SIZE; i++)
        for (uint32_t j = 0; j < SIZE; j++) {
            seed = seed * 1664525u + 1013904223u;
            left[i][j] = (int16_t)(seed >> 20 & 0xFF);
            right[i][j] = (int16_t)((seed >> 16 & 0x7F) + i + j);
        }
}

static void add_constant(int16_t value) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            left[i][j] = (int16_t)(left[i][j] + value);
}

static void multiply_by_constant(int16_t value) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            result[i][j] = left[i][j] * value;
}

/* The product goes to the first column; the others keep what they had. */
static void multiply_by_vector(const int16_t vector[SIZE]) {
    for (int i = 0; i < SIZE; i++) {
        uint32_t sum = 0;
        for (int k = 0; k < SIZE; k++)
            sum += (uint32_t)(left[i][k] * vector[k]);
        result[i][0] = (int32_t)sum;
    }
}

static void multiply_matrices(void) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += (uint32_t)(left[i][k] * right[k][j]);
            result[i][j] = (int32_t)sum;
        }
}

static uint32_t bits(uint32_t value, int first, int count) {
    return value >> first & ((1u << count) - 1);
}

/* As a product, but of two fields of bits of each term. */
static void multiply_fields(void) {
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIZE; k++) {
                uint32_t term = (uint32_t)(left[i][k] * right[k][j]);
                sum += bits(term, 3, 5) * bits(term, 8, 6);
            }
            result[i][j] = (int32_t)sum;
        }
}

/* One number of all results: how many are greater than the one before, and how often the sum passed the limit. */
static uint16_t outline(int32_t limit) {
    int32_t sum = 0, before = 0;
    uint16_t found = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            int32_t now = result[i][j];
            sum += now & 0xFFFF;
            if (sum > limit) {
                found = (uint16_t)(found + 9);
                sum = 0;
            } else
                found = (uint16_t)(found + (now > before));
            before = now;
        }
    return found;
}

static uint16_t matrix_job(uint16_t seed) {
    int16_t constant = (int16_t)((seed & 0xFF) | 1);
    int32_t limit = 0x8000 | seed;
    uint16_t crc = seed;
    add_constant(constant);
    multiply_by_constant(constant);
    crc = crc_16(crc, outline(limit));
    multiply_by_vector(right[seed % SIZE]);
    crc = crc_16(crc, outline(limit));
    multiply_matrices();
    crc = crc_16(crc, outline(limit));
    multiply_fields();
    crc = crc_16(crc, outline(limit));
    add_constant((int16_t)-constant);
    return crc;
}

/* --- a state machine, which reads numbers and tells their kinds apart --- */

enum state { START, SIGN, ZERO, WHOLE, HEX, POINT, FRACTION, E, E_SIGN, EXPONENT, WRONG, STATES };

static char text[TEXT_BYTES + 1];
static size_t text_length;

/* Numbers of all kinds, and some that are none, each with a comma after it, until no other fits. */
static void fill_text(uint32_t seed) {
    static const char *const tokens[] = {
        "0", "7", "+4", "1982", "-315", "40960", "0x1F", "0xBEEF", "0x", "3.25", "-.5", "+12.", "70.007", "-0.125",
        "6e3", "-2.5e-7", "1e+", "9.75e+12", "+1e0", "x17", "12a", "--3", "4.5.6", "0b11", "1e5e", "T0.3e-1F", "5_000",
    };
    size_t used = 0;
    for (;;) {
        seed = seed * 1664525u + 1013904223u;
        const char *token = tokens[(seed >> 16) % (sizeof tokens / sizeof tokens[0])];
        size_t length = 0;
        while (token[length] != '\0')
            length++;
        if (used + length + 1 > TEXT_BYTES)
            break;
        for (size_t i = 0; i < length; i++)
            text[used++] = token[i];
        text[used++] = ',';
    }
    text[used] = '\0';
    text_length = used;
}

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

static enum state step(enum state state, char c) {
    switch (state) {
    case START:
        if (c == '0')
            return ZERO;
        if (is_digit(c))
            return WHOLE;
        return c == '+' || c == '-' ? SIGN : c == '.' ? POINT : WRONG;
    case SIGN: return is_digit(c) ? WHOLE : c == '.' ? POINT : WRONG;
    case ZERO:
        if (c == 'x')
            return HEX;
        /* fall through */
    case WHOLE:
        if (is_digit(c))
            return WHOLE;
        return c == '.' ? FRACTION : c == 'e' ? E : WRONG;
    case HEX: return is_digit(c) || (c >= 'A' && c <= 'F') ? HEX : WRONG;
    case POINT: return is_digit(c) ? FRACTION : WRONG;
    case FRACTION: return is_digit(c) ? FRACTION : c == 'e' ? E : WRONG;
    case E: return is_digit(c) ? EXPONENT : c == '+' || c == '-' ? E_SIGN : WRONG;
    case E_SIGN:
    case EXPONENT: return is_digit(c) ? EXPONENT : WRONG;
    default: return WRONG;
    }
}

/* Reads one number and the comma after it; counts how often each state was entered. */
static enum state read_number(const char **at, uint32_t entered[STATES]) {
    enum state state = START;
    const char *c = *at;
    while (*c != '\0' && *c != ',' && state != WRONG) {
        enum state next = step(state, *c++);
        if (next != state)
            entered[next]++;
        state = next;
    }
    while (*c != '\0' && *c != ',') /* the rest of one that is wrong */
        c++;
    *at = *c == ',' ? c + 1 : c;
    return state;
}

static void read_text(uint32_t entered[STATES], uint32_t ended[STATES]) {
    for (const char *at = text; *at != '\0';)
        ended[read_number(&at, entered)]++;
}

/* Changes every `stride`-th character that is no comma and does not become one; the second time changes it back. */
static void scramble(char change, size_t stride) {
    for (size_t i = 0; i < text_length; i += stride) {
        char changed = (char)(text[i] ^ change);
        if (text[i] != ',' && changed != ',')
            text[i] = changed;
    }
}

static uint16_t text_job(uint16_t seed) {
    uint32_t entered[STATES] = {0}, ended[STATES] = {0};
    size_t stride = 5 + seed % 13;
    char change = (char)(1 + (seed >> 8) % 7);
    uint16_t crc = seed;
    read_text(entered, ended);
    scramble(change, stride);
    read_text(entered, ended);
    scramble(change, stride);
    for (int i = 0; i < STATES; i++)
        crc = crc_32(crc_32(crc, entered[i]), ended[i]);
    return crc;
}

/* --- the list --- */

struct facts {
    uint16_t number;  /* what is searched for; modulo KINDS it chooses the job */
    uint16_t index;   /* the place in the first order; each occurs once */
    uint16_t outcome; /* of the job, if it is done */
    uint16_t done;
};

struct item {
    struct item *next;
    struct facts *facts;
};

typedef int compare(const struct item *a, const struct item *b, uint16_t seed);

static struct facts all_facts[ITEMS];
static struct item items[ITEMS];

static struct item *make_list(uint32_t seed) {
    struct item *list = NULL;
    for (int i = ITEMS - 1; i >= 0; i--) {
        seed = seed * 1664525u + 1013904223u;
        uint16_t number = (uint16_t)((seed >> 16) / KINDS * KINDS + (uint32_t)i % KINDS);
        all_facts[i] = (struct facts){.number = number, .index = (uint16_t)i};
        items[i] = (struct item){.next = list, .facts = &all_facts[i]};
        list = &items[i];
    }
    return list;
}

static uint16_t outcome(struct facts *facts, uint16_t seed) {
    if (!facts->done) {
        uint16_t job_seed = (uint16_t)(facts->number ^ seed);
        switch (facts->number % KINDS) {
        case 0: facts->outcome = text_job(job_seed); break;
        case 1: facts->outcome = matrix_job(job_seed); break;
        default: facts->outcome = crc_16(seed, facts->number); break;
        }
        facts->done = 1;
    }
    return facts->outcome;
}

static int by_outcome(const struct item *a, const struct item *b, uint16_t seed) {
    return outcome(a->facts, seed) - outcome(b->facts, seed);
}

static int by_index(const struct item *a, const struct item *b, uint16_t seed) {
    (void)seed;
    return a->facts->index - b->facts->index;
}

/* Volatile: a compiler that knew which function is called would not call through a pointer. */
static compare *volatile order_by_outcome = by_outcome, *volatile order_by_index = by_index;

static struct item *find_number(struct item *item, uint16_t number) {
    while (item != NULL && item->facts->number != number)
        item = item->next;
    return item;
}

static struct item *find_index(struct item *item, uint16_t index) {
    while (item != NULL && item->facts->index != index)
        item = item->next;
    return item;
}

static struct item *reverse(struct item *list) {
    struct item *reversed = NULL;
    while (list != NULL) {
        struct item *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static struct item *merge(struct item *a, struct item *b, compare *order, uint16_t seed) {
    struct item first = {NULL, NULL}, *last = &first;
    while (a != NULL && b != NULL)
        if (order(a, b, seed) <= 0) {
            last = last->next = a;
            a = a->next;
        } else {
            last = last->next = b;
            b = b->next;
        }
    last->next = a != NULL ? a : b;
    return first.next;
}

/* Merge sort from below: runs[k] is a sorted run of 2^k items, or empty, as a binary counter has ones and zeros. */
static struct item *sort(struct item *list, compare *order, uint16_t seed) {
    enum { RUNS = 16 };
    struct item *runs[RUNS] = {NULL}, *sorted = NULL;
    while (list != NULL) {
        struct item *run = list;
        list = list->next;
        run->next = NULL;
        int k = 0;
        for (; runs[k] != NULL; k++) {
            run = merge(runs[k], run, order, seed);
            runs[k] = NULL;
        }
        runs[k] = run;
    }
    for (int k = 0; k < RUNS; k++)
        sorted = merge(runs[k], sorted, order, seed);
    return sorted;
}

/* Searches, each in the list that the one before reversed; what is found moves to the second place. */
static uint16_t search(struct item **list, uint16_t seed, uint16_t crc) {
    struct item *head = *list;
    for (uint16_t i = 0; i < SEARCHES; i++) {
        uint16_t wanted = (uint16_t)((seed + i * 7) % (ITEMS + 4)); /* the last four are in no list */
        struct item *found = i % 2 ? find_index(head, wanted) : find_number(head, all_facts[wanted % ITEMS].number);
        head = reverse(head);
        if (found == NULL)
            crc = crc_16(crc, i);
        else {
            crc = crc_16(crc, found->facts->number);
            struct item *moved = found->next;
            if (moved != NULL) { /* the one after what was found */
                found->next = moved->next;
                moved->next = head->next;
                head->next = moved;
            }
        }
    }
    *list = head;
    return crc;
}

static uint16_t iterate(struct item **list, uint16_t seed, uint16_t crc) {
    for (int i = 0; i < ITEMS; i++)
        all_facts[i].done = 0;
    crc = search(list, seed, crc);
    struct item *head = sort(*list, order_by_outcome, seed);
    for (const struct item *item = head; item != NULL; item = item->next)
        crc = crc_16(crc, item->facts->outcome);
    *list = sort(head, order_by_index, seed);
    return crc;
}

int main(int argc, char **argv) {
    long iterations = argument(argc, argv, 1, 1000, 0, 1L << 40);
    uint32_t seed = (uint32_t)argument(argc, argv, 2, 0, 0, UINT32_MAX);
    fill_matrices(seed);
    fill_text(seed + 1);
    struct item *list = make_list(seed + 2);
    uint16_t crc = 0;
    for (long i = 0; i < iterations; i++)
        crc = iterate(&list, (uint16_t)(crc + (uint16_t)i), crc);
    printf("checksum %04x\n", crc);
    return 0;
}
