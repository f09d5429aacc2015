/* Numbers from the command line, for the guests: checked, with a default. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* argv[index] as a number from least to most, `fallback` if it was not given. Exits with status 2 if it is bad. */
static inline long argument(int argc, char **argv, int index, long fallback, long least, long most) {
    if (index >= argc)
        return fallback;
    char *end;
    errno = 0;
    long value = strtol(argv[index], &end, 0);
    if (errno != 0 || end == argv[index] || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "%s: argument %d is '%s', not a number from %ld to %ld\n", argv[0], index, argv[index], least, most);
        exit(2);
    }
    return value;
}

#endif
