"""Telemetry: subscribers come and go, and while there is none nothing is sampled."""

import contextlib
import time

import pytest
import zmq

from emu.live import publish as telemetry
from emu.live.publish import MOST_TOPICS, Publisher, publish


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def publisher(tmp_path):
    with Publisher(f"ipc://{tmp_path}/telemetry") as made:
        yield made


@contextlib.contextmanager
def subscriber(publisher, *topics):
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.SNDHWM, 0)  # no subscription is dropped
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        socket.connect(publisher.endpoint)
        yield socket


def test_a_publisher_knows_whether_anybody_listens(publisher):
    assert not publisher.is_heard()
    with subscriber(publisher, b""):
        until(publisher.is_heard)
        with subscriber(publisher, b"", b"more"):
            until(lambda: publisher.is_heard() and len(publisher._topics) == 2)
        until(lambda: publisher.is_heard() and len(publisher._topics) == 1)
    until(lambda: not publisher.is_heard())


def test_a_stranger_with_many_topics_takes_no_memory_without_end(publisher):
    with subscriber(publisher, *(f"{n}".encode() for n in range(2 * MOST_TOPICS))) as socket:
        until(lambda: publisher.is_heard() and b"0" in publisher._topics)
        socket.unsubscribe(b"0")  # comes after all the others
        until(lambda: publisher.is_heard() and b"0" not in publisher._topics)
        assert len(publisher._topics) == MOST_TOPICS - 1


class Heard:
    """A publisher that is heard at some of the looks."""

    def __init__(self, *heard):
        self.heard, self.sent = list(heard), []

    def is_heard(self):
        return self.heard.pop(0)

    def send(self, figures):
        self.sent.append(figures)


def test_samples_are_taken_only_while_somebody_listens(stuck, monkeypatch):
    _, inspector = stuck("kernel")
    taken, take = [], telemetry.take
    monkeypatch.setattr(telemetry, "take", lambda inspector: taken.append(1) or take(inspector))
    publisher = Heard(False, False, True, True, False, True, True, True)
    assert publish(inspector, publisher, 0.001, count=3) is False
    assert (len(taken), len(publisher.sent)) == (5, 3), "the first one after a silence has nothing before it"
