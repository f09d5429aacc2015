/* The kernels `sort` and `hash` of bench_kernels: order and search among many keys. */
#ifndef KERNELS_KEYS_H
#define KERNELS_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels_data.h"

/* --- sort --- */

enum { KEYS = 128 * 1024, FEW_KEYS = 12 };

static void swap(uint64_t *a, uint64_t *b) {
    uint64_t swapped = *a;
    *a = *b, *b = swapped;
}

/* Sorts first[0] to last[0]. What is left in short unsorted runs is done by `insertion_sort` over all. */
static void quicksort(uint64_t *first, uint64_t *last) {
    while (last - first > FEW_KEYS) {
        uint64_t *middle = first + (last - first) / 2;
        if (*middle < *first)
            swap(middle, first);
        if (*last < *first)
            swap(last, first);
        if (*last < *middle)
            swap(last, middle);
        uint64_t pivot = *middle, *low = first, *high = last;
        while (low <= high) {
            while (*low < pivot)
                low++;
            while (*high > pivot)
                high--;
            if (low <= high)
                swap(low++, high--);
        }
        quicksort(first, high);
        first = low;
    }
}

static void insertion_sort(uint64_t *keys, long count) {
    for (long i = 1; i < count; i++) {
        uint64_t key = keys[i];
        long j = i;
        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

static void sift_down(uint64_t *heap, long at, long count) {
    uint64_t key = heap[at];
    for (long child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] > heap[child])
            child++;
        if (heap[child] <= key)
            break;
        heap[at] = heap[child];
    }
    heap[at] = key;
}

static void heap_sort(uint64_t *keys, long count) {
    for (long i = count / 2 - 1; i >= 0; i--)
        sift_down(keys, i, count);
    for (long last = count - 1; last > 0; last--) {
        swap(keys, keys + last);
        sift_down(keys, 0, last);
    }
}

static uint64_t sort(long iterations) {
    static uint64_t quick[KEYS], heap[KEYS];
    uint64_t checksum = 0;
    for (long n = 0; n < iterations; n++) {
        for (long i = 0; i < KEYS; i++)
            quick[i] = heap[i] = next_random();
        quicksort(quick, quick + KEYS - 1);
        insertion_sort(quick, KEYS);
        heap_sort(heap, KEYS);
        for (long i = 0; i < KEYS; i += 1024)
            checksum = chain(chain(checksum, quick[i]), heap[i + 1]);
    }
    return checksum;
}

/* --- hash --- */

enum { SLOTS = 64 * 1024, STRINGS = 64 * 1024 };

static struct slot {
    const char *key; /* NULL: empty */
    uint32_t hash, count;
} slots[SLOTS];

static struct slot *find_slot(const char *key) {
    uint32_t hash = 2166136261u;
    for (const char *c = key; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    for (uint32_t at = hash;; at++) {
        struct slot *slot = &slots[at % SLOTS];
        if (slot->key == NULL)
            slot->hash = hash;
        else if (slot->hash != hash || strcmp(slot->key, key) != 0)
            continue;
        return slot;
    }
}

static uint64_t hash(long iterations) {
    static char strings[STRINGS][STRING_BYTES];
    uint64_t checksum = 0;
    for (long n = 0; n < iterations; n++) {
        memset(slots, 0, sizeof slots);
        uint64_t different = 0, found = 0;
        for (int i = 0; i < STRINGS; i++) {
            spell(strings[i], next_random() % 50000);
            struct slot *slot = find_slot(strings[i]);
            if (slot->key == NULL)
                slot->key = strings[i], different++;
            slot->count++;
        }
        for (int i = 0; i < STRINGS; i++) {
            char wanted[STRING_BYTES];
            spell(wanted, next_random() % 100000);
            struct slot *slot = find_slot(wanted);
            if (slot->key != NULL)
                found += slot->count;
        }
        checksum = chain(chain(checksum, different), found);
    }
    return checksum;
}

#endif
