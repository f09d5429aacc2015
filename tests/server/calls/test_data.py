"""Reading and writing: positions, vectors, pipes, devices, faults on the way."""

import struct

from tests.server.calls.guest import BASE, MEMORY_BYTES

O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK = 0, 1, 2, 0o100, 0o2000, 0o4000
BAD = 8  # an address that nothing is mapped at


def vector(guest, *parts):
    """Address of a struct iovec array for (address, count) pairs."""
    return guest.put(b"".join(struct.pack("<QQ", *part) for part in parts))


def test_reads_and_writes_move_the_offset_and_positioned_ones_do_not(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    assert guest.sys("write", fd, b"hello world", 11) == 11
    assert guest.sys("pwrite64", fd, b"HE", 2, 0) == 2
    assert guest.sys("lseek", fd, 0, 1) == 11
    at = guest.room(16)
    assert guest.sys("pread64", fd, at, 5, 0) == 5 and guest.read(at, 5) == b"HEllo"
    assert guest.sys("lseek", fd, -5, 2) == 6
    assert guest.read_file(fd, 100) == b"world"
    assert guest.read_file(fd, 100) == b""
    assert guest.sys("pread64", fd, at, 5, -1) == "EINVAL"


def test_access_mode_is_checked(guest):
    guest.save("/tmp/f", b"x")
    reading, writing = guest.open("/tmp/f", O_RDONLY), guest.open("/tmp/f", O_WRONLY)
    assert guest.sys("write", reading, b"y", 1) == "EBADF"
    assert guest.read_file(writing, 1) == "EBADF"
    assert guest.sys("ftruncate", reading, 0) == "EINVAL"
    assert guest.open("/tmp/f", 3) == "EINVAL"


def test_vectors_scatter_and_gather(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    parts = [(guest.put(text), len(text)) for text in (b"one ", b"", b"two ", b"three")]
    assert guest.sys("writev", fd, vector(guest, *parts), 4) == 13
    a, b = guest.room(6), guest.room(20)
    assert guest.sys("preadv", fd, vector(guest, (a, 6), (b, 20)), 2, 0) == 13
    assert guest.read(a, 6) + guest.read(b, 7) == b"one two three"
    assert guest.sys("pwritev", fd, vector(guest, (guest.put(b"ZZ"), 2)), 1, 1) == 2
    guest.sys("lseek", fd, 0, 0)
    assert guest.sys("readv", fd, vector(guest, (a, 3), (b, 3)), 2) == 6
    assert guest.read(a, 3) + guest.read(b, 3) == b"oZZ tw"
    assert guest.sys("readv", fd, vector(guest), -1) == "EINVAL"
    assert guest.sys("readv", fd, vector(guest), 1025) == "EINVAL"
    assert guest.sys("readv", fd, vector(guest, (a, 1 << 62), (b, 1 << 62)), 2) == "EINVAL"
    assert guest.sys("readv", fd, BAD, 1) == "EFAULT"


def test_a_fault_after_some_bytes_is_a_short_count(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    assert guest.sys("write", fd, BAD, 1) == "EFAULT"
    good = guest.put(b"good")
    assert guest.sys("writev", fd, vector(guest, (good, 4), (BAD, 4)), 2) == 4
    guest.sys("lseek", fd, 0, 0)
    assert guest.sys("readv", fd, vector(guest, (good, 2), (BAD, 2)), 2) == 2
    assert guest.sys("lseek", fd, 0, 1) == 2
    assert guest.sys("read", fd, BAD, 1) == "EFAULT"
    assert guest.sys("lseek", fd, 0, 1) == 2


def test_append_writes_at_the_end_wherever_the_offset_is(guest):
    guest.save("/tmp/f", b"abc")
    fd = guest.open("/tmp/f", O_RDWR | O_APPEND)
    assert guest.sys("write", fd, b"de", 2) == 2
    assert guest.sys("lseek", fd, 0, 1) == 5
    assert guest.sys("pwrite64", fd, b"f", 1, 0) == 1
    assert guest.contents("/tmp/f") == b"abcdef"


def test_seeking_to_impossible_places_is_einval(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    assert guest.sys("lseek", fd, -1, 0) == "EINVAL"
    assert guest.sys("lseek", fd, 0, 9) == "EINVAL"
    assert guest.sys("lseek", fd, 1 << 40, 0) == 1 << 40
    assert guest.read_file(fd, 1) == b""
    assert guest.sys("lseek", fd, 0, 3) == "ENXIO"


def test_data_and_holes_are_found(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    guest.sys("pwrite64", fd, b"x", 1, 3 * 4096 + 5)
    assert guest.sys("lseek", fd, 0, 3) == 3 * 4096
    assert guest.sys("lseek", fd, 0, 4) == 0
    assert guest.sys("lseek", fd, 3 * 4096 + 2, 4) == 3 * 4096 + 6
    assert guest.sys("lseek", fd, 3 * 4096 + 6, 3) == "ENXIO"


def test_full_memory_is_a_short_count_then_enospc(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    guest.store.capacity = len(guest.store.frames) + 2
    assert guest.sys("write", fd, guest.room(3 * 4096), 3 * 4096) == 2 * 4096
    assert guest.sys("write", fd, b"x", 1) == "ENOSPC"
    assert guest.sys("fallocate", fd, 0, 0, 5 * 4096) == "ENOSPC"
    assert guest.sys("fallocate", fd, 0, 0, 1 << 50) == "ENOSPC"
    assert guest.sys("unlinkat", -100, "/tmp/f", 0) == 0
    guest.sys("close", fd)
    assert not guest.data_frames()


def test_files_take_half_of_guest_memory_at_most(guest):
    half = guest.machine.memory_bytes // 2
    guest.store.capacity = 1000
    guest.machine.free_memory_bytes = lambda: guest.machine.memory_bytes
    fd, other = guest.open("/tmp/f", O_CREAT | O_RDWR), guest.open("/tmp/g", O_CREAT | O_RDWR)
    assert guest.sys("fallocate", fd, 0, 0, half + 1) == "ENOSPC" and guest.data_frames() == 0
    assert guest.sys("fallocate", fd, 0, 0, half) == 0
    assert guest.sys("write", other, b"x", 1) == "ENOSPC" and guest.sys("write", fd, b"x", 1) == 1
    assert guest.sys("ftruncate", fd, half - 4096) == 0 and guest.sys("write", other, b"x", 1) == 1
    at = guest.room(120)
    assert guest.sys("statfs", "/tmp", at) == 0
    assert struct.unpack_from("<QQ", guest.read(at, 120), 16) == (half >> 12, 0)
    assert guest.sys("unlinkat", -100, "/tmp/f", 0) == 0 and guest.sys("close", fd) == 0
    assert guest.sys("fallocate", other, 0, 0, half) == 0


def test_fallocate_and_truncate_change_the_size(guest):
    fd = guest.open("/tmp/f", O_CREAT | O_RDWR)
    assert guest.sys("fallocate", fd, 0, 4096, 100) == 0 and guest.stat("/tmp/f")[2] == 4196
    assert guest.sys("ftruncate", fd, 10) == 0 and guest.stat("/tmp/f")[2] == 10
    assert guest.sys("truncate", "/tmp/f", 1 << 45) == 0 and guest.stat("/tmp/f")[2] == 1 << 45
    assert guest.sys("fallocate", fd, 1, 0, 1) == "EOPNOTSUPP"
    assert guest.sys("fallocate", fd, 0, -1, 1) == "EINVAL"
    assert guest.sys("ftruncate", fd, -1) == "EINVAL"
    assert guest.sys("truncate", "/tmp", 0) == "EISDIR"
    for call in ("fsync", "fdatasync", "sync"):
        assert guest.sys(call, fd) == 0


def test_directories_can_not_be_read_as_files(guest):
    fd = guest.open("/tmp")
    assert guest.read_file(fd, 1) == "EISDIR"
    assert guest.sys("pread64", fd, guest.room(1), 1, 0) == "EISDIR"
    assert guest.sys("write", fd, b"x", 1) == "EBADF"


def test_devices_do_what_their_names_say(guest):
    null, zero, full = (guest.open(f"/dev/{name}", O_RDWR) for name in ("null", "zero", "full"))
    assert guest.sys("write", null, b"abc", 3) == 3 and guest.read_file(null, 3) == b""
    assert guest.read_file(zero, 5) == bytes(5) and guest.sys("write", zero, b"abc", 3) == 3
    assert guest.sys("write", full, b"a", 1) == "ENOSPC" and guest.read_file(full, 2) == bytes(2)
    one, two = guest.read_file(guest.open("/dev/urandom"), 16), guest.read_file(guest.open("/dev/random"), 16)
    assert len(one) == len(two) == 16 and one != two
    assert guest.open("/dev/tty") == "ENXIO"


def test_sendfile_and_copy_file_range_copy(guest):
    guest.save("/tmp/a", b"0123456789" * 1000)
    source, target = guest.open("/tmp/a"), guest.open("/tmp/b", O_CREAT | O_RDWR)
    at = guest.put(struct.pack("<q", 9990))
    assert guest.sys("sendfile", target, source, at, 100) == 10
    assert struct.unpack("<q", guest.read(at, 8)) == (10000,) and guest.sys("lseek", source, 0, 1) == 0
    assert guest.sys("sendfile", target, source, 0, 5) == 5 and guest.sys("lseek", source, 0, 1) == 5
    assert guest.contents("/tmp/b") == b"012345678901234"
    at = guest.put(struct.pack("<q", 1))
    assert guest.sys("copy_file_range", source, 0, target, at, 3, 0) == 3
    assert guest.contents("/tmp/b") == b"056745678901234"
    assert guest.sys("copy_file_range", source, 0, guest.open("/dev/null", O_RDWR), 0, 3, 0) == "EINVAL"


def test_pipes_carry_bytes_and_end_when_writers_are_gone(guest):
    at = guest.room(8)
    assert guest.sys("pipe2", at, 0) == 0
    reading, writing = struct.unpack("<ii", guest.read(at, 8))
    assert guest.sys("write", writing, b"abcdef", 6) == 6
    assert guest.read_file(reading, 4) == b"abcd"
    assert guest.sys("lseek", reading, 0, 0) == "ESPIPE"
    assert guest.sys("pread64", reading, at, 1, 0) == "ESPIPE"
    guest.sys("close", writing)
    assert guest.read_file(reading) == b"ef" and guest.read_file(reading) == b""


def test_a_pipe_without_reader_is_epipe_and_without_waiting_eagain(guest):
    at = guest.room(8)
    assert guest.sys("pipe2", at, O_NONBLOCK) == 0
    reading, writing = struct.unpack("<ii", guest.read(at, 8))
    assert guest.read_file(reading, 1) == "EAGAIN"
    assert guest.sys("write", writing, guest.room(70000), 70000) == 65536
    assert guest.sys("write", writing, b"x", 1) == "EAGAIN"
    guest.sys("close", reading)
    assert guest.sys("write", writing, b"x", 1) == "EPIPE"
    assert guest.sys("pipe2", BAD, 0) == "EFAULT"


def test_poll_sees_pipes_and_times_out(guest):
    at = guest.room(8)
    guest.sys("pipe2", at, 0)
    reading, writing = struct.unpack("<ii", guest.read(at, 8))
    entries = struct.pack("<ihhihhihhihh", reading, 1, 0, writing, 4, 0, 77, 1, 0, -1, 1, 0)
    where = guest.put(entries)
    assert guest.sys("ppoll", where, 4, 0) == 2
    assert [struct.unpack_from("<h", guest.read(where, 32), 8 * i + 6)[0] for i in range(4)] == [0, 4, 32, 0]
    only_reading = guest.put(entries[:8])
    now = guest.put(struct.pack("<qq", 0, 0))
    assert guest.sys("ppoll", only_reading, 1, now) == 0
    second = guest.put(struct.pack("<qq", 1, 0))
    blocked, call = guest.blocks("ppoll", only_reading, 1, second)
    assert blocked.descriptor is None and blocked.deadline_ns > guest.machine.monotonic_ns()
    guest.machine.now_ns += 2_000_000_000
    assert guest.execute(call) == 0
    guest.sys("write", writing, b"x", 1)
    assert guest.sys("ppoll", only_reading, 1, second) == 1
    guest.sys("close", writing)
    assert guest.sys("ppoll", only_reading, 1, 0) == 1
    assert guest.sys("ppoll", only_reading, 1, guest.put(struct.pack("<qq", 0, -1))) == "EINVAL"


def test_select_sees_the_same_as_poll(guest):
    at = guest.room(8)
    guest.sys("pipe2", at, 0)
    reading, writing = struct.unpack("<ii", guest.read(at, 8))
    sets = struct.pack("<Q", 1 << reading | 1 << writing)
    r, w = guest.put(sets), guest.put(struct.pack("<Q", 1 << writing))
    assert guest.sys("pselect6", 8, r, w, 0, 0) == 1
    assert struct.unpack("<Q", guest.read(r, 8)) == (0,) and struct.unpack("<Q", guest.read(w, 8)) == (1 << writing,)
    assert guest.sys("pselect6", 8, guest.put(struct.pack("<Q", 1 << 7)), 0, 0, 0) == "EBADF"


def test_a_count_beyond_all_memory_is_efault_and_costs_nothing(guest):
    fd = guest.open("/dev/zero", O_RDWR)
    assert guest.sys("read", fd, BASE + MEMORY_BYTES // 2, 1 << 62) == "EFAULT"
    assert guest.sys("write", fd, BASE + MEMORY_BYTES // 2, 1 << 62) == "EFAULT"
