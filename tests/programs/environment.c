/* What the loader leaves on the stack: arguments, environment and auxiliary vector, read by hand from where they lie;
 * bss zeroed; constructors run, atexit handlers run in reverse order. Arguments and environment may be anything. */
#include <elf.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

extern char **environ;

static char zeros[100000];
static int constructed;

__attribute__((constructor)) static void construct(void) { constructed++; }

static int at_exit_order;
static void first_registered(void) {
    CHECK(at_exit_order == 1);
    ok("environment");
}
static void second_registered(void) { at_exit_order = 1; }

int main(int argc, char **argv) {
    CHECK(argc >= 1 && argv[argc] == NULL && strlen(argv[0]) > 0);
    CHECK(((long *)(void *)argv)[-1] == argc);
    CHECK(environ == argv + argc + 1);
    char **end = environ;
    while (*end != NULL) {
        CHECK(strchr(*end, '=') != NULL);
        end++;
    }

    uint64_t value[64] = {0};
    for (Elf64_auxv_t *entry = (Elf64_auxv_t *)(void *)(end + 1); entry->a_type != AT_NULL; entry++)
        if (entry->a_type < 64)
            value[entry->a_type] = entry->a_un.a_val;
    CHECK(value[AT_PAGESZ] == 4096);
    CHECK(value[AT_PHDR] != 0 && value[AT_PHENT] == sizeof(Elf64_Phdr) && value[AT_PHNUM] > 0);
    CHECK(value[AT_ENTRY] != 0 && value[AT_RANDOM] != 0 && value[AT_SECURE] == 0);
    CHECK(value[AT_UID] == getuid() && value[AT_EUID] == geteuid() && value[AT_GID] == getgid() && value[AT_EGID] == getegid());
    CHECK((value[AT_HWCAP] & 0x112d) == 0x112d); /* I, M, A, F, D, C: bit N is the extension 'A' + N */
    if (value[AT_EXECFN] != 0)
        CHECK(strlen((char *)value[AT_EXECFN]) > 0);

    const Elf64_Phdr *headers = (const Elf64_Phdr *)value[AT_PHDR];
    int entry_is_inside = 0;
    for (uint64_t i = 0; i < value[AT_PHNUM]; i++)
        entry_is_inside |= headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_X) && value[AT_ENTRY] >= headers[i].p_vaddr &&
                           value[AT_ENTRY] < headers[i].p_vaddr + headers[i].p_memsz;
    CHECK(entry_is_inside);

    for (size_t i = 0; i < sizeof zeros; i++)
        CHECK(zeros[i] == 0);
    CHECK(constructed == 1);

    CHECK(setenv("EMU_NEW", "value", 1) == 0 && strcmp(getenv("EMU_NEW"), "value") == 0);
    CHECK(unsetenv("EMU_NEW") == 0 && getenv("EMU_NEW") == NULL);
    CHECK(atexit(first_registered) == 0 && atexit(second_registered) == 0);
    exit(0);
}
