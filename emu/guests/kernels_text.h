/* The kernels `lz` and `string` of bench_kernels: what programs do with text. */
#ifndef KERNELS_TEXT_H
#define KERNELS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels_data.h"

/* --- lz: a byte below 128 is followed by that many literals and one; another is a match of (byte - 124) bytes, which
 * begins as many bytes back as the two bytes after it say --- */

enum { TEXT = 1 << 20, HASHES = 1 << 15 };
enum { LEAST_MATCH = 4, MOST_MATCH = 131, MOST_LITERALS = 128, MOST_DISTANCE = 65535 };

static uint8_t *put_literals(uint8_t *out, const uint8_t *from, size_t count) {
    while (count != 0) {
        size_t now = count < MOST_LITERALS ? count : MOST_LITERALS;
        *out++ = (uint8_t)(now - 1);
        for (size_t i = 0; i < now; i++)
            *out++ = *from++;
        count -= now;
    }
    return out;
}

static size_t compress(uint8_t *out, const uint8_t *in, size_t size) {
    static uint32_t latest[HASHES]; /* position + 1 of the latest four bytes with this hash; 0: none */
    uint8_t *start = out;
    size_t at = 0, literals = 0;
    memset(latest, 0, sizeof latest);
    while (at + LEAST_MATCH <= size) {
        uint32_t four = in[at] | (uint32_t)in[at + 1] << 8 | (uint32_t)in[at + 2] << 16 | (uint32_t)in[at + 3] << 24;
        uint32_t *entry = &latest[four * 2654435761u >> 17];
        size_t candidate = *entry, length = 0;
        *entry = (uint32_t)at + 1;
        if (candidate != 0 && at - (candidate - 1) <= MOST_DISTANCE) {
            const uint8_t *earlier = in + candidate - 1;
            while (length < MOST_MATCH && at + length < size && earlier[length] == in[at + length])
                length++;
        }
        if (length < LEAST_MATCH) {
            at++;
            continue;
        }
        out = put_literals(out, in + literals, at - literals);
        size_t distance = at - (candidate - 1);
        *out++ = (uint8_t)(length + 124), *out++ = (uint8_t)distance, *out++ = (uint8_t)(distance >> 8);
        at += length;
        literals = at;
    }
    out = put_literals(out, in + literals, size - literals);
    return (size_t)(out - start);
}

static size_t decompress(uint8_t *out, const uint8_t *in, size_t size) {
    uint8_t *start = out;
    const uint8_t *end = in + size;
    while (in < end) {
        size_t token = *in++;
        const uint8_t *from = in;
        size_t count = token + 1;
        if (token < 128)
            in += count;
        else {
            from = out - (in[0] | in[1] << 8);
            count = token - 124;
            in += 2;
        }
        while (count-- != 0)
            *out++ = *from++;
    }
    return (size_t)(out - start);
}

static uint64_t lz(long iterations) {
    static uint8_t text[TEXT], compressed[TEXT + TEXT / MOST_LITERALS + 1], restored[TEXT];
    uint64_t checksum = 0;
    write_text((char *)text, TEXT);
    for (long n = 0; n < iterations; n++) {
        size_t size = compress(compressed, text, TEXT);
        if (decompress(restored, compressed, size) != TEXT || memcmp(text, restored, TEXT) != 0) {
            fprintf(stderr, "bench_kernels: lz: what was decompressed differs\n");
            exit(1);
        }
        checksum = chain(checksum, size);
        for (size_t i = 0; i < size; i += 61)
            checksum = chain(checksum, compressed[i]);
        text[checksum % TEXT] ^= 1;
    }
    return checksum;
}

/* --- string --- */

static size_t length_of(const char *string) {
    const char *end = string;
    while (*end != '\0')
        end++;
    return (size_t)(end - string);
}

static char *find_character(char *string, char wanted) {
    for (; *string != wanted; string++)
        if (*string == '\0')
            return NULL;
    return string;
}

static int compare_strings(const char *a, const char *b, size_t count) {
    for (; count != 0; a++, b++, count--)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}

/* The next word of a line: *at is its first character, and what is returned is its length; 0: there is none. */
static size_t next_word(const char **at) {
    while (**at == ' ')
        ++*at;
    size_t length = 0;
    while ((*at)[length] != '\0' && (*at)[length] != ' ')
        length++;
    return length;
}

static uint64_t string(long iterations) {
    enum { BYTES = 256 * 1024 };
    static char text[BYTES], copy[BYTES];
    uint64_t checksum = 0;
    write_text(text, BYTES);
    for (long n = 0; n < iterations; n++) {
        size_t bytes = length_of(text), words = 0, ordered = 0, most = 0;
        for (size_t i = 0; i <= bytes; i++) {
            char c = text[(i + (size_t)n) % (bytes + 1)];
            copy[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c == '\0' ? ' ' : c);
        }
        copy[bytes] = '\0';
        for (char *line = copy, *end; line != NULL; line = end == NULL ? NULL : end + 1) {
            end = find_character(line, '\n');
            if (end != NULL)
                *end = '\0';
            if (length_of(line) > most)
                most = length_of(line);
            const char *before = "", *word = line;
            size_t length_before = 0;
            for (size_t length; (length = next_word(&word)) != 0; word += length) {
                size_t common = length < length_before ? length : length_before;
                ordered += compare_strings(before, word, common) <= 0;
                words++, before = word, length_before = length;
            }
        }
        checksum = chain(chain(chain(checksum, words), ordered), most);
    }
    return checksum;
}

#endif
