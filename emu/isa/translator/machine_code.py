"""From LLVM assembly to machine code that may lie anywhere: passes, code generation, and a small linker.

    code, fixups, count = Compiler().compile(text)      bytes; where the table of fix-ups is in them, and its entries

The code is position-independent.  It refers to nothing but itself: constants that LLVM has put into sections of their
own are laid behind it, and the distances between them filled in.
"""

import struct

import llvmlite.binding as llvm

from .accesses import FIXUPS

_ALIGN = 16
_FIXUP_BYTES = 8
_PC32, _PLT32, _PC64 = 2, 4, 24  # relocations of x86-64
_ALLOCATED, _PROGBITS, _RELA, _SYMTAB = 2, 1, 4, 2


class LinkError(ValueError):
    """Code that refers to something outside."""


class Compiler:
    """LLVM, set up for this host."""

    def __init__(self):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
        target = llvm.Target.from_default_triple()
        self.machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(),
            opt=2, reloc="pic", codemodel="small",
        )  # fmt: skip
        self.header = f'target triple = "{target.triple}"\ntarget datalayout = "{self.machine.target_data}"\n'

    def compile(self, text):
        """The machine code of a module with one function, its constants behind it."""
        module = llvm.parse_assembly(self.header + text)
        options = llvm.create_pipeline_tuning_options()
        builder = llvm.create_pass_builder(self.machine, options)
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)
        return link(self.machine.emit_object(module))


def _sections(image):
    """(type, flags, offset, size, link, info, alignment) of each section of an ELF file."""
    offset, count = struct.unpack_from("<Q", image, 40)[0], struct.unpack_from("<H", image, 60)[0]
    found = []
    for n in range(count):
        _, kind, flags, _, at, size, link, info, align, _ = struct.unpack_from("<IIQQQQIIQQ", image, offset + 64 * n)
        found.append((kind, flags, at, size, link, info, align))
    return found


def link(image):
    """Lay the sections of an object file that are loaded behind each other, code first; as Compiler.compile."""
    sections = _sections(image)
    placed, code = {}, bytearray()
    loaded = [n for n, (kind, flags, *_) in enumerate(sections) if flags & _ALLOCATED and kind == _PROGBITS]
    for n in sorted(loaded, key=lambda n: not sections[n][1] & 4):  # executable ones first
        _, _, at, size, _, _, align = sections[n]
        code += bytes(-len(code) % max(align, _ALIGN))
        placed[n] = len(code)
        code += image[at : at + size]
    for kind, _, at, size, symbols, target, _ in sections:
        if kind == _RELA and target in placed:
            for entry in range(at, at + size, 24):
                _relocate(image, sections, placed, code, placed[target], entry, sections[symbols][2])
    fixups = [n for n in loaded if _name(image, sections, n) == FIXUPS]
    at, count = (placed[fixups[0]], sections[fixups[0]][3] // _FIXUP_BYTES) if fixups else (0, 0)
    return bytes(code), at, count


def _name(image, sections, n):
    """The name of a section."""
    offset, names = struct.unpack_from("<Q", image, 40)[0], struct.unpack_from("<H", image, 62)[0]
    at = sections[names][2] + struct.unpack_from("<I", image, offset + 64 * n)[0]
    return image[at : image.index(b"\0", at)].decode()


def _relocate(image, sections, placed, code, base, entry, symbols):
    where, info, addend = struct.unpack_from("<QQq", image, entry)
    _, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", image, symbols + 24 * (info >> 32))
    if section not in placed:
        raise LinkError("translated code refers to something outside")
    distance = placed[section] + value + addend - (base + where)
    kind = info & 0xFFFFFFFF
    if kind in (_PC32, _PLT32):
        struct.pack_into("<i", code, base + where, distance)
    elif kind == _PC64:
        struct.pack_into("<q", code, base + where, distance)
    else:
        raise LinkError(f"translated code has a relocation of type {kind}")
