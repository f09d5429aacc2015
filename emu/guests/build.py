"""Build the guest programs: emu/guests/NAME.c -> emu/guests/bin/NAME.elf, static RV64GC executables for Linux.

    python emu/guests/build.py              build all of them, and emu/guests/bin/MANIFEST.json
    python emu/guests/build.py hello args   build some of them
    python emu/guests/build.py --check      build into a temporary directory and compare with what is committed

The ELFs are committed, so nobody needs a compiler to run a guest; `--check` shows that they come from these sources.
What always holds: the same sources and the same ziglang give the same bytes (sources are compiled by their bare name in
their own directory; output has no build-id, and of its symbols only the names of functions), and no instruction lies
outside RV64GC (read back from the ELF's attributes, into which the linker merges those of every object, the C library's
included).
Rejected: a cross GCC (not on PyPI, and its bytes depend on the distribution).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GUESTS = Path(__file__).resolve().parent
BIN = GUESTS / "bin"
MANIFEST = BIN / "MANIFEST.json"
LESSONS = "teach_"  # of `emu teach`: what they do is told by their lines

FLAGS = (
    "-target", "riscv64-linux-musl", "-mcpu=baseline_rv64", "-static", "-std=gnu17", "-O2",
    "-fno-sanitize=all", "-fno-stack-protector", "-fno-ident", "-Wl,--build-id=none", "-Wall", "-Wextra", "-Werror",
)  # fmt: skip
RV64GC = {"i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "zmmul", "zaamo", "zalrsc", "zca", "zcd"}


_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_ALLOCATED, _NO_BYTES = 2, 8  # flag: part of the running program; kind: has none in the file
_SYMBOLS, _FUNCTION, _LOCAL = 2, 2, 0
_SEGMENT_BYTES, _ATTRIBUTES = 56, 0x70000003  # a program header, and PT_RISCV_ATTRIBUTES


class BuildError(Exception):
    """The message is for the person: what was wrong, and what to do."""


def ziglang_version() -> str | None:
    """Version of the installed ziglang package, None if there is none."""
    try:
        from importlib.metadata import PackageNotFoundError, version

        return version("ziglang")
    except PackageNotFoundError:
        return None


def compile_unstripped(source: Path, output: Path, *flags: str) -> None:
    """As compile_c, but what the compiler has written stays in the file, debug information with -g. BuildError."""
    if ziglang_version() is None:
        raise BuildError("the compiler is missing: pip install emu[test]")
    source, output = Path(source).resolve(), Path(output).resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *flags, source.name, "-o", str(output)]
    result = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"{source.name} does not compile:\n{result.stderr.strip()}")


def compile_c(source: Path, output: Path, *flags: str) -> None:
    """Compile and link one C file into a static RV64GC ELF. `flags` come last, so they win. Raises BuildError."""
    compile_unstripped(source, output, "-g0", *flags)
    strip_to_functions(output)
    foreign = extensions(output) - RV64GC
    if foreign:
        raise BuildError(f"{output.name} uses {', '.join(sorted(foreign))}, which is not RV64GC")


def keep_lines(source: Path, elf: Path) -> None:
    """Write what a lesson's debugging information says beside its ELF, NAME.lines.json. BuildError."""
    sys.path.insert(0, str(GUESTS.parents[1]))
    from emu.explore.source import Source

    with tempfile.TemporaryDirectory() as directory:
        unstripped = Path(directory) / elf.name
        compile_unstripped(source, unstripped, "-g")
        Source(unstripped).keep(elf, GUESTS)


def strip_to_functions(elf: Path) -> None:
    """Leave of an ELF file's symbols the names of functions, which profiles, listings and reports of faults show.

    The linker keeps all symbols with the C library's debugging information, or none.  What a running program has keeps
    its place in the file.  Source: System V gABI chapter 4.
    """
    image = elf.read_bytes()
    at, count, names_of = struct.unpack_from("<40xQ12xHH", image)
    sections = [list(_SECTION.unpack_from(image, at + k * _SECTION.size)) for k in range(count)]
    names_at = sections[names_of][4]
    table = next((k for k, row in enumerate(sections) if row[1] == _SYMBOLS), None)
    if table is None:  # it was linked with -s
        return
    content = {k: image[row[4] : row[4] + row[5]] for k, row in enumerate(sections) if not row[2] & _ALLOCATED}
    kept = [k for k, row in enumerate(sections) if not image[names_at + row[0] :].startswith(b".debug")]
    number = {old: new for new, old in enumerate(kept)}
    strings = sections[table][6]
    content[table], content[strings], sections[table][7] = _functions(content[table], content[strings], number)
    out = bytearray(image[: max(r[4] + r[5] for r in sections if r[2] & _ALLOCATED and r[1] != _NO_BYTES)])
    moved = {}
    for k in kept[1:]:
        if k in content:
            out += bytes(-len(out) % 8)
            moved[sections[k][4]] = len(out)
            sections[k][4:6] = len(out), len(content[k])
            out += content[k]
        sections[k][6] = number.get(sections[k][6], 0)
    out += bytes(-len(out) % 8)
    headers, count_of_headers = struct.unpack_from("<32xQ16xH", image)
    for header in range(headers, headers + _SEGMENT_BYTES * count_of_headers, _SEGMENT_BYTES):
        kind, offset = struct.unpack_from("<I4xQ", out, header)
        if kind == _ATTRIBUTES:  # names a section that is no part of the running program
            struct.pack_into("<Q", out, header + 8, moved[offset])
    struct.pack_into("<Q", out, 40, len(out))
    struct.pack_into("<HH", out, 60, len(kept), number[names_of])
    elf.write_bytes(out + b"".join(_SECTION.pack(*sections[k]) for k in kept))


def _functions(symbols, strings, number):
    """(table, names, how many local ones) of the functions in a symbol table; `number` is the new one of a section."""
    table, names, local = [bytes(_SYMBOL.size)], bytearray(1), 1
    for name, info, other, section, value, size in _SYMBOL.iter_unpack(symbols):
        if info & 15 == _FUNCTION and section in number and section:
            table.append(_SYMBOL.pack(len(names), info, other, number[section], value, size))
            names += strings[name : strings.index(b"\0", name) + 1]
            local += info >> 4 == _LOCAL
    return b"".join(table), bytes(names), local


def extensions(elf: Path) -> set[str]:
    """The instruction-set extensions that an ELF's attributes name: {'i', 'm', ..., 'zicsr'}."""
    names = re.search(rb"rv64[a-z0-9_]+", elf.read_bytes())
    if names is None:
        raise BuildError(f"{elf.name} has no RISC-V attributes")
    return {re.sub(r"\d+p\d+$", "", name) for name in names.group().decode().removeprefix("rv64").split("_")}


def sources() -> list[Path]:
    return sorted(GUESTS.glob("*.c"))


def elf_of(source: Path) -> Path:
    return BIN / f"{source.stem}.elf"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source_sha256(source: Path) -> str:
    """Digest of a C file and of the project's headers that it includes, in the order of inclusion."""
    digest, pending, seen = hashlib.sha256(), [source], set()
    while pending:
        path = pending.pop(0)
        if path in seen:
            continue
        seen.add(path)
        text = path.read_bytes()
        digest.update(text)
        pending += [path.parent / name.decode() for name in re.findall(rb'^#include "([^"]+)"', text, re.MULTILINE)]
    return digest.hexdigest()


def read_manifest() -> dict:
    """{"ziglang": version, "flags": [...], "guests": {name: {"source": sha256, "elf": sha256, "size_bytes": n}}}"""
    try:
        return json.loads(MANIFEST.read_text())
    except FileNotFoundError:
        raise BuildError("emu/guests/bin/MANIFEST.json is missing: python emu/guests/build.py") from None


def write_manifest() -> None:
    guests = {
        source.stem: {
            "source": source_sha256(source),
            "elf": sha256(elf_of(source)),
            "size_bytes": elf_of(source).stat().st_size,
        }
        for source in sources()
        if elf_of(source).exists()
    }
    manifest = {"ziglang": ziglang_version(), "flags": list(FLAGS), "guests": guests}
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")


def check_sources() -> list[str]:
    """One line for each committed file that the manifest does not describe. Needs no compiler."""
    manifest = read_manifest()
    found = []
    names = {source.stem for source in sources()}
    for name in sorted(names | set(manifest["guests"]) | {elf.stem for elf in BIN.glob("*.elf")}):
        entry = manifest["guests"].get(name)
        source, elf = GUESTS / f"{name}.c", BIN / f"{name}.elf"
        if not source.exists():
            found.append(f"{name}.c is missing, but bin/{name}.elf or the manifest names it")
        elif entry is None or not elf.exists():
            found.append(f"bin/{name}.elf was never built: python emu/guests/build.py")
        elif source_sha256(source) != entry["source"]:
            found.append(f"{name}.c changed since bin/{name}.elf was built: python emu/guests/build.py {name}")
        elif sha256(elf) != entry["elf"]:
            found.append(f"bin/{name}.elf is not the file that was built: python emu/guests/build.py {name}")
    if manifest["flags"] != list(FLAGS):
        found.append("the compiler's flags changed since the ELFs were built: python emu/guests/build.py")
    return found


def check_bytes(names: Iterable[str] = ()) -> list[str]:
    """Rebuild, and one line for each ELF whose bytes differ. Needs the ziglang version of the manifest."""
    pinned = read_manifest()["ziglang"]
    if ziglang_version() not in (None, pinned):
        here = ziglang_version()
        raise BuildError(f"the ELFs were built with ziglang {pinned}, not {here}: pip install ziglang=={pinned}")
    found = []
    with tempfile.TemporaryDirectory() as directory:
        wanted = chosen(names)
        rebuilt_elfs = [Path(directory) / f"{source.stem}.elf" for source in wanted]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_c, wanted, rebuilt_elfs))
        for source, rebuilt in zip(wanted, rebuilt_elfs, strict=True):
            committed = elf_of(source)
            if not committed.exists():
                found.append(f"bin/{committed.name} does not exist")
            elif committed.read_bytes() != rebuilt.read_bytes():
                found.append(f"bin/{committed.name} differs from what {source.name} compiles to")
            elif source.stem.startswith(LESSONS):
                keep_lines(source, rebuilt)
                lines = f"{source.stem}.lines.json"
                if (BIN / lines).read_bytes() != (rebuilt.parent / lines).read_bytes():
                    found.append(f"bin/{lines} differs from the lines of {source.name}")
    return found


def chosen(names: Iterable[str]) -> list[Path]:
    known = {source.stem: source for source in sources()}
    for name in names:
        if name not in known:
            raise BuildError(f"no guest is called {name!r}; there are: {', '.join(known)}")
    return [known[name] for name in names] or list(known.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the guest programs into emu/guests/bin.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="guests to build (default: all)")
    parser.add_argument("--check", action="store_true", help="rebuild elsewhere and compare with what is committed")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            found = check_sources() + check_bytes(arguments.names)
            print("\n".join(found) if found else "every ELF is what its source compiles to")
            return 1 if found else 0
        for source in chosen(arguments.names):
            compile_c(source, elf_of(source))
            if source.stem.startswith(LESSONS):
                keep_lines(source, elf_of(source))
            print(f"{elf_of(source).stat().st_size:8,} bytes  bin/{elf_of(source).name}")
        write_manifest()
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
