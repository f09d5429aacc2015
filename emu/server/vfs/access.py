"""Who may use a file how: the permission bits, for callers that are not root (path_resolution(7), inode(7))."""

from ...abi.errno import EACCES, EPERM
from ...abi.files import R_OK, S_IFDIR, S_IFMT, W_OK, X_OK
from ..errors import LinuxError

S_ISVTX = 0o1000


def may(stat, who, mode):
    """Whether a caller may use a file that has this Stat as `mode` (R_OK, W_OK, X_OK) says."""
    if who.privileged:
        return not mode & X_OK or stat.mode & S_IFMT == S_IFDIR or bool(stat.mode & 0o111)
    if stat.uid == who.fsuid:
        bits = stat.mode >> 6
    elif stat.gid == who.fsgid or stat.gid in who.groups:
        bits = stat.mode >> 3
    else:
        bits = stat.mode
    return not mode & ~bits & (R_OK | W_OK | X_OK)


def check(node, task, mode):
    """EACCES unless the caller may use an inode as `mode` says. Without a task the caller is the machine."""
    if task is not None and not task.credentials.privileged and not may(node.stat(), task.credentials, mode):
        raise LinuxError(EACCES)


def check_owner(node, task):
    """EPERM unless the caller owns the inode or is privileged."""
    who = task.credentials
    if not who.privileged and node.stat().uid != who.fsuid:
        raise LinuxError(EPERM)


def check_removal(directory, node, task):
    """EACCES, EPERM unless the caller may remove a name of this inode: in a sticky directory only owners may."""
    check(directory, task, W_OK | X_OK)
    who = task.credentials
    if not who.privileged:
        place = directory.stat()
        if place.mode & S_ISVTX and who.fsuid not in (place.uid, node.stat().uid):
            raise LinuxError(EPERM)
