/* A static position-independent program without a C library: it relocates itself, as a library's first code does. */
enum { SYS_write = 64, SYS_exit_group = 94 };
enum { AT_NULL = 0, AT_PHDR = 3, AT_PHNUM = 5, AT_BASE = 7, AT_ENTRY = 9 };
enum { PT_DYNAMIC = 2, DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_RISCV_RELATIVE = 3, E_PHOFF = 32 };

struct segment { unsigned type, flags; unsigned long offset, address, others[4]; };
struct entry { long tag; unsigned long value; };
struct relocation { unsigned long offset, kind; long addend; };

static const char said[] = "ok position_independent\n";
static const char *const words[] = {said, said + 1, said + 2};  /* addresses, known only when it is loaded */
extern struct entry _DYNAMIC[] __attribute__((visibility("hidden")));
void _start(void) __attribute__((visibility("hidden")));

static long call(long number, long a, long b, long c) {
    register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

static long relocate(unsigned long base) {
    unsigned long relocations = 0, bytes = 0;
    for (struct entry *d = _DYNAMIC; d->tag != DT_NULL; d++) {
        if (d->tag == DT_RELA) relocations = base + d->value;
        if (d->tag == DT_RELASZ) bytes = d->value;
    }
    long done = 0;
    for (struct relocation *r = (void *)relocations; (unsigned long)r < relocations + bytes; r++, done++) {
        if (r->kind != R_RISCV_RELATIVE) call(SYS_exit_group, 1, 0, 0);
        *(unsigned long *)(base + r->offset) = base + (unsigned long)r->addend;
    }
    return done;
}

/* From `stack` on: the number of arguments, them, the environment, the auxiliary vector. */
__attribute__((used)) static void begin(long *stack) {
    unsigned long value[AT_ENTRY + 1], base = 0;
    for (volatile unsigned long *v = value; v <= value + AT_ENTRY; v++)
        *v = 0;  /* not by memset, which is not here */
    long *p = stack + 1 + stack[0] + 1;
    while (*p++) {}
    for (; p[0] != AT_NULL; p += 2)
        if (p[0] <= AT_ENTRY) value[p[0]] = (unsigned long)p[1];
    const struct segment *header = (const struct segment *)value[AT_PHDR];
    for (unsigned long i = 0; i < value[AT_PHNUM]; i++)
        if (header[i].type == PT_DYNAMIC) base = (unsigned long)_DYNAMIC - header[i].address;
    if (base == 0 || value[AT_ENTRY] != (unsigned long)_start || value[AT_BASE] != 0) call(SYS_exit_group, 2, 0, 0);
    if (value[AT_PHDR] != base + *(unsigned long *)(base + E_PHOFF)) call(SYS_exit_group, 3, 0, 0);
    if (relocate(base) < 3) call(SYS_exit_group, 4, 0, 0);
    const char *const *volatile seen = words;
    for (long i = 0; i < 3; i++)
        if (seen[i] != said + i) call(SYS_exit_group, 5, 0, 0);
    call(SYS_write, 1, (long)said, sizeof said - 1);
    call(SYS_exit_group, 0, 0, 0);
}

__asm__(".globl _start\n_start: mv a0, sp\nandi sp, sp, -16\ntail begin\n");
