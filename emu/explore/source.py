"""Places in a program's source, by its debug information (DWARF, read by pyelftools); names of its variables.

A file may hold anything, so whatever pyelftools raises over it means: nothing is known.

The guests of the lessons come with emu, without debugging information, which would be larger than they are.  What is
known of them is kept beside them, in NAME.lines.json (`keep`).
"""

import bisect
import functools
import io
import json
import os
from pathlib import Path
from typing import NamedTuple

from ..server.elf import PIE_BASE

KEPT = ".lines.json"
LESSONS = Path(__file__).resolve().parents[1] / "guests" / "bin"  # whoever made a program elsewhere did not make these


class Line(NamedTuple):
    file: str
    line: int
    text: str  # "" where the source cannot be read


class Variable(NamedTuple):
    name: str
    size: int  # bytes of it from there on, 0: not known
    is_own: bool  # of the program's own source


class Source:
    """`line_at(pc)` and `variable_at(address)` of a program's file.

    A line counts where its file lies in the folder of the file that `main` is in, or below: the rest is libraries'.
    """

    def __init__(self, path):
        self._rows, self._variables = [], []
        kept = Path(os.fsdecode(path)).with_suffix(KEPT)
        if kept.parent == LESSONS and kept.exists():
            self._read_kept(kept)
        else:
            self._read_program(path)
        self.has_lines = bool(self._rows)

    def _read_kept(self, path):
        known, folder = json.loads(path.read_text()), path.parent.parent
        files = [str(folder / name) for name in known["files"]]
        self._rows = [(at, line, files[file]) for at, line, file in known["rows"]]
        self._variables = [tuple(each) for each in known["variables"]]

    def keep(self, path, folder):
        """Write what is known into the file of a stripped copy's lines; its sources lie in `folder`."""
        files = sorted({os.path.relpath(file, folder) for _, line, file in self._rows if line})
        rows = [[at, line, files.index(os.path.relpath(file, folder)) if line else 0] for at, line, file in self._rows]
        known = {"files": files, "rows": rows, "variables": [each for each in self._variables if each[3]]}
        Path(path).with_suffix(KEPT).write_text(json.dumps(known, separators=(",", ":")) + "\n")

    def _read_program(self, path):
        root = ""
        try:
            from elftools.elf.elffile import ELFFile

            with open(path, "rb") as file:
                elf = ELFFile(io.BytesIO(file.read()))
            base = PIE_BASE if elf["e_type"] == "ET_DYN" else 0
            variables = {at: (*found, False) for at, found in _symbols(elf, base, "STT_OBJECT")}
            if elf.has_dwarf_info():
                mains = [at for at, (_, name) in _symbols(elf, base, "STT_FUNC") if name == "main"]
                units = list(_units(elf.get_dwarf_info(relocate_dwarf_sections=False)))
                root = _root(units, mains[0] - base) if mains else ""
                for unit, rows in units:
                    own = [(at + base, line, file) for at, line, file in rows if _is_below(file, root) or line == 0]
                    if any(line for _, line, _ in own):
                        self._rows += own
                        variables.update((at + base, (*found, True)) for at, found in _globals(unit))
            self._rows.sort()
            self._variables = sorted((at, *found) for at, found in variables.items())
        except Exception:  # noqa: BLE001 (it is a guest's file: see the header)
            pass

    def line_at(self, pc):
        """The Line of an instruction, None where it is not known, or a library's."""
        k = bisect.bisect_right(self._rows, (pc, 1 << 62)) - 1
        if k < 0 or self._rows[k][1] == 0:
            return None
        _, number, file = self._rows[k]
        lines = _lines_of(file)
        return Line(os.path.basename(file), number, lines[number - 1].strip() if number <= len(lines) else "")

    def variable_at(self, address):
        """The Variable at an address; without a name its address is the name."""
        k = bisect.bisect_right(self._variables, (address, 1 << 62)) - 1
        if k >= 0:
            start, size, name, is_own = self._variables[k]
            if address - start < (size or 1):
                place = name if address == start else f"{name}+{address - start}"
                return Variable(place, size if address == start else 0, is_own)
        return Variable(f"{address:#x}", 0, False)


def _is_below(file, root):
    return bool(root) and os.path.realpath(file).startswith(root + os.sep)


def _root(units, main):
    """The folder of the source file that an address is in."""
    rows = sorted(row for _, rows in units for row in rows)
    k = bisect.bisect_right(rows, (main, 1 << 62)) - 1
    return os.path.dirname(os.path.realpath(rows[k][2])) if k >= 0 and rows[k][2] else ""


@functools.lru_cache(maxsize=64)
def _lines_of(file):
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            return opened.read().split("\n")
    except OSError:
        return ()


def _symbols(elf, base, kind):
    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if table else ():
        if symbol["st_info"]["type"] == kind and symbol.name and symbol["st_value"]:
            yield symbol["st_value"] + base, (symbol["st_size"], symbol.name)


def _units(dwarf):
    """(unit, rows) of every compilation unit with a line table: rows are (address, line or 0 at an end, file)."""
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        folder = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
        root = os.fsdecode(folder.value) if folder else ""
        files = [_file(program.header, entry, root) for entry in program.header["file_entry"]]
        if any(map(os.path.exists, files)):
            yield unit, list(_rows(program, files, 0 if program.header["version"] >= 5 else 1))


def _rows(program, files, first):
    for entry in program.get_entries():
        state = entry.state
        if state is not None:
            known = 0 <= state.file - first < len(files) and not state.end_sequence
            yield state.address, state.line if known else 0, files[state.file - first] if known else ""


def _globals(unit):
    """(address, (size, name)) of the unit's variables that lie at fixed addresses."""
    for die in unit.get_top_DIE().iter_children():
        location, name = die.attributes.get("DW_AT_location"), die.attributes.get("DW_AT_name")
        if die.tag != "DW_TAG_variable" or not location or not name or not isinstance(location.value, list):
            continue
        expression = bytes(location.value)
        if expression[:1] == b"\x03" and len(expression) >= 9:  # DW_OP_addr
            at = int.from_bytes(expression[1:9], "little")
            if expression[9:10] == b"\x23":  # DW_OP_plus_uconst
                at += _uleb(expression[10:])
            yield at, (_size_of(die), os.fsdecode(name.value))


def _uleb(data):
    value = 0
    for k, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * k
        if byte < 0x80:
            break
    return value


def _size_of(die):
    """Bytes of a variable, 8 where its type does not say."""
    for _ in range(8):
        if "DW_AT_type" not in die.attributes:
            break
        die = die.get_DIE_from_attribute("DW_AT_type")
        if die.tag == "DW_TAG_array_type":
            bounds = [child.attributes.get("DW_AT_count") for child in die.iter_children()]
            counts = [bound.value for bound in bounds if bound]
            return _size_of(die) * counts[0] if len(counts) == 1 else 1 << 12
        if "DW_AT_byte_size" in die.attributes:
            return die.attributes["DW_AT_byte_size"].value
    return 8


def _file(header, entry, root):
    """The path of a file of a line table."""
    folders = [os.fsdecode(each) for each in header["include_directory"]]
    k = entry.dir_index if header["version"] >= 5 else entry.dir_index - 1
    folder = folders[k] if 0 <= k < len(folders) else ""
    return os.path.join(root, folder, os.fsdecode(entry.name))
