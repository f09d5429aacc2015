"""Translated code on the bare machine of tests/isa/harness.py, which has no windows: so it is `careful` code.

translating = Translating(bare)
translating.load(BASE, instructions)      guest code, as of now neither decoded nor translated
translating.translate(pc)                 what begins at pc is a region from now on
translating.forget()                      as at first
"""

from emu.isa.encode import assemble
from emu.isa.table import OP_REGION
from emu.isa.translator.regions import Page
from emu.isa.translator.translator import Translator
from emu.isa.words import OP_MASK
from emu.limits import PAGE_SIZE
from emu.shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT
from emu.shm.regions import TRANSLATE_ON
from tests.isa.harness import BASE, FRAMES


class Translating:
    def __init__(self, bare):
        self.bare, self.m = bare, bare.m
        self.translator = Translator(bare.window, careful=True)

    def forget(self):
        """No regions, and nothing decoded."""
        self.m["translating"] = TRANSLATE_ON  # so that the budget comes in slices
        self.m["nr_regions"] = self.m["arena_used"] = 0
        self.m["regions"]["code"][:16] = 0
        self.bare.forget()

    def load(self, address, *instructions):
        self.bare.load(address, assemble(*instructions))

    def fetch(self, page):
        """The Page at a guest address, of the flat map."""
        frame = (page - BASE) >> 12
        if not 0 <= frame < FRAMES:
            return None
        window = self.bare.window
        return Page(frame, bytes(window.memory(frame)), window.decoded(frame).tolist())

    def hold(self):
        """Frames of code are held by somebody, as those of a machine that runs."""
        words = self.m["frames"]["word"]
        held = words[:FRAMES] & FRAME_CODE != 0
        words[:FRAMES][held] |= 1 << FRAME_REFERENCES_SHIFT

    def translate(self, pc, targets=()):
        self.hold()
        return self.translator.translate(pc, self.fetch, targets=targets)

    def region(self, number=-1):
        """The record of a region, by default of the last one."""
        return self.m["regions"][number if number >= 0 else int(self.m["nr_regions"]) - 1]

    def word(self, pc):
        """The decoded word of a guest address."""
        return int(self.bare.window.decoded((pc - BASE) >> 12)[(pc & (PAGE_SIZE - 1)) >> 1])

    def is_entry(self, pc):
        """Whether a region is entered at a guest address that is alive."""
        word = self.word(pc)
        return word & OP_MASK == OP_REGION and self.m["regions"][word >> 32]["code"] > 0
