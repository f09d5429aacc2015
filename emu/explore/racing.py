"""Looking for data races in the schedules of a World: what happens in each goes through happens_before.Races.

    world.racing = Racing(world)      from now on every schedule is told to it, and a race is its failure, of kind RACE

Told are the events on shared words (world/events.py).  What a library does is taken to be right, and to synchronise:
each of its accesses to a shared word acquires and releases it.  So mutexes, barriers and joins order what they should,
and a race that a library makes on the program's behalf (memcpy) is not found.  The kernel's store at a thread's exit
releases the word that its joiner reads.
"""

from dataclasses import replace

from ..abi.syscall_numbers import NUMBERS
from ..errors import MachineError
from ..limits import SERVER
from ..server.errors import LinuxError
from ..server.guest_memory import UserMemory
from ..world.layout import CALL, TELL, WRITE
from ..world.strategies import random_walk
from .happens_before import ACQUIRES, ATOMIC, RELEASES, Access, Races, access_of, does_between
from .source import Source

RACE = "race"
LIBRARY = ATOMIC | ACQUIRES | RELEASES
BIRTHS = (NUMBERS["clone"], NUMBERS["clone3"])
EXIT = NUMBERS["exit"]
EXIT_WORDS = 1 << 41  # number of the schedule that finds them
_NOP = 0x13


class Racing:
    """`play` plays a schedule, and says of its Outcome that it raced where it did."""

    def __init__(self, world):
        self._world, self._source, self._kinds = world, Source(world.image["path"]), {}
        if not self._source.has_lines:
            raise MachineError(f"{world.program}: races are told by source lines: compile it with -g")
        self._memory = UserMemory(world.window, SERVER, world._task)
        self._find_exit_words()

    def _find_exit_words(self):
        """The kernel alone writes them, so profiles do not find them: they are shared from now on."""
        self.play(EXIT_WORDS, random_walk, (), None)
        self._world.share(sorted(self._exit_words - set(self._world.shared)))

    def play(self, number, strategy, plan, prepare):
        """The Outcome of a schedule."""
        world = self._world
        self._races, self._names, self._births, self._exit_words = Races(), {}, {}, set()
        before, world.tell = world.tell, self._event
        try:
            outcome = world.run(number, strategy, TELL, prepare, plan)
        finally:
            world.tell = before
        if not self._races.found:
            return outcome
        earlier, later = self._races.found[0]
        detail = f"{self._words(earlier)} and {self._words(later)}, in no order"
        return replace(outcome, kind=RACE, value=later.pc << 32 ^ earlier.pc, detail=detail)

    def _words(self, access):
        line = self._source.line_at(access.pc)
        verb = "writes" if access.does & WRITE else "reads"
        name = self._names[access.thread]
        return f"{name} {verb} {self._source.variable_at(access.at)} in {line.file}:{line.line}"

    def _event(self, i):
        """Thread i is about to do what its record says."""
        own, t = self._world.record["threads"][i], self._world.machine["threads"][i]
        kind, at, pc, me = int(own["kind"]), int(own["at"]), int(t["pc"]), self._identity(own)
        if t["clear_child_tid"]:
            self._exit_words.add(int(t["clear_child_tid"]) & ~7)
        if kind != CALL:
            does, size = self._does(pc)
            self._races.access(Access(me, pc, at, size, does))
        elif at in BIRTHS:
            self._births.setdefault(me, []).append(self._races.snapshot(me))
        elif at == EXIT and t["clear_child_tid"]:
            self._races.release(me, int(t["clear_child_tid"]))

    def _identity(self, own):
        """A thread's birth: indices are used again. Its first event finds what its creator had done by then."""
        me = int(own["born"])
        if me not in self._names:
            parent = int(own["parent"])
            self._names[me] = "main" if parent < 0 else f"thread {me - 1}"
            if parent >= 0:
                threads = self._world.record["threads"]
                creator = int(threads[parent]["born"])
                nr_threads = int(self._world.record["nr_threads"])
                born = threads["born"][:nr_threads][threads["parent"][:nr_threads] == parent]
                clocks = self._births.get(creator, [])
                n = int((born < me).sum())
                if clocks:
                    self._races.begin(me, clocks[min(n, len(clocks) - 1)])
        return me

    def _does(self, pc):
        """(what the instruction at a pc does, bytes): looked up once."""
        if pc not in self._kinds:
            before, word, after = (self._word(at) for at in (pc - 4, pc, pc + 4))
            if word & 3 != 3:
                after = self._word(pc + 2)
            does, size = access_of(word)
            own = self._source.line_at(pc) is not None
            self._kinds[pc] = (does_between(before, word, after) if own else does | LIBRARY), size or 8
        return self._kinds[pc]

    def _word(self, at):
        try:
            return int.from_bytes(self._memory.read(at, 4), "little")
        except LinuxError:
            return _NOP
