"""A linker for programs in Python: one RISC-V object file in, a static ELF executable out.

The object is LLVM's, made without relaxation and with one section of code, so jumps are settled, and what depends on an
address is one relocation of five kinds (RISC-V ELF psABI, "Relocations"); another kind is an error.  Code comes first,
then what is read only, then data, each in pages of its own, and a symbol table for people (machine/symbols.py).  Arrays
of words are not in the object: they are placed behind its data, and those of zeros last, which the file does not hold.

Rejected: lld, which would be a dependency of 100 MB for these 150 lines.
"""

import struct

PAGE, BASE = 4096, 0x10000
_SHF_ALLOC, _SHF_WRITE, _SHF_EXEC = 2, 1, 4
_SHT_SYMTAB, _SHT_RELA, _SHT_NOBITS = 2, 4, 8
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_FUNCTION = 2  # STT_FUNC
_FLAGS = 5  # EF_RISCV_RVC, double-float ABI
_R, _W, _X = 4, 2, 1


class LinkError(Exception):
    """What the object needs and nobody has: the names of functions."""

    def __init__(self, missing):
        super().__init__(", ".join(missing))
        self.missing = missing


class _Object:
    """An object file, taken apart."""

    def __init__(self, data):
        header = _HEADER.unpack_from(data)
        at, size, count, names = header[6], header[11], header[12], header[13]
        rows = [_SECTION.unpack_from(data, at + k * size) for k in range(count)]
        self.names = [_text(data, rows[names][4] + row[0]) for row in rows]
        self.rows, self.data = rows, data
        table = next(k for k, row in enumerate(rows) if row[1] == _SHT_SYMTAB)
        texts = rows[rows[table][6]][4]
        part = data[rows[table][4] : rows[table][4] + rows[table][5]]
        self.symbols = [(_text(data, texts + name), info, index, value, size)
                        for name, info, _, index, value, size in _SYMBOL.iter_unpack(part)]  # fmt: skip

    def content(self, k):
        row = self.rows[k]
        return bytes(row[5]) if row[1] == _SHT_NOBITS else self.data[row[4] : row[4] + row[5]]

    def relocations(self, k):
        """(offset, kind, symbol, addend) of a section."""
        for row in self.rows:
            if row[1] == _SHT_RELA and row[7] == k:
                for offset, info, addend in _RELA.iter_unpack(self.data[row[4] : row[4] + row[5]]):
                    yield offset, info & 0xFFFFFFFF, info >> 32, addend


def _text(data, at):
    return data[at : data.index(b"\0", at)].decode(errors="replace")


def link(data, words, stubs):
    """The bytes of an executable of an object's code, of [(symbol, Words)] and of {symbol: machine code}. LinkError."""
    found = _Object(data)
    groups = {_R | _X: [], _R: [], _R | _W: []}
    for k, row in enumerate(found.rows):
        if row[2] & _SHF_ALLOC and row[5] and not found.names[k].startswith((".eh_frame", ".note", ".comment")):
            rights = _R | _X if row[2] & _SHF_EXEC else _R | _W if row[2] & _SHF_WRITE else _R
            groups[rights].append(k)
    places, addresses, segments, address = {}, {}, [], BASE
    for rights, sections in groups.items():
        start = address = _up(address, PAGE)
        for k in sections:
            places[k] = address = _up(address, max(found.rows[k][8], 1))
            address += found.rows[k][5]
        if rights & _X:
            stubs_at = address = _up(address, 4)
            for symbol, code in stubs.items():
                addresses[symbol] = address
                address += len(code)
        if address > start:
            segments.append([rights, start, address - start, sections])
    full = [(symbol, each) for symbol, each in words if any(each.content)]
    empty = [(symbol, each) for symbol, each in words if not any(each.content)]
    start = address = _up(address, PAGE)
    for symbol, each in (*full, *empty):
        addresses[symbol] = address
        address += _up(8 * len(each), 64)  # words of two arrays are in no line of a cache together
    values = _values(found, places, addresses)
    image = bytearray(PAGE)
    headers = []
    for rights, at, size, sections in segments:
        offset = _up(len(image), PAGE)
        image += bytes(offset - len(image))
        whole = bytearray(size)
        for k in sections:
            content = bytearray(found.content(k))
            _relocate(found, k, content, places[k], values)
            whole[places[k] - at : places[k] - at + len(content)] = content
        if rights & _X:
            whole[stubs_at - at :] = b"".join(stubs.values())
        image += whole
        headers.append((1, rights, offset, at, at, size, size, PAGE))
    if words:
        offset = _up(len(image), PAGE)
        image += bytes(offset - len(image))
        whole = b"".join(
            struct.pack(f"<{len(each)}q", *each.content).ljust(_up(8 * len(each), 64), b"\0") for _, each in full
        )
        image += whole
        headers.append((1, _R | _W, offset, start, start, len(whole), address - start, PAGE))
    table, header = _symbol_table(_functions(found, places, addresses, stubs), len(image))
    entry = next(v for (name, *_), v in zip(found.symbols, values) if name == "_start")
    start = _HEADER.pack(
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), 2, 243, 1, entry, 64, header, _FLAGS, 64, 56, len(headers), 64, 3, 0
    )
    image[: 64 + 56 * len(headers)] = start + b"".join(_PROGRAM.pack(*each) for each in headers)
    return bytes(image + table)


def _up(value, step):
    return (value + step - 1) // step * step


def _values(found, places, addresses):
    """The address of each symbol; None for those of sections that are left out."""
    values, missing = [], []
    for name, _, index, value, _ in found.symbols:
        if index == 0:
            values.append(addresses.get(name))
            if name and name not in addresses:
                missing.append(name)
        else:
            values.append(value if index == 0xFFF1 else places[index] + value if index in places else None)
    if missing:
        raise LinkError(missing)
    return values


# --- relocations --------------------------------------------------------------------------------------------

_ABSOLUTE, _CALL, _PCREL_HI, _PCREL_LO_I, _PCREL_LO_S = 2, 19, 23, 24, 25
_UPPER, _LOWER, _LOWER_OF_STORE = 0xFFFFF000, 0xFFF00000, 0xFE000F80  # where an instruction has these bits of a number


def _relocate(found, k, content, start, values):
    """Put the addresses into a section that lies at `start`."""
    highs = {}  # place of an auipc -> what is lacking to the upper 20 bits
    late = []
    for offset, kind, symbol, addend in found.relocations(k):
        if kind in (_PCREL_LO_I, _PCREL_LO_S):
            late.append((offset, kind, values[symbol]))
            continue
        at, target = start + offset, values[symbol] + addend
        if kind == _ABSOLUTE:
            struct.pack_into("<Q", content, offset, target)
        elif kind == _CALL:  # auipc and jalr
            _change(content, offset, _UPPER, target - at + 0x800)
            _change(content, offset + 4, _LOWER, (target - at) << 20)
        elif kind == _PCREL_HI:
            highs[at] = target - at
            _change(content, offset, _UPPER, target - at + 0x800)
        else:
            raise LinkError([f"a relocation of kind {kind}"])
    for offset, kind, high in late:  # they name the auipc, whose target they are the lower 12 bits of
        if kind == _PCREL_LO_I:
            _change(content, offset, _LOWER, highs[high] << 20)
        else:
            _change(content, offset, _LOWER_OF_STORE, highs[high] >> 5 << 25 | (highs[high] & 31) << 7)


def _change(content, offset, mask, bits):
    old = struct.unpack_from("<I", content, offset)[0]
    struct.pack_into("<I", content, offset, old & ~mask | bits & mask)


# --- for people ---------------------------------------------------------------------------------------------


def _functions(found, places, addresses, stubs):
    """(name, address, size) of each function."""
    for name, info, index, value, size in found.symbols:
        if info & 0xF == _FUNCTION and index in places:
            yield _readable(name), places[index] + value, size
    yield from ((name, addresses[name], len(code)) for name, code in stubs.items())


def _symbol_table(functions, offset):
    """The sections of names of functions, to be put at this offset of the file; (bytes, offset of the headers)."""
    names, rows = bytearray(b"\0"), [bytes(_SYMBOL.size)]
    for name, address, size in functions:
        rows.append(_SYMBOL.pack(len(names), 0x10 | _FUNCTION, 0, 1, address, size))
        names += name.encode() + b"\0"
    table = b"".join(rows)
    padding = -(len(table) + len(names)) % 8
    headers = _SECTION.pack(*[0] * 10)
    headers += _SECTION.pack(0, _SHT_SYMTAB, 0, 0, offset, len(table), 2, 1, 8, _SYMBOL.size)
    headers += _SECTION.pack(0, 3, 0, 0, offset + len(table), len(names), 0, 0, 1, 0)
    return table + names + bytes(padding) + headers, offset + len(table) + len(names) + padding


def _readable(symbol):
    """The name of a function as its author wrote it, of Numba's symbol: `main` of _ZN8__main__4mainB2v1…E."""
    if not symbol.startswith("_ZN"):
        return symbol
    parts, rest = [], symbol[3:]
    while rest[:1].isdigit():
        digits = len(rest) - len(rest.lstrip("0123456789"))
        count = int(rest[:digits])
        parts.append(rest[digits : digits + count])
        rest = rest[digits + count :]
    return parts[-1] if parts else symbol
