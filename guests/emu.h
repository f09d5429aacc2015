/* The native calls of emu: beside those of Linux, numbers from 0x1000. They return 0, or a negative error number. */
#ifndef EMU_H
#define EMU_H

enum { EMU_PRINT = 0x1000, EMU_EXCLUSIVE, EMU_SUSPEND, EMU_RESUME };

static inline long emu_call(long number, long argument) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = argument;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

/* Print a string. Memory that is not the task's own kills the task. */
static inline long emu_print(const char *text) { return emu_call(EMU_PRINT, (long)text); }

/* The CPU that the caller is pinned to runs nothing else (1), or is open again (0). */
static inline long emu_exclusive(int on) { return emu_call(EMU_EXCLUSIVE, on); }

/* Suspend a thread of this task, by its gettid(), and wait until it is suspended; let it go on. */
static inline long emu_suspend(int tid) { return emu_call(EMU_SUSPEND, tid); }
static inline long emu_resume(int tid) { return emu_call(EMU_RESUME, tid); }

#endif
