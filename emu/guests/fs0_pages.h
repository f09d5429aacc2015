/* The page cache of fs0: pages of the window that mm0 fills, and files' contents in them [cz-15]. Included by fs0.c.
 *
 * A page is named by its number in the window, from 1; 0 stands for a page of a hole. Pages that no file has are chained
 * through themselves. A file's page numbers are in an array that grows as the file does: its size is bounded by the
 * window's, and what arrays and names take together by a share of it, so that no client can exhaust fs0's own memory. */
#ifndef FS0_PAGES_H
#define FS0_PAGES_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, NAMES_SHARE = 8 };
#define WINDOW 0x2800000000L

static long nr_pages;              /* of the window */
static uint32_t fresh_page, free_page; /* the first one that was never used; the first one that is used no more */
static long pages_in_use, names_bytes, names_most;
static const char zeroes[PAGE];

struct pages {
    uint32_t *numbers;
    long room, used; /* of the array; pages that are no holes */
};

static char *page_at(uint32_t number) { return (char *)WINDOW + (long)(number - 1) * PAGE; }

/* A page of zeros, which is touched here, since the kernel copies only to what is mapped; 0: there is none left. */
static uint32_t take_page(void) {
    uint32_t number = free_page;
    pages_in_use += number != 0 || fresh_page < nr_pages;
    if (number != 0) {
        memcpy(&free_page, page_at(number), sizeof free_page);
        memset(page_at(number), 0, PAGE);
        return number;
    }
    if (fresh_page == nr_pages)
        return 0;
    *(volatile char *)page_at(++fresh_page) = 0;
    return fresh_page;
}

static void give_page(uint32_t number) {
    memcpy(page_at(number), &free_page, sizeof free_page);
    free_page = number;
    pages_in_use--;
}

/* As malloc and free, charged against the share for names and arrays. */
static void *take_bytes(long size) {
    if (names_bytes + size > names_most)
        return NULL;
    void *bytes = calloc(1, size);
    if (bytes != NULL)
        names_bytes += size;
    return bytes;
}

static void give_bytes(void *bytes, long size) {
    free(bytes);
    names_bytes -= size;
}

static uint32_t page_number(const struct pages *pages, long index) {
    return index < pages->room ? pages->numbers[index] : 0;
}

/* The page of a file that is written to: it has one from now on. 0: no room. */
static uint32_t need_page(struct pages *pages, long index) {
    if (index >= pages->room) {
        long room = pages->room > 0 ? pages->room : 16;
        while (room <= index)
            room *= 2;
        uint32_t *numbers = take_bytes(room * sizeof *numbers);
        if (numbers == NULL)
            return 0;
        if (pages->room > 0) {
            memcpy(numbers, pages->numbers, pages->room * sizeof *numbers);
            give_bytes(pages->numbers, pages->room * sizeof *numbers);
        }
        pages->numbers = numbers, pages->room = room;
    }
    if (pages->numbers[index] == 0) {
        pages->numbers[index] = take_page();
        pages->used += pages->numbers[index] != 0;
    }
    return pages->numbers[index];
}

/* Give back what lies behind so many bytes; what is left of the last page reads as zeros if the file grows again. */
static void cut_pages(struct pages *pages, long size) {
    for (long index = (size + PAGE - 1) / PAGE; index < pages->room; index++)
        if (pages->numbers[index] != 0) {
            give_page(pages->numbers[index]);
            pages->numbers[index] = 0;
            pages->used--;
        }
    uint32_t last = size % PAGE != 0 ? page_number(pages, size / PAGE) : 0;
    if (last != 0)
        memset(page_at(last) + size % PAGE, 0, PAGE - size % PAGE);
    if (size == 0 && pages->room > 0) {
        give_bytes(pages->numbers, pages->room * sizeof *pages->numbers);
        pages->numbers = NULL, pages->room = 0;
    }
}

#endif
