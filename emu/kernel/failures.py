"""Failures of the machine itself: codes that hot code records, and their sentences."""

from ..shm.spinlock import FAIL_LOCK_ORDER, FAIL_NOT_HOLDER

FAIL_TRANSITION = 3
FAIL_BAD_QUEUE = 4
FAIL_CPU_DIED = 5
FAIL_RING_FULL = 6
FAIL_CRASH = 7
FAIL_SERVER_DIED = 8
FAIL_POLICY = 9

SENTENCES = {
    FAIL_LOCK_ORDER: "a lock was taken out of order (held rank × 10000 + wanted rank: {value})",
    FAIL_NOT_HOLDER: "actor {value} released a lock that it did not hold",
    FAIL_TRANSITION: "a thread changed to a state that its state does not lead to (from × 100 + to: {value})",
    FAIL_BAD_QUEUE: "a thread was found on a queue that its state does not name (thread {value})",
    FAIL_CPU_DIED: "the process of CPU {value} died",
    FAIL_RING_FULL: "the system server's ring overflowed",
    FAIL_CRASH: "actor {value} raised an unexpected error",
    FAIL_SERVER_DIED: "the system server died",
    FAIL_POLICY: "the policy named thread {value}, which it does not hold",
}


def explain(code, value):
    """One sentence for a failure code and its value."""
    return SENTENCES.get(code, f"failure {code} ({{value}})").format(value=value)
