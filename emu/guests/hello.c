/* hello: the smallest program with a C library under it.
 * Arguments: none. Prints "hello from emu". */
#include <stdio.h>

int main(void) {
    puts("hello from emu");
    return 0;
}
