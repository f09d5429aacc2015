/* A tree of files, as one line for each thing that can be told from it: the same on the machine's own file system and on a
 * file server of the guest's own (cz-15). Run without arguments it is silent, but for what is wrong. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096 };
static int speaks;
static char block[3 * PAGE], back[3 * PAGE];

#define TELL(expression) (errno = 0, tell(#expression, (long)(expression)))
static long tell(const char *what, long result) {
    if (speaks)
        printf("%s: %ld, %s\n", what, result, result == -1 ? strerror(errno) : "-");
    return result;
}

static void two_files_of_one_name(void) {
    char text[16] = {0};
    struct stat one, two;
    CHECK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
    int first = open("a/name", O_CREAT | O_RDWR, 0644), second = open("b/name", O_CREAT | O_RDWR, 0600);
    CHECK(write(first, "in a", 4) == 4 && write(second, "in b", 4) == 4);
    CHECK(pread(first, text, 15, 0) == 4 && strcmp(text, "in a") == 0);
    CHECK(pread(second, text, 15, 0) == 4 && strcmp(text, "in b") == 0);
    CHECK(fstat(first, &one) == 0 && stat("b/name", &two) == 0 && one.st_ino != two.st_ino && one.st_dev == two.st_dev);
    CHECK((one.st_mode & 0777) == 0644 && (two.st_mode & 0777) == 0600 && one.st_nlink == 1 && two.st_size == 4);
    CHECK(stat("a/../a/./name", &two) == 0 && two.st_ino == one.st_ino);
    CHECK(close(first) == 0 && close(second) == 0);
}

static void one_file_opened_twice(void) {
    char text[16] = {0};
    int one = open("a/name", O_RDONLY), two = open("a/name", O_RDWR);
    CHECK(read(one, text, 2) == 2 && memcmp(text, "in", 2) == 0);
    CHECK(read(two, text, 4) == 4 && memcmp(text, "in a", 4) == 0); /* each has an offset of its own */
    CHECK(write(two, "bc", 2) == 2 && read(one, text, 9) == 4 && memcmp(text, " abc", 4) == 0);
    int copy = dup(one);
    CHECK(lseek(copy, 1, SEEK_SET) == 1 && lseek(one, 0, SEEK_CUR) == 1); /* copies of a descriptor share it */
    if (fork() == 0)
        _exit(lseek(one, 5, SEEK_SET) == 5 && close(one) == 0 ? 0 : 1);
    int status;
    CHECK(wait(&status) > 0 && status == 0 && lseek(copy, 0, SEEK_CUR) == 5); /* so do parent and child */
    CHECK(close(one) == 0 && lseek(copy, 0, SEEK_CUR) == 5 && close(copy) == 0 && close(two) == 0);
}

static void large_files(void) {
    int file = open("large", O_CREAT | O_RDWR | O_EXCL, 0644);
    for (int k = 0; k < (int)sizeof block; k++)
        block[k] = (char)(k * 7 + k / PAGE);
    for (int k = 0; k < 100; k++) { /* 300 pages: more than 16 */
        block[0] = (char)k;
        CHECK(write(file, block, sizeof block) == sizeof block);
    }
    for (int k = 99; k >= 0; k -= 7) {
        CHECK(pread(file, back, sizeof back, k * (long)sizeof back) == sizeof back && back[0] == (char)k);
        CHECK(memcmp(back + 1, block + 1, sizeof back - 1) == 0);
    }
    CHECK(pread(file, back, 2 * PAGE, PAGE - 100) == 2 * PAGE && memcmp(back, block + PAGE - 100, PAGE) == 0);
    CHECK(lseek(file, 0, SEEK_END) == 300 * PAGE);
    CHECK(pwrite(file, "end", 3, 1000L * PAGE + 17) == 3 && lseek(file, 0, SEEK_END) == 1000L * PAGE + 20);
    CHECK(pread(file, back, 100, 700L * PAGE) == 100 && back[0] == 0 && back[99] == 0); /* a hole */
    CHECK(ftruncate(file, PAGE + 5) == 0 && ftruncate(file, 3 * PAGE) == 0);
    CHECK(pread(file, back, PAGE, PAGE) == PAGE && back[4] == block[PAGE + 4] && back[5] == 0 && back[PAGE - 1] == 0);
    CHECK(unlink("large") == 0 && pread(file, back, 5, 0) == 5 && TELL(open("large", O_RDONLY)) == -1);
    CHECK(close(file) == 0);
}

static int compare(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

static void list(const char *path) {
    static char *names[1000];
    struct dirent *entry;
    int count = 0;
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        names[count++] = strdup(entry->d_name);
    qsort(names, count, sizeof *names, compare);
    for (int k = 0; k < count; k++) {
        if (speaks)
            printf("%s: %s\n", path, names[k]);
        CHECK(k == 0 || strcmp(names[k - 1], names[k]) != 0); /* none comes twice */
        free(names[k]);
    }
    CHECK(closedir(directory) == 0);
}

static void directories(void) {
    char name[32];
    struct stat status;
    CHECK(mkdir("d", 0755) == 0);
    for (int k = 0; k < 300; k++) {
        snprintf(name, sizeof name, "d/%d", k);
        CHECK(close(open(name, O_CREAT | O_WRONLY, 0644)) == 0);
    }
    DIR *directory = opendir("d");
    CHECK(readdir(directory) != NULL);
    for (int k = 0; k < 300; k += 3) { /* while it is read */
        snprintf(name, sizeof name, "d/%d", k);
        CHECK(unlink(name) == 0);
    }
    while (readdir(directory) != NULL)
        continue;
    CHECK(closedir(directory) == 0);
    list("d");
    int at = open("d", O_RDONLY | O_DIRECTORY), below = openat(at, "1", O_RDWR);
    CHECK(at >= 0 && below >= 0 && fstatat(at, "2", &status, 0) == 0 && S_ISREG(status.st_mode));
    TELL(read(at, name, 1)), TELL(openat(below, "x", O_RDONLY)), TELL(openat(at, "3", O_RDONLY));
    CHECK(mkdirat(at, "e", 0700) == 0 && stat("d", &status) == 0 && status.st_nlink == 3);
    TELL(rmdir("d")), TELL(unlink("d")), TELL(rmdir("d/1")), TELL(rmdir("d/.")), TELL(rmdir("d/e/..")), TELL(unlink("d/1/"));
    TELL(mkdir("d/e", 0700)), TELL(mkdir("d/1/x", 0700)), TELL(mkdir("d/no/x", 0700)), TELL(mkdir("d/f/", 0700));
    TELL(rename("d/1", "d/one")), TELL(rename("d/e", "d/e/x")), TELL(rename("d/one", "d/e")), TELL(rename("d/e", "d/one"));
    TELL(rename("d/2", "d/one")), TELL(rename("d/none", "d/one")), TELL(rename("d/e", "d/f")), TELL(rename("d/f", "a/f"));
    CHECK(stat("a/f/..", &status) == 0 && stat("d/one", &status) == 0);
    TELL(access("d/one", R_OK)), TELL(access("d/2", F_OK)), TELL(access("d", X_OK)), TELL(access("d/4", X_OK));
    TELL(chmod("d/4", 0755)), TELL(access("d/4", X_OK)), TELL(chmod("d/none", 0)), TELL(truncate("d/4", 10)), TELL(truncate("d", 1));
    TELL(readlink("d/4", name, 10)), TELL(stat("", &status)), TELL(stat("d/4/", &status)), TELL(stat("d//5", &status));
    TELL(rmdir("/")), TELL(open("d/new/", O_CREAT | O_WRONLY, 0644)), TELL(open("d", O_CREAT, 0644)), TELL(open("d/4", O_DIRECTORY));
    close(at), close(below);
    list("a"), list("a/f");
}

static void calls(void) {
    char name[300], text[8];
    struct stat status;
    int file = open("calls", O_CREAT | O_RDWR | O_APPEND, 0644);
    memset(name, 'n', sizeof name), name[299] = '\0';
    TELL(open(name, O_CREAT | O_RDWR, 0644)), TELL(open((char *)8, O_RDONLY)), TELL(read(file, (void *)8, 0));
    TELL(write(file, (void *)8, 4)), TELL(write(file, "abc", 3)), TELL(lseek(file, 0, SEEK_CUR));
    TELL(lseek(file, -4, SEEK_CUR)), TELL(lseek(file, 1L << 62, SEEK_END)), TELL(lseek(file, 9, SEEK_SET)), TELL(lseek(file, 0, 9));
    TELL(write(file, "d", 1)), TELL(pread(file, text, 8, 0)), TELL(pread(file, text, 8, -1)), TELL(pwrite(file, "e", 1, 0));
    TELL(lseek(file, 0, SEEK_DATA)), TELL(lseek(file, 0, SEEK_HOLE)), TELL(lseek(file, 99, SEEK_DATA)), TELL(isatty(file));
    TELL(fcntl(file, F_GETFL) & (O_APPEND | O_ACCMODE)), TELL(fcntl(file, F_SETFL, 0)), TELL(lseek(file, 0, SEEK_SET));
    TELL(write(file, "X", 1)), TELL(read(file, text, 8)), TELL(text[0]), TELL(posix_fallocate(file, 0, 100)), TELL(fsync(file));
    TELL(fstat(file, &status)), TELL(status.st_size), TELL(ftruncate(file, -1)), TELL(fchmod(file, 0640)), TELL(fchown(file, 0, 0));
    TELL(stat("calls", &status)), TELL(status.st_mode), TELL(status.st_blksize > 0), TELL(open("calls", O_CREAT | O_EXCL, 0600));
    TELL(futimens(file, (struct timespec[]){{5, 6}, {7, 8}})), TELL(fstat(file, &status)), TELL(status.st_mtim.tv_sec);
    TELL(status.st_atim.tv_nsec), TELL(close(file)), TELL(read(file, text, 1)), TELL(lseek(file, 0, SEEK_SET));
    file = open("calls", O_RDONLY), TELL(write(file, "x", 1)), TELL(ftruncate(file, 0)), TELL(close(file));
    file = open("calls", O_WRONLY | O_TRUNC), TELL(read(file, text, 1)), TELL(fstat(file, &status)), TELL(status.st_size);
    TELL(close(file)), TELL(unlink("calls")), TELL(access("/proc/self/stat", R_OK)), TELL(open("/dev/null", O_RDWR) >= 0);
    TELL(getcwd(name, 300) != NULL), TELL(strcmp(name, "/root")), TELL(chdir("/nowhere"));
}

static void links(void) {
    char text[64];
    struct stat one, two;
    CHECK(mkdir("l", 0755) == 0 && mkdir("l/sub", 0755) == 0);
    int file = open("l/file", O_CREAT | O_RDWR, 0644);
    CHECK(write(file, "linked", 6) == 6 && close(file) == 0);
    TELL(link("l/file", "l/other")), TELL(stat("l/file", &one)), TELL(stat("l/other", &two)), TELL(one.st_nlink);
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 2);
    TELL(link("l/file", "l/other")), TELL(link("l/none", "l/x")), TELL(link("l/sub", "l/x")), TELL(link("l/file", "l/x/"));
    TELL(rename("l/file", "l/other")), TELL(access("l/file", F_OK)), TELL(unlink("l/file")), TELL(stat("l/other", &two));
    TELL(two.st_nlink), TELL(open("l/other", O_RDONLY) >= 0);
    TELL(symlink("other", "l/soft")), TELL(readlink("l/soft", text, 64)), TELL(readlink("l/soft", text, 3));
    TELL(readlink("l/soft", text, 0)), TELL(readlink("l/other", text, 64)), TELL(symlink("", "l/x"));
    TELL(symlink("x", "l/soft")), TELL(lstat("l/soft", &one)), TELL(S_ISLNK(one.st_mode)), TELL(one.st_size);
    TELL(stat("l/soft", &one)), TELL(one.st_size), TELL(open("l/soft", O_RDONLY | O_NOFOLLOW)), TELL(open("l/soft", O_RDONLY) >= 0);
    TELL(open("l/soft", O_CREAT | O_EXCL | O_RDWR, 0644)), TELL(mkdir("l/soft", 0755)), TELL(rmdir("l/soft"));
    TELL(symlink("..", "l/sub/up")), TELL(stat("l/sub/up/other", &one)), TELL(stat("l/sub/up/sub/up/soft", &one));
    TELL(symlink("loop", "l/loop")), TELL(stat("l/loop", &one)), TELL(open("l/loop", O_RDONLY)), TELL(lstat("l/loop", &one));
    TELL(symlink("/tmp/made", "l/far")), TELL(open("l/far", O_RDONLY)), TELL(open("l/far", O_CREAT | O_RDWR, 0644) >= 0);
    TELL(access("/tmp/made", F_OK)), TELL(stat("l/soft/", &one)), TELL(stat("l/sub/up/", &one)), TELL(lstat("l/sub/up/", &one));
    TELL(S_ISDIR(one.st_mode)), TELL(rename("l/soft", "l/moved")), TELL(readlink("l/moved", text, 64)), TELL(access("l/moved", F_OK));
    TELL(link("l/moved", "l/hard")), TELL(lstat("l/hard", &one)), TELL(S_ISLNK(one.st_mode));
    TELL(linkat(AT_FDCWD, "l/moved", AT_FDCWD, "l/followed", AT_SYMLINK_FOLLOW)), TELL(lstat("l/followed", &one));
    TELL(S_ISREG(one.st_mode)), TELL(chmod("l/moved", 0600)), TELL(stat("l/other", &one)), TELL(one.st_mode & 0777);
    TELL(unlink("l/moved")), TELL(access("l/other", F_OK)), TELL(mknod("l/node", S_IFREG | 0640, 0)), TELL(stat("l/node", &one));
    TELL(unlink("/tmp/made")), TELL(umask(077)), TELL(close(creat("l/private", 0666))), TELL(mkdir("l/own", 0777));
    TELL(stat("l/private", &one)), TELL(one.st_mode), TELL(stat("l/own", &one)), TELL(one.st_mode), TELL(umask(022));
    list("l");
}

static void working_directories(void) {
    char name[300];
    struct stat status, root;
    CHECK(mkdir("w", 0755) == 0 && mkdir("w/in", 0755) == 0);
    int start = open(".", O_RDONLY | O_DIRECTORY), file = open("w/file", O_CREAT | O_RDWR, 0644);
    TELL(chdir("w/in")), TELL(getcwd(name, sizeof name) != NULL), TELL(strcmp(name, "/root/w/in"));
    TELL(open("../file", O_RDWR) >= 0), TELL(mkdir("deep", 0755)), TELL(stat("deep/../../in/deep", &status));
    TELL(getcwd(name, 3) != NULL), TELL(chdir("../file")), TELL(chdir("")), TELL(fchdir(file)), TELL(chdir("deep"));
    pid_t child = fork(); /* begins where its parent is, and changes its own only */
    if (child == 0)
        _exit(chdir("..") == 0 && access("deep", F_OK) == 0 && chdir("/tmp") == 0 && access("deep", F_OK) == -1 ? 0 : 1);
    int end;
    CHECK(waitpid(child, &end, 0) == child && end == 0);
    TELL(rmdir("../deep")), TELL(getcwd(name, sizeof name) != NULL), TELL(open("new", O_CREAT | O_RDWR, 0644)); /* it is gone */
    TELL(stat(".", &status)), TELL(chdir("..")), TELL(fchdir(start)), TELL(access("w/in", F_OK)), TELL(truncate("w/file", 5));
    TELL(chdir("/")), TELL(getcwd(name, sizeof name) != NULL), TELL(strcmp(name, "/")), TELL(chdir("../..")), TELL(stat(".", &root));
    TELL(stat("/", &status)), TELL(root.st_ino == status.st_ino), TELL(chdir("/proc")), TELL(access("self/stat", R_OK));
    TELL(access("w", F_OK)), TELL(access("/root/w", F_OK)), TELL(getcwd(name, sizeof name) != NULL), TELL(strcmp(name, "/proc"));
    TELL(chdir("/root")), TELL(symlink("w/in", "short")), TELL(chdir("short")), TELL(getcwd(name, sizeof name) != NULL);
    TELL(strcmp(name, "/root/w/in")), TELL(rename("/root/w", "/root/v")), TELL(getcwd(name, sizeof name) != NULL);
    TELL(strcmp(name, "/root/v/in")), TELL(fchdir(start)), TELL(close(start)), TELL(close(file)), TELL(unlink("short"));
    for (int k = 0; speaks && k < 2100; k++) { /* handles are used again and again, and stay apart */
        int at = open("v", O_RDONLY | O_DIRECTORY);
        CHECK(fstatat(at, "file", &status, 0) == 0 && close(at) == 0);
    }
}

static atomic_int stop_moving;
static void *moves(void *argument) {
    while (!stop_moving)
        CHECK(chdir("/root/m/one") == 0 && chdir("/root/m/two") == 0);
    return argument;
}

/* One thread changes the directory while another uses it: it begins in the one or the other, and never in none. */
static void a_directory_moves(void) {
    pthread_t thread;
    CHECK(mkdir("m", 0755) == 0 && mkdir("m/one", 0755) == 0 && mkdir("m/two", 0755) == 0);
    CHECK(close(open("m/one/file", O_CREAT, 0644)) == 0 && close(open("m/two/file", O_CREAT, 0644)) == 0);
    CHECK(chdir("m/one") == 0 && pthread_create(&thread, NULL, moves, NULL) == 0);
    for (int k = 0; k < (speaks ? 1000 : 100); k++)
        CHECK(access("file", F_OK) == 0 && truncate("file", k) == 0);
    stop_moving = 1;
    CHECK(pthread_join(thread, NULL) == 0 && chdir("/root") == 0);
}

static atomic_int signals;
static void on_alarm(int number) { (void)number, signals++; }

/* No signal comes between the parts of a call on a file, nor is one lost: each call does all that it is to do. */
static void signals_come(void) {
    struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    int file = open("s", O_CREAT | O_RDWR, 0644);
    sigaction(SIGALRM, &action, NULL);
    ualarm(300, 300);
    for (int k = 0; k < 300 || signals < 20; k++)
        CHECK(pwrite(file, block, sizeof block, 0) == sizeof block && pread(file, back, sizeof back, 0) == sizeof back);
    ualarm(0, 0);
    CHECK(memcmp(block, back, sizeof back) == 0 && close(file) == 0 && unlink("s") == 0);
}

int main(int argc, char **argv) {
    speaks = argc > 1;
    (void)argv;
    two_files_of_one_name();
    one_file_opened_twice();
    large_files();
    directories();
    calls();
    links();
    working_directories();
    a_directory_moves();
    signals_come();
    return ok("filetree");
}
