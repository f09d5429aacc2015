"""The programs that tasks execute: names of their functions, and their tables for unwinding (DWARF CFI in .eh_frame).

A job's program is known by the path that it was started from.  Its tasks may have executed another one since, and the
file may have been built anew; so a Program counts only for a place where the task's memory has the file's code.

The tables are read by pyelftools; of a program without tables there are none, and unwind.py does what it can.  A file
may hold anything, so whatever pyelftools raises over it means: no tables.
"""

import bisect
import io

from ..machine.symbols import MAX_FILE_BYTES, Symbols
from ..server.elf import ElfError, parse

LOOKED_AT_BYTES = 16  # of code
MOST_CFI_BYTES = 4 << 20  # larger tables take pyelftools too long


class Program:
    """A file: `symbols`, and `rule_at(pc)`."""

    def __init__(self, image):
        self._image = image
        self.symbols = Symbols(image)
        self._rows = None
        try:
            parsed = parse(image)
            self._base, self._segments = parsed["base"], parsed["segments"]
        except ElfError:
            self._base, self._segments = 0, []

    def is_in(self, memory, k, pc):
        """Whether task k executes it: what its memory has at a place is this program's code."""
        code = self.code(pc, LOOKED_AT_BYTES)
        return code != b"" and memory.read(k, pc, len(code)) == code

    def code(self, address, size):
        """Bytes of an executable segment, as many as are there."""
        for segment in self._segments:
            at = address - segment["start"]
            if segment["prot"] & 4 and 0 <= at < len(segment["data"]):
                return segment["data"][at : at + size]
        return b""

    def rule_at(self, pc):
        """How to find the caller of a function at a place: a row of pyelftools (cfa, registers by number), or None."""
        if self._rows is None:
            self._rows = self._read_rows()
        k = bisect.bisect_right(self._rows, pc, key=lambda row: row[0]) - 1
        return self._rows[k][2] if k >= 0 and pc < self._rows[k][1] else None

    def _read_rows(self):
        """[(first address, end, row)], in order."""
        try:
            from elftools.dwarf.callframe import FDE
            from elftools.elf.elffile import ELFFile

            file = ELFFile(io.BytesIO(self._image))
            section = file.get_section_by_name(".eh_frame")
            if section is None or section["sh_size"] > MOST_CFI_BYTES:
                return []
            rows = []
            for entry in file.get_dwarf_info(relocate_dwarf_sections=False).EH_CFI_entries():
                if isinstance(entry, FDE):
                    rows += self._rows_of(entry)
            return sorted(rows, key=lambda row: row[0])
        except Exception:  # noqa: BLE001 (it is a guest's file: see the header)
            return []

    def _rows_of(self, entry):
        table = entry.get_decoded().table
        end = entry.header.initial_location + entry.header.address_range
        ends = [row["pc"] for row in table[1:]] + [end]
        return [(row["pc"] + self._base, stop + self._base, row) for row, stop in zip(table, ends)]


class Programs:
    """Programs by their paths, each read once."""

    def __init__(self):
        self._known = {}

    def at(self, path):
        """The Program of a file, None where it cannot be read."""
        if path not in self._known:
            try:
                with open(path, "rb") as file:
                    self._known[path] = Program(file.read(MAX_FILE_BYTES))
            except (OSError, ValueError):
                self._known[path] = None
        return self._known[path]
