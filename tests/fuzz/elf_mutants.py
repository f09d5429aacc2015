"""Mutated program images, each from a seed, and what must hold of the loader's answer to any bytes at all.

`mutant(seed, originals)` changes one to four things of a good program: fields of its headers to extreme or random
values, headers doubled or swapped, bytes, length, parts of another program.  `check_answer` is the plain statement of
what placing.py relies on.
"""

import random
import struct

from emu.limits import USER_TOP
from emu.server.elf import ElfError, parse

HEADER_FIELDS = {
    "e_type": (16, 2), "e_machine": (18, 2), "e_version": (20, 4), "e_entry": (24, 8), "e_phoff": (32, 8),
    "e_shoff": (40, 8), "e_flags": (48, 4), "e_ehsize": (52, 2), "e_phentsize": (54, 2), "e_phnum": (56, 2),
    "e_shentsize": (58, 2), "e_shnum": (60, 2), "e_shstrndx": (62, 2),
}  # fmt: skip
PROGRAM_FIELDS = {
    "p_type": (0, 4), "p_flags": (4, 4), "p_offset": (8, 8), "p_vaddr": (16, 8), "p_paddr": (24, 8),
    "p_filesz": (32, 8), "p_memsz": (40, 8), "p_align": (48, 8),
}  # fmt: skip
PROGRAM_HEADER_BYTES = 56
TYPES = (1, 2, 3, 4, 6, 7, 0x6474E550, 0x6474E551, 0x6474E552, 0x70000003)
EXTREMES = (
    0, 1, 2, 3, 7, 0xFFF, 0x1000, 0x1001, 0x10000, 1 << 20, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 33,
    USER_TOP - (1 << 30) - 4096, USER_TOP - (1 << 30), USER_TOP - 1, USER_TOP, 1 << 47, (1 << 63) - 1, 1 << 63,
    (1 << 64) - 4096, (1 << 64) - 1,
)  # fmt: skip


def mutant(seed, originals):
    """The bytes of one mutant."""
    draw = random.Random(seed)
    data = bytearray(draw.choice(originals))
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        if len(data) > 64:
            draw.choice(_MUTATIONS)(draw, data, originals)
    return bytes(data)


def _value(draw, old, data):
    return draw.choice((
        draw.choice(EXTREMES), draw.choice(EXTREMES), len(data) + draw.randint(-2, 2), old + draw.choice((-4096, 4096)),
        old + draw.randint(-16, 16), old ^ 1 << draw.randrange(64), draw.getrandbits(draw.choice((8, 16, 32, 38, 64))),
    ))  # fmt: skip


def _set(draw, data, at, size):
    """Another value for a field of `size` bytes."""
    if at + size <= len(data):
        value = _value(draw, int.from_bytes(data[at : at + size], "little"), data)
        data[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _headers(data):
    """(offset, how many) of the program headers, as far as they lie in the file."""
    start, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    return start, min(count, max(0, len(data) - start) // PROGRAM_HEADER_BYTES)


def _header_field(draw, data, originals):
    _set(draw, data, *draw.choice(list(HEADER_FIELDS.values())))


def _program_field(draw, data, originals):
    start, count = _headers(data)
    if count:
        offset, size = draw.choice(list(PROGRAM_FIELDS.values()))
        _set(draw, data, start + draw.randrange(count) * PROGRAM_HEADER_BYTES + offset, size)


def _program_type(draw, data, originals):
    start, count = _headers(data)
    if count:
        struct.pack_into("<I", data, start + draw.randrange(count) * PROGRAM_HEADER_BYTES, draw.choice(TYPES))


def _copied_header(draw, data, originals):
    """One program header over another: overlapping segments."""
    start, count = _headers(data)
    if count:
        a, b = (start + draw.randrange(count) * PROGRAM_HEADER_BYTES for _ in range(2))
        data[a : a + PROGRAM_HEADER_BYTES] = data[b : b + PROGRAM_HEADER_BYTES]


def _many_headers(draw, data, originals):
    """More program headers than there were, at the file's end: small segments all over the address space."""
    start, count = _headers(data)
    old = bytes(data[start : start + count * PROGRAM_HEADER_BYTES])
    size = draw.choice((64, 64, 4096, 1 << 20, 1 << 32))
    added = b"".join(
        struct.pack("<IIQQQQQQ", 1, draw.getrandbits(3), draw.randrange(len(data)), draw.getrandbits(36), 0,
                    draw.randrange(64), size, 4096)
        for _ in range(draw.choice((1, 2, 40, 1100)))
    )  # fmt: skip
    struct.pack_into("<Q", data, 32, len(data))
    data += old + added
    struct.pack_into("<H", data, 56, min(0xFFFF, count + len(added) // PROGRAM_HEADER_BYTES))


def _bytes(draw, data, originals):
    end = draw.choice((64, 512, len(data)))
    for _ in range(draw.choice((1, 4, 64))):
        data[draw.randrange(min(end, len(data)))] = draw.randrange(256)


def _truncated(draw, data, originals):
    del data[draw.choice((draw.randrange(len(data)), draw.randrange(min(600, len(data))), len(data) - 1)) :]


def _spliced(draw, data, originals):
    other = draw.choice(originals)
    at, size = draw.randrange(len(data)), draw.choice((8, 56, 64, 4096))
    source = draw.choice((at, draw.randrange(len(other))))
    data[at : at + size] = other[source : source + size]


def _zeroed(draw, data, originals):
    at, size = draw.randrange(len(data)), draw.choice((8, 64, 4096))
    data[at : at + size] = bytes(min(size, len(data) - at))


def _extended(draw, data, originals):
    data += draw.randbytes(draw.choice((1, 64, 5000)))


_MUTATIONS = (
    _header_field, _header_field, _program_field, _program_field, _program_field, _program_type, _copied_header,
    _many_headers, _bytes, _bytes, _truncated, _spliced, _zeroed, _extended,
)  # fmt: skip


def answer(data):
    """The loader's answer: an image, or the line with which it refuses."""
    try:
        return parse(data), ""
    except ElfError as error:
        return None, str(error)


def check_answer(data):
    """The image or None; AssertionError when the loader's answer to these bytes is none that placing.py can rely on."""
    image, line = answer(data)
    if image is None:
        assert line and "\n" not in line and len(line) < 200, line
        return None
    ends = []
    for segment in image["segments"]:
        start, end = segment["start"], segment["start"] + segment["size"]
        assert 4096 <= start < end <= USER_TOP - (1 << 30), "a segment outside the address space"
        assert len(segment["data"]) <= segment["size"], "more content than room"
        assert 0 <= segment["prot"] < 8
        ends.append((start, end, segment["prot"]))
    ends.sort()
    assert all(a[1] <= b[0] for a, b in zip(ends, ends[1:])), "segments overlap"
    assert any(start <= image["entry"] < end and prot & 4 for start, end, prot in ends), "begins in no code"
    assert sum(len(s["data"]) for s in image["segments"]) <= 2 * len(data), "more than the file"
    if image["headers"]:
        end_of_headers = image["headers"] + image["nr_headers"] * PROGRAM_HEADER_BYTES
        assert any(start <= image["headers"] and end_of_headers <= end for start, end, _ in ends), "headers nowhere"
    return image
