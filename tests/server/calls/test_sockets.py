"""Sockets through served calls: who waits for whom, and that what travels is given back whatever comes between."""

import struct

import pytest

from emu.abi.files import O_NONBLOCK
from emu.kernel.files.descriptions import FILE_COUNTER

UNIX, STREAM, DGRAM = 1, 1, 2
NAME = b"\1\0\0name"
MSG_CTRUNC = 8


def listener(guest, backlog=0):
    fd = guest.sys("socket", UNIX, STREAM, 0)
    assert guest.sys("bind", fd, NAME, len(NAME)) == 0 and guest.sys("listen", fd, backlog) == 0
    return fd


def pair(guest, kind=STREAM):
    at = guest.room(8)
    assert guest.sys("socketpair", UNIX, kind, 0, at) == 0
    return struct.unpack("<ii", guest.read(at, 8))


def message(guest, data=b"", fds=(), room=0):
    """Address of a struct msghdr with these data, or with room for as many, and descriptors or room for them."""
    control = struct.pack("<Qii", 16 + 4 * len(fds), 1, 1) + struct.pack(f"<{len(fds)}i", *fds) if fds else bytes(room)
    part = guest.put(struct.pack("<QQ", guest.put(data or bytes(16)), len(data) or 16))
    return guest.put(struct.pack("<QQQQQQQ", 0, 0, part, 1, guest.put(control or b"\0"), len(control), 0))


def received(guest, at):
    """(descriptors, flags) of a struct msghdr after recvmsg."""
    _, _, _, _, control, size, flags = struct.unpack("<QQQQQQQ", guest.read(at, 56))
    data = guest.read(control, size)
    count = (struct.unpack_from("<Q", data)[0] - 16) // 4 if size else 0
    return list(struct.unpack_from(f"<{count}i", data, 16)) if size else [], flags & 0xFFFFFFFF


def open_files(guest):
    machine = guest.window.machine
    return sum(int(machine["descriptions"][d]["references"]) > 0 for d in range(int(machine["fresh_description"])))


def test_who_connects_waits_for_room_and_goes_on_when_one_is_accepted_or_refused(guest):
    fd = listener(guest)
    clients = [guest.sys("socket", UNIX, STREAM, 0) for _ in range(3)]
    assert guest.sys("connect", clients[0], NAME, len(NAME)) == 0, "one more than the backlog finds room"
    blocked, call = guest.blocks("connect", clients[1], NAME, len(NAME))
    seen = blocked.on.seen
    assert blocked.on.changes == seen and guest.sys("accept", fd, 0, 0) >= 0
    assert blocked.on.changes != seen and guest.execute(call) == 0
    blocked, call = guest.blocks("connect", clients[2], NAME, len(NAME))
    seen = blocked.on.seen
    assert guest.sys("close", fd) == 0
    guest.open_files.close_orphans()
    assert blocked.on.changes != seen and guest.execute(call) == -111, "nobody listens any more"
    assert guest.sys("read", clients[1], guest.room(1), 1) == "ECONNRESET", "nobody will accept it any more"


def test_accept_waits_and_is_told_of_a_connection(guest):
    fd = listener(guest)
    blocked, call = guest.blocks("accept", fd, 0, 0)
    seen, client = blocked.on.seen, guest.sys("socket", UNIX, STREAM, 0)
    assert guest.sys("connect", client, NAME, len(NAME)) == 0
    assert blocked.on.changes != seen and guest.execute(call) > client


@pytest.mark.parametrize("kind", [STREAM, DGRAM])
def test_files_in_messages_are_closed_with_the_socket_that_nobody_reads(guest, kind):
    before = open_files(guest)
    one, other = pair(guest, kind)
    file = guest.open("/dev/null")
    for _ in range(3):
        assert guest.sys("sendmsg", one, message(guest, b"x", [file, one, other]), 0) == 1
    for fd in (file, one, other):
        guest.sys("close", fd)
    guest.open_files.close_orphans()
    assert open_files(guest) == before and guest.open_files.nr_in_flight == 0


def test_a_socket_that_listens_and_is_in_a_message_to_a_connection_that_waits_at_it_is_closed(guest):
    before = open_files(guest)
    listens, client = listener(guest, 3), guest.sys("socket", UNIX, STREAM, 0)
    assert guest.sys("connect", client, NAME, len(NAME)) == 0
    other = guest.sys("socket", UNIX, STREAM, 0)
    assert guest.sys("connect", other, NAME, len(NAME)) == 0
    assert guest.sys("sendmsg", client, message(guest, b"x", [listens, other]), 0) == 1
    guest.sys("close", listens), guest.sys("close", other)
    guest.open_files.close_orphans()
    assert open_files(guest) == before + 1 and guest.open_files.nr_in_flight == 0
    assert guest.sys("read", client, guest.room(1), 1) == "ECONNRESET", "nobody can accept its connection any more"


def test_a_connection_that_waits_at_a_socket_that_is_used_stays_with_what_travels_to_it(guest):
    listens, client = listener(guest, 3), guest.sys("socket", UNIX, STREAM, 0)
    assert guest.sys("connect", client, NAME, len(NAME)) == 0
    one, end = pair(guest)
    assert guest.sys("sendmsg", client, message(guest, b"x", [one, end]), 0) == 1
    for fd in (one, end, client):
        guest.sys("close", fd)
    guest.open_files.close_orphans()
    accepted, at = guest.sys("accept", listens, 0, 0), message(guest, room=24)
    assert guest.sys("recvmsg", accepted, at, 0) == 1
    one, end = received(guest, at)[0]
    assert guest.sys("write", one, guest.put(b"y"), 1) == 1


def test_sockets_in_a_message_to_a_living_socket_stay(guest):
    one, other = pair(guest)
    inner, end = pair(guest)
    assert guest.sys("sendmsg", inner, message(guest, b"deep", [end]), 0) == 4, "it travels in itself"
    assert guest.sys("sendmsg", one, message(guest, b"x", [inner, end]), 0) == 1
    guest.sys("close", inner), guest.sys("close", end)
    guest.open_files.close_orphans()
    at = message(guest, room=24)
    assert guest.sys("recvmsg", other, at, 0) == 1
    (_, end), _ = received(guest, at)
    at = message(guest, room=24)
    assert guest.sys("recvmsg", end, at, 0) == 4 and len(received(guest, at)[0]) == 1


@pytest.mark.parametrize("kind", [STREAM, DGRAM])
def test_descriptors_for_which_there_is_no_room_or_no_number_are_closed(guest, kind):
    one, other = pair(guest, kind)
    before = open_files(guest)
    file = guest.open("/dev/null")
    for _ in range(3):
        assert guest.sys("sendmsg", one, message(guest, b"0123456789abcdef", [file, file]), 0) == 16
    guest.sys("close", file)
    at = message(guest, room=20)
    assert guest.sys("recvmsg", other, at, 0) == 16
    fds, flags = received(guest, at)
    assert len(fds) == 1 and flags & MSG_CTRUNC
    guest.limit_descriptors(fds[0] + 1)
    at = message(guest, room=24)
    assert guest.sys("recvmsg", other, at, 0) == 16 and received(guest, at) == ([], MSG_CTRUNC)
    guest.limit_descriptors(100)
    at = message(guest, room=24)
    guest.write(at + 16, struct.pack("<Q", guest.put(struct.pack("<QQ", 8, 16))))  # nowhere to put the bytes
    assert guest.sys("recvmsg", other, at, 0) == "EFAULT"
    guest.sys("close", fds[0])
    assert open_files(guest) == before


def test_so_many_descriptors_travel_and_no_more(guest):
    one, _ = pair(guest, DGRAM | O_NONBLOCK)
    files, results = [0] * 250, []
    for fd in [guest.open("/dev/null")]:
        files = [fd] * 250
    while not results or results[-1] == 1:
        results.append(guest.sys("sendmsg", one, message(guest, b"x", files), 0))
    assert results[-1] == "ETOOMANYREFS" and 60 < len(results) < 70
    assert guest.sys("sendmsg", one, message(guest, b"x", [77]), 0) == "EBADF"
    assert guest.sys("sendmsg", one, message(guest, b"x", files + files[:4]), 0) == "EINVAL"


def test_a_call_that_waits_longer_than_its_socket_allows_ends(guest):
    one, other = pair(guest)
    assert guest.sys("setsockopt", other, 1, 20, struct.pack("<qq", 0, 5000), 16) == 0
    blocked, call = guest.blocks("read", other, guest.room(8), 8)
    assert not blocked.restarts and blocked.deadline_ns
    guest.machine.now_ns += 5_000_000
    assert guest.execute(call) == -11
    assert guest.sys("write", one, b"late", 4) == 4 and guest.sys("read", other, guest.room(8), 8) == 4


def test_a_whole_message_waits_for_room(guest):
    one, other = pair(guest, DGRAM)
    assert guest.sys("bind", one, NAME, len(NAME)) == 0, "so that the server sends, and says who has sent"
    for _ in range(4):
        assert guest.sys("write", one, bytes(30000), 30000) == 30000
    blocked, call = guest.blocks("write", one, bytes(30000), 30000)
    seen = blocked.on.seen
    assert guest.sys("read", other, guest.room(1), 1) == 1 and blocked.on.changes != seen
    assert guest.execute(call) == 30000


def test_an_address_without_a_name_is_refused(guest):
    fd = guest.sys("socket", UNIX, DGRAM, 0)
    assert guest.sys("sendto", fd, b"x", 1, 0, struct.pack("<H", UNIX), 2) == "ECONNREFUSED"
    assert guest.sys("connect", fd, struct.pack("<H", UNIX), 2) == "ECONNREFUSED"


def test_a_peer_whose_record_is_another_files_by_now_is_none(guest):
    """The record of a closed peer was given to an event counter whose number is that of the pipe."""
    one, other = (guest.task.files.get(fd) for fd in pair(guest))
    record = guest.window.machine["descriptions"][other.description]
    assert one.peer() is not None
    kind, record["kind"] = int(record["kind"]), FILE_COUNTER
    assert one.peer() is None
    record["kind"] = kind
    guest.open_files.give_back()
