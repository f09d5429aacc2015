"""What the translator's process does about what it cannot translate."""

from emu.actor.translator import Work
from emu.isa.translator.machine_code import LinkError


def test_code_that_cannot_be_linked_stays_interpreted():
    """So it is on a host whose processor lacks an instruction, for which LLVM then calls a function."""

    class Refusing:
        def translate(self, *arguments):
            raise LinkError("translated code refers to something outside")

    work = Work.__new__(Work)
    work._translator = Refusing()
    work._translate(0x10000, None, 0)
