/* args: prints what the loader gave it, one "name value" a line: argc, each argument, the environment variable
 * EMU_TEST, the auxiliary vector's page size, hardware capabilities (bit N: extension 'A' + N), number of program
 * headers and clock ticks, whether its random bytes are not all zero, and whether sp was aligned to 16.
 * Arguments: any. Exit status: 0. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(int argc, char **argv) {
    printf("argc %d\n", argc);
    for (int i = 0; i < argc; i++)
        printf("argv[%d] %s\n", i, argv[i]);
    printf("argv[argc] %s\n", argv[argc] == NULL ? "null" : "not null");

    const char *value = getenv("EMU_TEST");
    printf("EMU_TEST %s\n", value == NULL ? "(unset)" : value);

    printf("AT_PAGESZ %lu\n", getauxval(AT_PAGESZ));
    printf("AT_HWCAP %#lx\n", getauxval(AT_HWCAP));
    printf("AT_PHNUM %s\n", getauxval(AT_PHNUM) > 0 ? "present" : "missing");
    printf("AT_ENTRY %s\n", getauxval(AT_ENTRY) != 0 ? "present" : "missing");
    printf("AT_CLKTCK %lu\n", getauxval(AT_CLKTCK));

    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    int any = 0;
    for (int i = 0; random != NULL && i < 16; i++)
        any |= random[i];
    printf("AT_RANDOM %s\n", random == NULL ? "missing" : any ? "random" : "zero");
    /* The kernel puts argc where sp points at entry, directly below argv[0]. */
    printf("stack %s\n", ((uintptr_t)argv - sizeof(long)) % 16 == 0 ? "aligned" : "misaligned");
    return 0;
}
