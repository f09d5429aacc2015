"""Messages between threads, by the mailboxes that the kernel keeps for them (emu/kernel/native)."""

from ..kernel.native.numbers import MAILBOX_COUNT, MAILBOX_RECEIVE, MAILBOX_SEND
from .calls import call, call_for_words


def send(tid, word, second=0, third=0, fourth=0):
    """Send a message of up to four words to a thread, by its number; 0, negative: an error."""
    return call(MAILBOX_SEND, tid, word, second, third, fourth)


def receive(timeout_ns=-1):
    """The next message of this thread: (who sent it, its first word); (negative, 0): an error.

    Waits for one, for so many ns at most (-110: ETIMEDOUT, -11, EAGAIN, with 0), below 0 for ever.
    """
    found = call_for_words(MAILBOX_RECEIVE, timeout_ns)
    return found[0], found[1] if found[0] >= 0 else 0


def receive_words(timeout_ns=-1):
    """As `receive`, but with all four words: a tuple of five."""
    return call_for_words(MAILBOX_RECEIVE, timeout_ns)


def messages(tid):
    """How many messages wait for a thread."""
    return call(MAILBOX_COUNT, tid)
