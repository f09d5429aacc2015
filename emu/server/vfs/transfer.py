"""Bytes between guest memory and open files.

A call that has moved some bytes before it fails or would wait returns their number, as Linux does.  Only a blocking
write to a stream goes on until everything is written: its Call remembers in `memo` how much was done, and the server
makes the call again when there is room; when a signal ends it, it returns what was done.  Data move in pieces, so no
count can exhaust the server's memory.  After TURN_BYTES others are served before the call goes on (by its `memo`
again), so no count holds others up.
"""

from ..errors import Blocked, LinuxError, OthersFirst

PIECE_BYTES = 1 << 20
TURN_BYTES = 4 << 20  # moved before others are served
TRANSFER_MAX = 0x7FFFF000  # the most that one call moves


def receive(call, file, segments, offset=None):
    """Read from a file into guest memory [(address, count)]; the number of bytes.

    From the file's own offset, which then moves on, or from the given one.
    """
    if file.takes_calls:
        return file.receive(call, segments)
    positioned = offset is not None or file.seekable
    start = offset if offset is not None else file.offset
    done, at = call.memo or (0, start)
    last = done + TURN_BYTES
    try:
        for address, count in _pieces(skip(segments, done)):
            if done >= last:
                if positioned:
                    call.memo = done, at
                    raise OthersFirst
                break  # a stream has given enough for one call
            if not positioned:
                call.reserve(address, count)
            data = file.read_at(at + done, count) if positioned else file.read(count)
            call.write(address, data)
            done += len(data)
            if len(data) < count:
                break
    except OthersFirst:
        raise
    except (LinuxError, Blocked):
        if not done:
            raise
    if offset is None and positioned:
        file.offset = at + done
    return done


def send(call, file, segments, offset=None):
    """Write guest memory [(address, count)] to a file; the number of bytes."""
    if file.takes_calls:
        return file.send(call, segments)
    positioned = offset is not None or file.seekable
    start = offset if offset is not None else file.write_position() if positioned else 0
    done, at = call.memo or (0, start)
    last = done + TURN_BYTES
    try:
        for data in gathered(call, skip(segments, done)):
            data = memoryview(data)
            while data:
                if positioned:
                    n = file.write_at(at + done, data[: call.room_to_write(file, at + done, len(data))])
                else:
                    n = file.write(data)
                done += n
                data = data[n:]
            if done >= last:
                raise OthersFirst
    except LinuxError:
        if not done:
            raise
    except Blocked as blocked:
        call.memo = done, at
        blocked.done = done
        raise
    if offset is None and positioned:
        file.offset = at + done
    return done


def copy(source, target, count, source_offset=None, target_offset=None):
    """Copy between open files until count, the end of the source, or until either would wait; the number of bytes.

    At the files' own offsets, which then move on, or at given ones.  Bytes that a stream gave and the target did
    not take are lost only when the target fails.
    """
    count = min(count, TURN_BYTES)  # fewer bytes than asked for are allowed here
    done = 0
    read_from = source_offset if source_offset is not None else source.offset
    write_to = target_offset if target_offset is not None else target.write_position() if target.seekable else 0
    try:
        while done < count:
            n = min(count - done, PIECE_BYTES)
            if source.seekable:
                data = source.read_at(read_from + done, n)
            else:
                data = source.read(n)
            if not data:
                break
            n = target.write_at(write_to + done, data) if target.seekable else target.write(data)
            done += n
            if n < len(data):
                break
    except (LinuxError, Blocked):
        if not done:
            raise
    if source.seekable and source_offset is None:
        source.offset = read_from + done
    if target.seekable and target_offset is None:
        target.offset = write_to + done
    return done


def _pieces(segments):
    """The segments cut to PIECE_BYTES and, all together, to TRANSFER_MAX."""
    left = TRANSFER_MAX
    for address, count in segments:
        count = min(count, left)
        left -= count
        while count:
            n = min(count, PIECE_BYTES)
            yield address, n
            address += n
            count -= n


def skip(segments, done):
    """What is left of the segments after `done` bytes."""
    if not done:
        return segments
    rest = []
    for address, count in segments:
        skipped = min(done, count)
        done -= skipped
        rest.append((address + skipped, count - skipped))
    return rest


def gathered(call, segments):
    """The bytes of the segments, small ones joined, so that a small writev is one write.

    Unreadable memory ends it with EFAULT after everything before was given.
    """
    joined = b""
    for address, count in _pieces(segments):
        try:
            data = call.read(address, count)
        except LinuxError:
            if joined:
                yield joined
            raise
        if joined and len(joined) + count > PIECE_BYTES:
            yield joined
            joined = b""
        joined = joined + data if joined else data
    if joined:
        yield joined
