"""A program's code as a reader of profiles and listings needs it: instructions by address, functions, calls.

`Code(image)` of an ELF file's bytes, checked as those that run (server/elf.py): ElfError for what cannot run.
Addresses are those in a guest's memory.  What it does not have gives None or nothing, never an error: it is asked for
addresses that come from guests.
"""

from ..isa.decode import row_of
from ..isa.disassemble import disassemble, length
from ..server.elf import parse
from .symbols import Symbols

_PROT_EXEC = 4
_JAL_RA, _JAL_MASK = 0x000000EF, 0xFFF  # jal ra, offset
_JALR_RA, _JALR_MASK = 0x000000E7, 0x7FFF  # jalr ra, offset(rs1)
_C_JALR, _C_JALR_MASK = 0x9002, 0xF07F
_AUIPC = 0x17
INDIRECT = -1  # as the target of a call: what a register held


class Code:
    """Instructions of a program's executable segments, and its Symbols."""

    def __init__(self, image):
        self._segments = [s for s in parse(image)["segments"] if s["prot"] & _PROT_EXEC]
        self.symbols = Symbols(image)

    def bits(self, address):
        """The instruction at an address, as an integer; None where there is none."""
        low = self._parcel(address)
        if low is None or length(low) == 2:
            return low
        high = self._parcel(address + 2)
        return None if high is None else low | high << 16

    def text(self, address, bits):
        """An instruction, its target named where it has one and the place has a name."""
        target = self._target(address, bits)
        name = "" if target in (None, INDIRECT) else self.symbols.at(target)
        return disassemble(bits, address) + (f" <{name}>" if name else "")

    def forward(self, address, count):
        """The address `count` instructions further on; that of the first one where these are not all there."""
        at = address
        for _ in range(count):
            low = self._parcel(at)
            if low is None:
                return address
            at += length(low)
        return at

    def instructions(self, start, end):
        """(address, bits) from `start` on, one after the other, up to `end`."""
        while start < end and (bits := self.bits(start)) is not None:
            yield start, bits
            start += length(bits)

    def executable(self):
        """(start, end) of each executable segment, as far as the file has bytes for it."""
        return [(s["start"], s["start"] + len(s["data"])) for s in self._segments]

    def call_before(self, address):
        """Where the call goes that ends at an address, INDIRECT where a register says it; None: no call ends there."""
        bits = self.bits(address - 4)
        if bits is not None and (bits & _JAL_MASK == _JAL_RA or bits & _JALR_MASK == _JALR_RA):
            return self._target(address - 4, bits)
        low = self._parcel(address - 2)
        is_call = low is not None and low & _C_JALR_MASK == _C_JALR and low >> 7 & 31
        return INDIRECT if is_call else None

    def may_be_called_before(self, address, function):
        """Whether a call ends at an address that goes to a function, or where a register says."""
        return self.call_before(address) in (INDIRECT, function)

    def _target(self, address, bits):
        """Where an instruction may go, INDIRECT where a register says it; None: no jump and no branch."""
        row = row_of(bits)
        if row is None or "offset" not in row.fields and row.name != "jalr":
            return None
        if row.name != "jalr":
            return address + row.value("offset", bits)
        auipc = self.bits(address - 4)
        if auipc is None or auipc & 0x7F != _AUIPC or auipc >> 7 & 31 != bits >> 15 & 31:
            return INDIRECT
        upper, low = auipc & 0xFFFFF000, bits >> 20
        return address - 4 + (upper - (upper >> 31 << 32)) + (low - (low >> 11 << 12))

    def _parcel(self, address):
        for segment in self._segments:
            at = address - segment["start"]
            if 0 <= at < len(segment["data"]) - 1:
                return int.from_bytes(segment["data"][at : at + 2], "little")
        return None
