/* Marks for `emu explore`; nothing else is needed to use them. In an ordinary run emu_explore_begin does nothing, and
 * an emu_assert that fails prints itself and ends the program by SIGILL. */
#ifndef EMU_EXPLORE_H
#define EMU_EXPLORE_H

enum { EMU_EXPLORE_BEGIN = 0x1070, EMU_ASSERT_FAILED };

/* What is explored begins here: every schedule starts from this place, with the threads that there are as they are.
 * Without it, it begins where the program makes its second thread. The section tells emu that this call will come. */
static inline void emu_explore_begin(void) {
    register long a7 __asm__("a7") = EMU_EXPLORE_BEGIN;
    register long a0 __asm__("a0") = 0;
    __asm__ volatile(".pushsection .emu_explore,\"aR\",@progbits\n.byte 1\n.popsection\necall"
                     : "+r"(a0)
                     : "r"(a7)
                     : "memory");
}

static inline void emu_assert_failed(const char *what) {
    register long a7 __asm__("a7") = EMU_ASSERT_FAILED;
    register long a0 __asm__("a0") = (long)what;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    const char *from = what, *to = what;
    while (*to)
        to++;
    register long number __asm__("a7") = 64; /* write */
    register long stream __asm__("a0") = 2;
    register const char *text __asm__("a1") = from;
    register long count __asm__("a2") = to - from;
    __asm__ volatile("ecall" : "+r"(stream) : "r"(number), "r"(text), "r"(count) : "memory");
    __builtin_trap();
}

#define EMU_TEXT(word) #word
#define EMU_PLACE(file, line) file ":" EMU_TEXT(line)
/* A schedule in which the condition does not hold is a failure. */
#define emu_assert(condition) \
    ((condition) ? (void)0 : emu_assert_failed(EMU_PLACE(__FILE__, __LINE__) ": emu_assert(" #condition ")\n"))

#endif
