"""Constants of Linux on riscv64 that files need: open flags, modes, bounds.  Facts of the ABI and nothing else."""

NAME_MAX = 255
PATH_MAX = 4096  # with the final NUL
LINKS_MAX = 40  # symbolic links followed in one path
OFFSET_MAX = (1 << 63) - 1
PIPE_BUF = 4096  # a write of up to this many bytes into a pipe is not split

O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE = 0, 1, 2, 3
O_CREAT = 0o100
O_EXCL = 0o200
O_TRUNC = 0o1000
O_APPEND = 0o2000
O_NONBLOCK = 0o4000
O_DIRECT = 0o40000
O_LARGEFILE = 0o100000
O_DIRECTORY = 0o200000
O_NOFOLLOW = 0o400000
O_NOATIME = 0o1000000
O_CLOEXEC = 0o2000000
O_PATH = 0o10000000
O_TMPFILE_BIT = 0o20000000
CREATION_FLAGS = O_CREAT | O_EXCL | 0o400 | O_TRUNC | O_CLOEXEC  # with O_NOCTTY; not shown by F_GETFL
SETTABLE_FLAGS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME  # by fcntl F_SETFL

S_IFMT = 0o170000
S_IFIFO = 0o010000
S_IFCHR = 0o020000
S_IFBLK = 0o060000
S_IFDIR = 0o040000
S_IFREG = 0o100000
S_IFLNK = 0o120000
S_IFSOCK = 0o140000

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_REMOVEDIR = 0x200  # also AT_EACCESS
AT_SYMLINK_FOLLOW = 0x400
AT_NO_AUTOMOUNT = 0x800
AT_EMPTY_PATH = 0x1000

F_OK, X_OK, W_OK, R_OK = 0, 1, 2, 4
SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)
POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 2, 4, 8, 16, 32
POLLRDNORM, POLLWRNORM, POLLRDHUP = 0x40, 0x100, 0x2000


def device_number(major, minor):
    """A device number as struct stat holds it."""
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


def device_parts(number):
    """(major, minor) of a device number."""
    return (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & ~0xFF)
