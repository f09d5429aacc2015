"""Failures of the machine itself: the codes that hot code records, and the sentence that a person reads for each."""

from ..shm.spinlock import FAIL_LOCK_ORDER, FAIL_NOT_HOLDER

FAIL_TRANSITION = 3
FAIL_BAD_QUEUE = 4
FAIL_CPU_DIED = 5
FAIL_RING_FULL = 6
FAIL_CRASH = 7
FAIL_SERVER_DIED = 8
FAIL_POLICY_QUEUE = 9
FAIL_POLICY_PICK = 10
FAIL_POLICY_DEQUEUE = 11
FAIL_POLICY_STARVES = 12
FAIL_POLICY_HANGS = 13
FAIL_CRITICAL = 14
FAIL_NOT_CRITICAL = 15
FAIL_KEEPER_DIED = 16
FAIL_STUCK = 17
FAIL_REFERENCE = 18
FAIL_PAGE_TABLE = 19
FAIL_DROPPED_FRAME = 20
FAIL_FORKSERVER_DIED = 21
FAIL_SWEPT = 22
FAIL_DROPPED_FILE = 23
FAIL_FOREIGN_FREE = 24
FAIL_PAGE_INDEX = 25
FAIL_DROPPED_OBJECT = 26
FAIL_SAVE_AREA = 27

SENTENCES = {
    FAIL_LOCK_ORDER: "a lock was taken out of order (held rank × 10000 + wanted rank: {value})",
    FAIL_NOT_HOLDER: "actor {value} released a lock that it did not hold",
    FAIL_TRANSITION: "a thread changed to a state that its state does not lead to (from × 100 + to: {value})",
    FAIL_BAD_QUEUE: "a thread was found on a queue that its state does not name (thread {value})",
    FAIL_CPU_DIED: "the process of CPU {value} died",
    FAIL_RING_FULL: "the system server's ring overflowed",
    FAIL_CRASH: "actor {value} raised an unexpected error",
    FAIL_SERVER_DIED: "the system server died",
    FAIL_STUCK: "it did not come to rest when it was told to end",
    FAIL_PAGE_TABLE: "a page table names frame {value:#x}, which is not what the kernel put there",
    FAIL_DROPPED_FRAME: "guest frame {value:#x} was dropped more often than it was taken",
    FAIL_PAGE_INDEX: "the index of a memory object names frame {value:#x}, which is not what the kernel put there",
    FAIL_DROPPED_OBJECT: "memory object {value} was dropped more often than it was taken",
    FAIL_DROPPED_FILE: "open file {value} was closed more often than it was opened",
    FAIL_FOREIGN_FREE: "kernel memory at {value:#x} was freed by a function that had not given it, or twice",
    FAIL_SAVE_AREA: "word {value} of a thread's save area was used, which the thread has not",
    FAIL_KEEPER_DIED: "the timekeeper died",
    FAIL_FORKSERVER_DIED: "the forkserver died, and with it all other processes",
    FAIL_SWEPT: "the directory of its sockets was removed",
    FAIL_CRITICAL: "actor {value} called a function that may wait, with a lock held",
    FAIL_NOT_CRITICAL: "actor {value} called a function that needs a lock held, without one",
    FAIL_REFERENCE: "a thread left CPU {value} while that CPU held references to threads",
    FAIL_POLICY_QUEUE: "policy {policy!r}: select_cpu or balance named queue {value}, which does not exist",
    FAIL_POLICY_PICK: "policy {policy!r}: pick returned thread {value}, which is not runnable on that queue",
    FAIL_POLICY_DEQUEUE: "policy {policy!r}: dequeue of thread {value} from a queue that holds no thread",
    FAIL_POLICY_STARVES: "policy {policy!r}: thread {value} has been runnable for too long and was never picked",
    FAIL_POLICY_HANGS: "policy {policy!r}: a hook on CPU {value} does not return",
}


def explain(code, value, policy=""):
    """One sentence for a failure code, its value and the policy's name."""
    return SENTENCES.get(code, f"failure {code} ({{value}})").format(value=value, policy=policy)
