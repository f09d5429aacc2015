/* setjmp and longjmp out of deep recursion, with integer and floating-point registers that must come back; sigsetjmp
 * that restores the signal mask. */
#include <setjmp.h>
#include <signal.h>

#include "check.h"

static jmp_buf here;
static sigjmp_buf signals_too;

static __attribute__((noinline)) int dive(int depth, double x) {
    volatile double kept = x * 1.5;
    if (depth == 0)
        longjmp(here, 7);
    return dive(depth - 1, kept) + (int)kept;
}

static __attribute__((noinline)) double jump_once(double a, double b, long c, long d) {
    double sum = a + b; /* lives in a callee-saved register over the call, if the compiler so decides */
    long product = c * d;
    volatile int jumps = 0;
    int result = setjmp(here);
    if (result == 0)
        dive(100, a);
    CHECK(result == 7);
    if (++jumps < 5)
        longjmp(here, 7);
    CHECK(jumps == 5);
    return sum + (double)product;
}

int main(void) {
    CHECK(jump_once(1.25, 2.5, 6, 7) == 45.75);

    volatile int zero = 0;
    int result = setjmp(here);
    if (result == 0)
        longjmp(here, zero); /* longjmp with 0 returns 1 */
    CHECK(result == 1);

    sigset_t set, now;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (sigsetjmp(signals_too, 1) == 0) {
        CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
        CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
        siglongjmp(signals_too, 1);
    }
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
    return ok("setjmp");
}
