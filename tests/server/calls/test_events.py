"""eventfd and epoll through served calls."""

import struct

from emu.abi.files import O_CLOEXEC, O_NONBLOCK

IN, OUT, HUP, ONESHOT, EDGE = 1, 4, 16, 1 << 30, 1 << 31
ADD, DELETE, MODIFY = 1, 2, 3


def event(events, data):
    return struct.pack("<I4xQ", events, data)


def ready(guest, epoll, most=8):
    """[(events, data)] that a wait without patience finds."""
    at = guest.room(16 * most)
    count = guest.sys("epoll_pwait", epoll, at, most, 0, 0, 8)
    return list(struct.iter_unpack("<I4xQ", guest.read(at, 16 * count)))


def number(value):
    return struct.pack("<Q", value)


def test_an_event_counter_adds_and_gives_all_or_one(guest):
    plain, semaphore = guest.sys("eventfd2", 2, O_NONBLOCK), guest.sys("eventfd2", 2, O_NONBLOCK | 1)
    at = guest.room(8)
    assert guest.sys("write", plain, number(5), 8) == 8
    assert guest.sys("read", plain, at, 8) == 8 and guest.read(at, 8) == number(7)
    assert guest.sys("read", plain, at, 8) == "EAGAIN"
    assert guest.sys("read", semaphore, at, 8) == 8 and guest.read(at, 8) == number(1)
    assert guest.sys("read", semaphore, at, 7) == "EINVAL" and guest.sys("write", plain, number(1), 4) == "EINVAL"
    assert guest.sys("write", plain, number((1 << 64) - 1), 8) == "EINVAL"
    assert guest.sys("write", plain, number((1 << 64) - 2), 8) == 8
    assert guest.sys("write", plain, number(1), 8) == "EAGAIN", "it would go beyond what it holds"
    assert guest.sys("eventfd2", 0, 2) == "EINVAL"


def test_epoll_reports_by_level_by_edge_and_once(guest):
    epoll, counter = guest.sys("epoll_create1", O_CLOEXEC), guest.sys("eventfd2", 0, O_NONBLOCK)
    assert guest.sys("epoll_ctl", epoll, ADD, counter, event(IN, 77)) == 0
    assert guest.sys("epoll_ctl", epoll, ADD, counter, event(IN, 77)) == "EEXIST"
    assert ready(guest, epoll) == []
    guest.sys("write", counter, number(1), 8)
    assert ready(guest, epoll) == ready(guest, epoll) == [(IN, 77)]
    assert guest.sys("epoll_ctl", epoll, MODIFY, counter, event(IN | OUT | EDGE, 78)) == 0
    assert ready(guest, epoll) == [(IN | OUT, 78)] and ready(guest, epoll) == []
    guest.sys("write", counter, number(1), 8)
    assert ready(guest, epoll) == [(IN | OUT, 78)] and ready(guest, epoll) == []
    guest.sys("epoll_ctl", epoll, MODIFY, counter, event(IN | ONESHOT, 79))
    assert ready(guest, epoll) == [(IN, 79)] and ready(guest, epoll) == []
    guest.sys("epoll_ctl", epoll, MODIFY, counter, event(IN, 80))
    assert ready(guest, epoll) == [(IN, 80)]
    assert guest.sys("epoll_ctl", epoll, DELETE, counter, 0) == 0 and ready(guest, epoll) == []
    assert guest.sys("epoll_ctl", epoll, DELETE, counter, 0) == "ENOENT"


def test_a_closed_file_leaves_the_set_and_a_copy_of_it_does_not(guest):
    epoll, counter = guest.sys("epoll_create1", 0), guest.sys("eventfd2", 1, 0)
    guest.sys("epoll_ctl", epoll, ADD, counter, event(IN, 1))
    copy = guest.sys("dup", counter)
    guest.sys("close", counter)
    assert ready(guest, epoll) == [(IN, 1)], "the open file is still there"
    guest.sys("close", copy)
    assert ready(guest, epoll) == []


def test_the_ready_ones_take_turns(guest):
    epoll = guest.sys("epoll_create1", 0)
    for k in range(4):
        guest.sys("epoll_ctl", epoll, ADD, guest.sys("eventfd2", 1, 0), event(IN, k))
    assert sorted(data for _, data in ready(guest, epoll, 2) + ready(guest, epoll, 2)) == [0, 1, 2, 3]


def test_what_epoll_refuses(guest):
    epoll = guest.sys("epoll_create1", 0)
    file = guest.sys("openat", -100, "/tmp/file", 0o102, 0o600)
    counter = guest.sys("eventfd2", 0, 0)
    assert guest.sys("epoll_ctl", epoll, ADD, file, event(IN, 0)) == "EPERM"
    assert guest.sys("epoll_ctl", epoll, ADD, epoll, event(IN, 0)) == "EINVAL"
    assert guest.sys("epoll_ctl", counter, ADD, epoll, event(IN, 0)) == "EINVAL"
    assert guest.sys("epoll_ctl", epoll, 9, counter, event(IN, 0)) == "EINVAL"
    assert guest.sys("epoll_ctl", epoll, ADD, 999, event(IN, 0)) == "EBADF"
    assert guest.sys("epoll_pwait", epoll, guest.room(16), 0, 0, 0, 8) == "EINVAL"
    assert guest.sys("epoll_create1", 1) == "EINVAL"
    outer = guest.sys("epoll_create1", 0)
    assert guest.sys("epoll_ctl", outer, ADD, epoll, event(IN, 5)) == 0
    guest.sys("epoll_ctl", epoll, ADD, counter, event(IN, 6))
    assert ready(guest, outer) == []
    guest.sys("write", counter, number(1), 8)
    assert ready(guest, outer) == [(IN, 5)], "a set is ready when one of its files is"
    assert guest.sys("epoll_ctl", epoll, ADD, outer, event(IN, 0)) == "ELOOP"
    for _ in range(3):
        inner, outer = outer, guest.sys("epoll_create1", 0)
        assert guest.sys("epoll_ctl", outer, ADD, inner, event(IN, 0)) == 0
    inner, outer = outer, guest.sys("epoll_create1", 0)
    assert guest.sys("epoll_ctl", outer, ADD, inner, event(IN, 0)) == "ELOOP", "too deep"
