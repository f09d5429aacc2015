/* Prints floating-point numbers in many formats; the whole output must equal floats.expected. Arithmetic includes
 * rounding modes, exception flags, conversions that saturate, fused operations, classification and float precision. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static double volatile values[] = {
    0.0, -0.0, 1.0, -1.0, 0.1, 1.0 / 3, 2.5, 3.5, 1e-5, 123456.789, 1e15, 1e16, 1e100, -1e-100, DBL_MAX, DBL_MIN, 0x1p-1074,
    3.141592653589793, INFINITY, -INFINITY, NAN,
};
enum { COUNT = sizeof values / sizeof *values };

static void formats(double x) {
    printf("%f %e %g %a\n", x, x, x, x);
    printf("%.0f|%10.3f|%-12.2e|%+g|%010.4f|%#.0f|%.17g\n", x, x, x, x, x, x, x);
    printf("%.9g %a\n", (double)(float)x, (double)(float)x);
}

static void conversions(double x) {
    int32_t w;
    uint32_t wu;
    int64_t l;
    uint64_t lu;
    /* By instruction: in C a conversion out of range is undefined, in RISC-V it saturates. */
    __asm__ volatile("fcvt.w.d %0, %1, rtz" : "=r"(w) : "f"(x));
    __asm__ volatile("fcvt.wu.d %0, %1, rtz" : "=r"(wu) : "f"(x));
    __asm__ volatile("fcvt.l.d %0, %1, rne" : "=r"(l) : "f"(x));
    __asm__ volatile("fcvt.lu.d %0, %1, rup" : "=r"(lu) : "f"(x));
    int64_t class;
    __asm__ volatile("fclass.d %0, %1" : "=r"(class) : "f"(x));
    printf("w %d wu %u l %lld lu %llu class %#llx\n", w, wu, (long long)l, (unsigned long long)lu, (unsigned long long)class);
}

static void rounding(void) {
    static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    static const char *names[] = {"nearest", "zero", "down", "up"};
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        volatile double one = 1, three = 3, big = 1e16;
        volatile float f = 1, g = 10;
        printf("%s: %a %a %a %a %g %g %g\n", names[i], one / three, -one / three, big + one, (double)(f / g), rint(2.5), rint(-1.5),
               nearbyint(0.49999));
    }
    fesetround(FE_TONEAREST);
}

static void flags(const char *what, double volatile result) {
    int set = fetestexcept(FE_ALL_EXCEPT);
    printf("%s %g:%s%s%s%s%s\n", what, result, set & FE_INVALID ? " invalid" : "", set & FE_DIVBYZERO ? " divbyzero" : "",
           set & FE_OVERFLOW ? " overflow" : "", set & FE_UNDERFLOW ? " underflow" : "", set & FE_INEXACT ? " inexact" : "");
}

#define FLAGS(expression) (feclearexcept(FE_ALL_EXCEPT), flags(#expression, expression))

int main(void) {
    for (int i = 0; i < COUNT; i++)
        formats(values[i]);
    for (int i = 0; i < COUNT; i++)
        conversions(values[i]);
    rounding();

    volatile double zero = 0, one = 1, three = 3, big = DBL_MAX, tiny = DBL_MIN, nan = NAN, infinity = INFINITY;
    FLAGS(one + three);
    FLAGS(one / three);
    FLAGS(one / zero);
    FLAGS(zero / zero);
    FLAGS(big * big);
    FLAGS(tiny * tiny);
    FLAGS(tiny / three);
    FLAGS(sqrt(-one));
    FLAGS(sqrt(three));
    FLAGS(infinity - infinity);
    FLAGS((double)(nan < one));
    FLAGS((double)(nan == one));
    FLAGS(fma(big, three, -infinity));

    volatile double x = 0.1, y = 10, z = -1;
    printf("fma %a, separate %a\n", fma(x, y, z), ({ volatile double p = x * y; p + z; }));
    printf("min %g %g max %g %g sign %g %g\n", fmin(nan, one), fmin(-zero, zero), fmax(one, nan), fmax(-zero, zero), copysign(three, -zero),
           copysign(-three, one));
    printf("strtod %a %a %a %a\n", strtod("0.1", NULL), strtod("1e-320", NULL), strtod("0x1.8p3", NULL), strtod("-inf", NULL));
    printf("libm %.15g %.15g %.15g %.15g %.15g\n", sin(one), cos(three), exp(x), log(y), pow(y, x));
    printf("long double %.20Lg %La\n", (long double)x / 3, (long double)x / 3);
    volatile float s = 16777216.0f;
    printf("float %.9g %.9g %.9g\n", (double)(s + 1.0f), (double)(s + 2.0f), (double)sqrtf(2.0f));
    printf("ok floats\n");
    return 0;
}
