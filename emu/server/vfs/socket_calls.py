"""One call that receives from a socket or sends to one: bytes of a stream, or a message (recv(2), send(2)).

A stream gives what there is, with MSG_WAITALL all that is asked for; it takes everything, unless it may not wait.  A
message is given and taken whole: what the reader has no room for is lost, and MSG_TRUNC tells.
A call that waits keeps a Progress in its `memo`; made again, it goes on behind what it has moved.
"""

from typing import NamedTuple

from ...abi.errno import (
    ECONNREFUSED,
    EDESTADDRREQ,
    EINVAL,
    EISCONN,
    EMSGSIZE,
    ENOTCONN,
    EOPNOTSUPP,
    EPERM,
    EPIPE,
)
from ...abi.sockets import (
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    SOCK_DGRAM,
    SOCK_SEQPACKET,
)
from ..errors import LinuxError, OthersFirst
from .addresses import LOOPBACK, LOOPBACK4, MAPPED, Inet, pack
from .transfer import TRANSFER_MAX, TURN_BYTES, gathered, skip
from .travel import Travel, drop_all

MOST_OF_UDP = 65507
MOST_OF_UNIX = 130_000  # what a pipe holds, less the header with the longest address


class Received(NamedTuple):
    count: int  # bytes that were put into the guest's memory, or with MSG_TRUNC as many as there were
    flags: int  # MSG_TRUNC
    address: bytes  # of the sender, empty: none
    travel: object  # a Travel or None, which the caller takes from or drops
    is_peeked: bool  # the travel stays the socket's


def receive(call, socket, segments, flags):
    """Received. Blocked, LinuxError."""
    if socket.is_framed:
        return _receive_message(call, socket, segments, flags)
    if not socket.is_connected:
        error = socket.take_error()
        raise LinuxError(error or (EINVAL if socket.family == AF_UNIX else ENOTCONN))
    return _receive_bytes(call, socket, segments, flags)


def _receive_bytes(call, socket, segments, flags):
    peek, all_of_it = flags & MSG_PEEK, flags & MSG_WAITALL
    done = call.memo.done if call.memo else 0
    wanted = min(sum(size for _, size in segments), TRANSFER_MAX)
    last = done + TURN_BYTES
    travel = None
    while done < wanted and done < last:
        watch = socket.watch()
        try:
            data, travel, stops = socket.read_bytes(wanted - done, peek)
        except BlockingIOError:
            if done and not all_of_it:
                break
            try:
                socket.wait(call, watch, socket.receive_timeout_ns, flags & MSG_DONTWAIT, done)
            except LinuxError:
                if done:
                    break
                raise
        except LinuxError:
            if done:
                break
            raise
        try:
            scatter(call, skip(segments, done), data)
        except LinuxError:
            if travel and not peek:
                travel.drop()
            if done:
                break
            raise
        done += len(data)
        if stops or peek or not data:
            break
    return Received(done, 0, b"", travel, bool(peek))


def scatter(call, segments, data):
    """Put bytes into guest memory [(address, count)]; how many there was room for."""
    done = 0
    for address, count in segments:
        if done == len(data):
            break
        n = min(count, len(data) - done)
        call.write(address, data[done : done + n])
        done += n
    return done


def _receive_message(call, socket, segments, flags):
    if socket.type == SOCK_SEQPACKET and not socket.is_connected:
        raise LinuxError(ENOTCONN)
    watch = socket.watch()
    try:
        message = socket.read_message(flags & MSG_PEEK)
    except BlockingIOError:
        socket.wait(call, watch, socket.receive_timeout_ns, flags & MSG_DONTWAIT)
    if message is None:
        return Received(0, 0, b"", None, False)
    try:
        done = scatter(call, segments, message.data)
    except LinuxError:
        if message.travel and not flags & MSG_PEEK:
            message.travel.drop()
        raise
    whole = len(message.data)
    shown = whole if flags & MSG_TRUNC else done
    lost = MSG_TRUNC if done < whole else 0
    return Received(shown, lost, message.address, message.travel, bool(flags & MSG_PEEK))


# --- sending ----------------------------------------------------------------------------------------------------------


class Sending(NamedTuple):
    """What a call sends beside the bytes."""

    flags: int = 0
    to: object = None  # of AF_UNIX: a function that gives the destination's Socket; None: it is sent to the peer
    address: object = None  # of the destination, an Inet; None likewise
    descriptions: list = ()  # references of which go over to the reader, or are given back
    credentials: tuple | None = None  # (pid, uid, gid) that the sender has named


def send(call, socket, segments, sending):
    """The number of bytes sent. Blocked, LinuxError."""
    if sending.flags & MSG_NOSIGNAL or socket.is_framed:
        call.no_signal = True
    try:
        if socket.is_framed:
            return _send_message(call, socket, segments, sending)
        return _send_bytes(call, socket, segments, sending)
    finally:
        drop_all(socket.files, sending.descriptions)  # what was not sent: a call that is made again takes them again


def _travel(call, socket, peer, sending):
    """What travels with the first byte or the message: a Travel or None."""
    credentials = sending.credentials
    if credentials is None and socket.family == AF_UNIX:
        if socket.passes_credentials or peer is not None and peer.passes_credentials:
            credentials = call.task.pid, call.credentials.uid, call.credentials.gid
    if not credentials and not sending.descriptions:
        return None
    travel = Travel(socket.files, list(sending.descriptions), credentials)
    if sending.descriptions:
        sending.descriptions.clear()
    return travel


def _send_bytes(call, socket, segments, sending):
    if not socket.is_connected:
        error = socket.take_error()
        if error:
            raise LinuxError(error)
        if socket.family != AF_UNIX:
            raise LinuxError(EPIPE)
        raise LinuxError(EOPNOTSUPP if sending.to else ENOTCONN)
    if sending.to:
        raise LinuxError(EISCONN)
    done = call.memo.done if call.memo else 0
    last = done + TURN_BYTES
    travel = _travel(call, socket, socket.peer(), sending)
    if done and travel:
        travel = _only_sender(travel)
    watch = socket.watch()
    try:
        for data in gathered(call, skip(segments, done)):
            data = memoryview(data)
            while data:
                watch = socket.watch()
                n = socket.write_bytes(data, travel)
                travel = travel and travel.rest()
                done += n
                data = data[n:]
            if done >= last:
                socket.progress(call).done = done
                raise OthersFirst
    except BlockingIOError:
        if travel:
            _take_back(travel, sending)
        try:
            socket.wait(call, watch, socket.send_timeout_ns, sending.flags & MSG_DONTWAIT, done)
        except LinuxError:
            if not done:
                raise
    except LinuxError:
        if travel:
            _take_back(travel, sending)
        if not done:
            raise
    if travel:  # no bytes, with which it could travel
        travel.drop()
    return done


def _only_sender(travel):
    """Without the descriptors, which have gone with the first bytes of the call."""
    rest = travel.rest()
    travel.drop()
    return rest


def _take_back(travel, sending):
    """Nothing was sent: the references are the call's again."""
    if travel.descriptions:
        sending.descriptions.extend(travel.take())


def _send_message(call, socket, segments, sending):
    size = sum(count for _, count in segments)
    error = socket.take_error()
    if error:
        raise LinuxError(error)
    if socket.type == SOCK_SEQPACKET and not socket.is_connected:
        raise LinuxError(ENOTCONN)
    if size > _most(socket):
        raise LinuxError(EMSGSIZE)
    data = b"".join(call.read(address, count) for address, count in segments)
    if socket.family == AF_UNIX:
        return _send_to_name(call, socket, data, sending)
    return _send_to_port(call, socket, data, sending)


def _most(socket):
    return min(socket.send_bytes - 32, MOST_OF_UNIX) if socket.family == AF_UNIX else MOST_OF_UDP


def _send_to_name(call, socket, data, sending):
    if sending.to and socket.type == SOCK_DGRAM:
        target = sending.to()
        if target is not socket and target.connected_to not in (None, socket):
            raise LinuxError(EPERM)
        pipe = target.input_pipe
    elif sending.to and socket.type == SOCK_SEQPACKET:
        raise LinuxError(EISCONN)
    else:
        pipe, target = socket.output_pipe, socket.peer()
        if pipe < 0:
            raise LinuxError(ENOTCONN)
    if socket.shut & 2:
        raise LinuxError(EPIPE)
    travel = _travel(call, socket, target, sending)
    watch = socket.watch(target)
    address = pack(socket.name, AF_UNIX) if socket.name else b""
    try:
        socket.put_message(pipe, target, data, address, travel)
    except BlockingIOError:
        if travel:
            _take_back(travel, sending)
        socket.wait(call, watch, socket.send_timeout_ns, sending.flags & MSG_DONTWAIT)
    except LinuxError as error:
        if travel:
            _take_back(travel, sending)
        if error.errno == EPIPE and socket.type == SOCK_DGRAM and target is None:
            socket.disconnect()
            raise LinuxError(ECONNREFUSED) from None
        raise
    if travel and target is None:
        travel.drop()
    return len(data)


def _send_to_port(call, socket, data, sending):
    address = sending.address or socket.peer_name
    if address is None:
        raise LinuxError(EDESTADDRREQ)
    if socket.shut & 2:
        raise LinuxError(EPIPE)
    names = socket.files.names
    sender = Inet(socket.name.host, socket.name.port)
    if sender.is_any:
        sender = Inet(LOOPBACK4 if address.host >> 32 == MAPPED >> 32 else LOOPBACK, sender.port)
    target = names.find_datagram(address, sender)
    if target is None or not socket.files.borrow(target):
        if socket.peer_name is not None:
            socket.fail(ECONNREFUSED)  # as the ICMP message that comes back
        return len(data)
    try:
        socket.put_message(target.input_pipe, target, data, pack(sender, target.family), None)
    except BlockingIOError:
        pass  # UDP loses what there is no room for
    except LinuxError as error:
        if error.errno != EPIPE:
            raise
    return len(data)
