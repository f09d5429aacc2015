"""The Linux error numbers that hot code returns (asm-generic/errno.h)."""

EPERM, ENOENT, ESRCH, EINTR = 1, 2, 3, 4
EAGAIN, ENOMEM, EFAULT, EBUSY, EEXIST = 11, 12, 14, 16, 17
EINVAL, EDEADLK, ENOSYS, EOPNOTSUPP, ETIMEDOUT = 22, 35, 38, 95, 110
ERESTART = 512  # never seen by a guest: interrupted, may be restarted after the signal
