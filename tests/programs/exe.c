/* /proc/self/exe is absolute, leads to this program, can be read, and stays when its name goes. */
#include "check.h"
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char path[256] = "", head[4] = "";
    struct stat by_link, by_name;
    (void)argc;
    CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 1 && path[0] == '/');
    CHECK(strcmp(strrchr(path, '/') + 1, strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]) == 0);
    CHECK(strcmp((const char *)getauxval(AT_EXECFN), argv[0]) == 0); /* as typed */
    CHECK(stat("/proc/self/exe", &by_link) == 0 && stat(path, &by_name) == 0);
    CHECK(by_link.st_ino == by_name.st_ino && S_ISREG(by_link.st_mode) && by_link.st_mode & 0111);
    int fd = open("/proc/self/exe", O_RDONLY);
    CHECK(fd >= 0 && read(fd, head, 4) == 4 && memcmp(head, "\177ELF", 4) == 0 && close(fd) == 0);
    CHECK_ERROR(open("/proc/self/exe", O_WRONLY), EROFS);
    CHECK_ERROR(access(path, W_OK), EROFS);
    CHECK(access(path, X_OK) == 0 && unlink(path) == 0);
    CHECK_ERROR(stat(path, &by_name), ENOENT);
    CHECK(stat("/proc/self/exe", &by_name) == 0 && by_name.st_ino == by_link.st_ino);
    return ok("exe");
}
