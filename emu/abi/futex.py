"""Operations of futex(2), and the bits of the word of a robust mutex (linux/futex.h)."""

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET = 0, 1, 3, 4, 5, 9, 10
LOCK_PI, UNLOCK_PI, TRYLOCK_PI, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2 = 6, 7, 8, 11, 12, 13
PRIVATE, REALTIME = 128, 256  # added to an operation

TID_MASK = 0x3FFFFFFF
WAITERS = -0x80000000  # as a signed 32-bit number
OWNER_DIED = 0x40000000
