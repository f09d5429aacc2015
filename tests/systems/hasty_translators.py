"""Translators that are wrong, or pressed, on purpose: entries of the translator's process, for tests.

Each is `main` of a module as far as the machine knows: `use` has it start one of them instead of its own.
"""

from emu.actor import translator
from emu.isa.translator import translator as placing
from emu.machine import machine
from emu.machine.children import start_function

ROOM_BYTES = 3 << 10  # some regions' code
TRAP = b"\xcc"  # int3, of x86-64


def use(monkeypatch, name):
    """Machines that are started from now on have this translator."""
    start = machine.start

    def start_another(actor, module, *arguments):
        if module == "emu.actor.translator":
            return start_function(actor, _main, name, *arguments)
        return start(actor, module, *arguments)

    monkeypatch.setattr(machine, "start", start_another)


def _main(name, *arguments):
    {"narrow": narrow, "narrow-and-hasty": narrow_and_hasty, "failing": failing}[name]()
    translator.main(*arguments)


def narrow():
    """Its arena is full all the time, and made anew with code that ends whoever is in it."""
    _narrow(translator.Work._await_cpus)


def narrow_and_hasty():
    """Control: it does not wait until CPUs have left the code that it takes away."""
    _narrow(lambda self: True)


def failing():
    """Its first translation ends it, by an error of its own."""

    def fail(*arguments):
        raise RuntimeError("a translator that fails, on purpose")

    translator.Translator.translate = translator.Known.enter = fail


def _narrow(await_cpus):
    placing.ARENA_BYTES = ROOM_BYTES

    def await_and_clear(self):
        if not await_cpus(self):
            return False
        self._translator.arena[:ROOM_BYTES] = TRAP * ROOM_BYTES
        return True

    translator.Work._await_cpus = await_and_clear
