"""Served calls that wait: what for, until when, and which of them to make again.

A call is kept while its thread sleeps on (kernel/sleep/endings.py); `word` names that sleep.  When the thread's word is
another one, something else has ended the sleep (a signal, a kill), and the call is forgotten.

Only the facts of the exception Blocked are kept: its traceback would hold every local variable of the handlers, up to
a piece of data for each waiting thread.
"""

import time
from typing import NamedTuple

import zmq

from ..actor.mail import MAX_WAIT_MS


class Waiting(NamedTuple):
    word: int  # of the thread's sleep
    call: object
    descriptor: int | None  # host descriptor it waits for
    events: int  # zmq.POLLIN or POLLOUT
    deadline_ns: int | None
    on: object  # what has to change first (its `changes` counts), None: anything may
    seen: int | None  # its count when the call found it had to wait


class WaitingCalls:
    """By thread index. Registers host descriptors with a zmq.Poller."""

    def __init__(self, poller):
        self._poller = poller
        self._streams = {}
        self._calls = {}

    def __contains__(self, i):
        return i in self._calls

    def __bool__(self):
        return bool(self._calls)

    def add(self, i, word, call, blocked):
        """Thread i waits as a Blocked says."""
        self._abandon(i)  # of a sleep that something else has ended
        events = zmq.POLLOUT if blocked.writing else zmq.POLLIN
        seen = getattr(blocked.on, "seen", None)
        if seen is None and blocked.on is not None:
            seen = blocked.on.changes
        self._calls[i] = Waiting(word, call, blocked.descriptor, events, blocked.deadline_ns, blocked.on, seen)
        self._watch(blocked.descriptor)

    def has(self, call, words):
        """Whether a call still waits; `words` are those that threads sleep with now."""
        each = self._calls.get(call.thread_index)
        return each is not None and each.call is call and int(words[call.thread_index]) == each.word

    def pop(self, i):
        """Forget thread i's call; the Waiting, or None."""
        waiting = self._calls.pop(i, None)
        if waiting:
            self._watch(waiting.descriptor)
        return waiting

    def forget_ended(self, words):
        """Forget the calls of sleeps that are over; `words` are those that threads sleep with now."""
        for i in [i for i, each in self._calls.items() if int(words[i]) != each.word]:
            self._abandon(i)

    def _abandon(self, i):
        waiting = self.pop(i)
        if waiting:
            waiting.call.abandon()

    def _watch(self, descriptor):
        """Poll a descriptor for the events that the calls waiting for it want."""
        if descriptor is not None:
            events = self._streams.get(descriptor, 0)
            for each in self._calls.values():
                if each.descriptor == descriptor:
                    events |= each.events
            if events:
                self._poller.register(descriptor, events)
            elif descriptor in self._poller:
                self._poller.unregister(descriptor)

    def watch_streams(self, streams):
        """Poll these host descriptors besides: descriptor -> zmq.POLLIN and POLLOUT; those of before no more."""
        changed = [d for d in {**self._streams, **streams} if self._streams.get(d) != streams.get(d)]
        self._streams = dict(streams)
        for descriptor in changed:
            self._watch(descriptor)

    def timeout_ms(self):
        """Until the earliest deadline, no more than a C int holds; None when there is none."""
        deadlines = [each.deadline_ns for each in self._calls.values() if each.deadline_ns is not None]
        if not deadlines:
            return None
        return min(max(0, -(-(min(deadlines) - time.monotonic_ns()) // 1_000_000)), MAX_WAIT_MS)

    def ready(self, descriptors, words):
        """Threads whose descriptor is ready, whose deadline has come, or whose sleep (`words`) is over."""
        now = time.monotonic_ns()
        return [
            i for i, each in self._calls.items()
            if each.descriptor in descriptors
            or each.deadline_ns is not None and now >= each.deadline_ns
            or int(words[i]) != each.word
        ]  # fmt: skip

    def changed(self):
        """Threads that wait for no host descriptor and whose object has changed."""
        return [
            i for i, each in self._calls.items()
            if each.descriptor is None and (each.on is None or each.on.changes != each.seen)
        ]  # fmt: skip
