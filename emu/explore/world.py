"""A world: one process that plays a whole machine, again and again from one snapshot.

    world = World("./a.out", ["3"])       runs up to the program's second thread, and takes the snapshot there
    world.profile(4)                      finds the shared words
    outcome = world.run(number)           one schedule; the same number does the same, bit for bit

The machine's memory is mapped privately, so the end of a schedule drops what it has stored, and the snapshot is back.
This process plays the CPU (hot code: emu/world/), and when that has to wait, the timekeeper and the system server.
Time is virtual: it passes with events, and when nothing else can happen it goes to the next deadline.

The system server's Python objects would not come back with the memory.  So a schedule that needs the server goes on in
a fork of this process, which ends with it; what most programs do needs none (world/calls.py).
"""

import mmap
import os
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np

from ..actor.policies import install
from ..actor.prepare import prepare_actor
from ..cpu_worker import loop
from ..errors import MachineError
from ..hot import registered
from ..isa.interpreter.interpret import interpret
from ..kernel.ipi import PARKED, end_park, owed
from ..kernel.linux.calls import linux_call
from ..kernel.sched.hotplug import bring_online
from ..kernel.sleep.heap import NEVER
from ..kernel.task.kernel_task import make_kernel_task
from ..kernel.timekeeper import KICK, keep
from ..limits import SERVER, SUPERVISOR, TIMEKEEPER
from ..machine.config import Config
from ..machine.filling import fill
from ..machine.loader import read_program
from ..machine.warmup import ensure_warm
from ..server.errors import LinuxError
from ..server.guest_memory import UserMemory
from ..server.process import Server
from ..shm.clock import VIRTUAL
from ..shm.segment import Window
from ..world import calls, events, order
from ..world.chance import first_state
from ..world.deciding import list_clock
from ..world.layout import (
    ABORTED,
    AT_EVENT,
    BOOT,
    ENDED,
    EXPLORE,
    FAILED_CHECK,
    GIVEN_UP,
    GOES_ON,
    IDLES,
    PAGE_ENTRIES,
    PROFILE,
    TOO_LONG,
    TOO_MANY,
    WORLD,
)
from ..world.shared import forget_uses, share_word
from ..world.weak import begin_weak
from ..world.weak_records import RVWMO, SC, TSO, WEAK
from .decoded import keep_decoded
from .outcome import BROKEN, CUT_SHORT, DEADLOCK, EXITED, FAILED, KILLED, LIVELOCK, Outcome
from .serving import Serving

MODELS = ("sc", "tso", "rvwmo")  # in the order of WEAK.model
STRATEGIES = ("random_walk", "pct", "pos", "surw", "delay", "planned")  # files of world/strategies
MEMORY = "256M"
MARK = b".emu_explore"  # the section that a program has which calls emu_explore_begin (guests/emu_explore.h)
START_NS = 1_000_000_000  # the virtual time at boot
MAX_STEPS = 100_000
MAX_TICKS = 200  # of 100,000 instructions
MOST_IDLE_SPINS = 100


def ensure_compiled():
    """The compile cache has the kernel and what worlds need beside it; says so where that takes a while."""
    ensure_warm()
    for name in STRATEGIES:
        import_module(f"emu.world.strategies.{name}")
    missing = [each for each in registered() if each.name.startswith("emu.world.") and not each.is_stored]
    if missing:
        print("emu: compiling the explorer (once)…", file=sys.stderr, flush=True)
        for each in missing:
            each.compile()


class ExploreError(MachineError):
    """A program that cannot be explored: one line."""


class _NoMail:
    """The system server's mail where nobody else is."""

    directory = None

    def wake(self, kicks):
        pass


class World(Serving):
    """`program` and its arguments; `seed` is that of all chance in all schedules; `memory` is one of MODELS.
    A time-out may end before anything else happens; if `patient`, only when nothing else can.  With `priorities`
    threads run by their real-time priorities (world/priorities.py).

    ExploreError, MachineError.
    """

    def __init__(
        self,
        program,
        arguments=(),
        environment=None,
        seed=0,
        max_steps=MAX_STEPS,
        memory=MODELS[0],
        patient=False,
        priorities=False,
    ):
        self.program, self.seed, self.max_steps = program, seed, max_steps
        self.image = read_program(program)
        ensure_compiled()
        self._memory = np.frombuffer(mmap.mmap(-1, WORLD.size), np.uint8)  # in common with forks of this process
        self.record = self._memory.view(WORLD.dtype)[0]
        self.address = self._memory.ctypes.data
        config = Config.make(1, "random", seed, memory=MEMORY, pin=False, poll_ns=0, translator="off")
        self.window = Window.create(config.memory_bytes)
        self._weak = np.frombuffer(mmap.mmap(-1, WEAK.size), np.uint8)
        self.weak = self._weak.view(WEAK.dtype)[0]
        self._patient = patient
        self.record["by_priority"] = int(priorities)
        self.memory, self._model = memory, MODELS.index(memory)
        self.shared = []  # addresses of the shared words
        self._output = os.memfd_create("emu-output")
        self.racing = None  # a racing.Racing that is told all schedules
        self.tell = None  # called with the index of a thread before each event of it, in TELL mode
        try:
            self._is_fork = False
            self._prepare(replace(config, parameters=(self.address,)))
            self._boot([os.fsencode(str(a)) for a in (program, *arguments)], environment or {})
        except BaseException:
            self.close()
            raise

    def close(self):
        """Give everything back."""
        if self.window is not None:
            self.machine = self.record = self.weak = self._cpu = self._keeper = self._servant = None
            self.window.destroy()
            self.window = None
            os.close(self._output)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # --- up to the snapshot -----------------------------------------------------------------------

    def _prepare(self, config):
        """The machine as at boot, with this process as all of its actors."""
        window = self.window
        self.base, self.machine = window.address, window.machine
        fill(self.machine, config)
        self.machine["clock_rate"], self.machine["clock_start_ns"] = VIRTUAL, START_NS
        self.machine["made_ns"] = self.machine["boot_ns"] = START_NS
        self.machine["keeper_spin_ns"] = 0  # it need not poll for a time that stands still
        for actor in (0, SUPERVISOR, SERVER, TIMEKEEPER):
            install(prepare_actor(window, actor, config.policy), order)
        self._cpu, self._servant, self._keeper = (self.machine["cpus"][k] for k in (0, SERVER, TIMEKEEPER))
        self._cpu["interpret"] = events.interpret.address
        self._cpu["fault"] = events.fault.address
        self._cpu["linux_call"] = calls.linux_call.address
        self.record["interpret"], self.record["linux_call"] = interpret.address, linux_call.address
        self.record["chosen"] = self.record["running"] = -1
        self.record["has_mark"] = MARK in Path(os.fsdecode(self.image["path"])).read_bytes()
        self.record["weak"] = self._weak.ctypes.data if self._model != SC else 0
        make_kernel_task(self.base, SERVER)
        bring_online(self.base, SERVER, 0)
        settings = {"directory": "", "seed": config.seed, "memory_bytes": config.memory_bytes, "mounts": ()}
        with open(os.devnull, "rb") as nothing:
            self.server = Server(window, _NoMail(), settings, [nothing.fileno(), self._output, self._output])

    def _boot(self, argv, environment):
        """Run the program up to the mark, and take the snapshot."""
        variables = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        self.server.spawn(self.image, argv, variables)
        self.record["mode"] = BOOT
        loop.start(self.base, 0)
        self._park(self._servant)
        left = self._play()
        if left is not None:
            where = "came to emu_explore_begin" if self.record["has_mark"] else "made a second thread"
            raise ExploreError(f"{self.program}: it ended before it {where}: {left[0]} {left[1]} {left[2]}".rstrip())
        self.record["left"] = GOES_ON
        self._keep_time()  # it sleeps now, and is told of new deadlines
        self._offer_time()
        self.first_output = os.pread(self._output, 1 << 20, 0)
        for part in ("read_tlb", "write_tlb", "fetch_tlb"):
            self._cpu[part] = -1
        self._cpu["nr_filled"] = 0
        self._task = int(self.machine["threads"][int(self._cpu["current"])]["task"])
        self.window.seal()
        self._head = self._head_bytes().copy()
        self._threads = self.record["threads"][: int(self.record["nr_threads"])].copy()

    def _head_bytes(self):
        """The world's words that a schedule begins with: those before its arrays, and which threads wait."""
        return self._memory[WORLD.offset("mode") : WORLD.offset("switches")]

    # --- one schedule -------------------------------------------------------------------------------

    def run(self, number, strategy, mode=EXPLORE, prepare=None, plan=(), logging=False):
        """Play the schedule of this number by a strategy (a module of world/strategies); its Outcome.

        `prepare` is called with the world's record before it begins; `plan` is what strategies/planned.py repeats.
        """
        if self.racing and mode == EXPLORE and not logging:
            return self.racing.play(number, strategy, plan, prepare)
        w = self.record
        self._reset(number, strategy, mode)
        w["logging"], w["nr_planned"] = logging, len(plan)
        if prepare:
            prepare(w)
        for n, switch in enumerate(plan):
            w["plan"][n] = switch
        return self._outcome(self._play())

    def _reset(self, number, strategy, mode):
        w = self.record
        self.window.restore()
        self._head_bytes()[:] = self._head
        w["threads"][: len(self._threads)] = self._threads
        w["mode"], w["max_steps"], w["max_ticks"] = mode, self.max_steps, MAX_TICKS
        w["choose"] = strategy.choose.address
        w["random"] = first_state(self.seed, number)
        if self._model != SC:
            begin_weak(self.address, self._model, first_state(self.seed + 1, number), self._task)

    def _play(self):
        """Play the machine until the schedule ends: None where WORLD.left says why, else (kind, value, detail)."""
        w, idle_spins = self.record, 0
        while True:
            doing = loop.run(self.base, 0)
            owed(self.base, 0)
            left = int(w["left"])
            if w["is_time_due"]:
                w["is_time_due"] = 0
                self._pass_time()
            if left == IDLES:
                w["left"] = GOES_ON
                idle_spins += 1
                if idle_spins > MOST_IDLE_SPINS:
                    return LIVELOCK, idle_spins, "a thread spins, and no other can run"
                self._pass_time()
            elif left == AT_EVENT:
                w["left"] = GOES_ON
                self.tell(int(w["left_thread"]))
            elif left != GOES_ON:
                return None
            elif doing == loop.FAILED:
                return BROKEN, int(self.machine["failed"]), "the kernel has failed a check of its own"
            elif doing == loop.EXITED:
                return BROKEN, 0, "the scheduler has exited"
            else:
                if doing == loop.PARK:
                    end_park(self.base, 0, 0)
                ended = self._attend(doing == loop.PARK)
                if ended is not None:
                    return ended

    def _attend(self, parked):
        """Do what the others of a machine would do now; (kind, value, detail) where that is the end."""
        if self.machine["server_head"] != self.machine["server_tail"]:
            return self._serve()
        if self._keeper["pending"]:
            self._keep_time()
        elif parked and not self._pass_time():
            return DEADLOCK, 0, "no thread can go on"
        return None

    @staticmethod
    def _park(actor):
        """Whoever interrupts this actor owes it a message, and so this process is asked."""
        actor["parked"] = PARKED
        actor["pending"] = 0

    def _keep_time(self):
        """The timekeeper's turns: take messages, end the sleeps whose time has come."""
        self._keeper["parked"] = self._keeper["pending"] = 0
        while keep(self.base, TIMEKEEPER) == KICK:
            owed(self.base, TIMEKEEPER)
        owed(self.base, TIMEKEEPER)
        if self.record["mode"] != BOOT:
            self._offer_time()

    def _offer_time(self):
        """Time may go to the next deadline, if there is one."""
        if not self._patient:
            list_clock(self.address, int(self.machine["sleeps_until_ns"] < NEVER))

    def _pass_time(self):
        """Time goes to the next deadline that has not come yet, unless one has ended a sleep; False: there is none."""
        self._keep_time()
        if self.machine["queues"][0]["nr_runnable"]:
            return True
        deadline_ns = int(self.machine["sleeps_until_ns"])
        if deadline_ns >= NEVER:
            return False
        self.machine["clock_start_ns"] = max(deadline_ns, int(self.machine["clock_start_ns"]))
        self._keep_time()
        return True

    # --- what became of it ------------------------------------------------------------------------------

    def _ended_by_itself(self):
        """(kind, value, detail) by what WORLD.left says."""
        w = self.record
        left, value = int(w["left"]), int(w["left_value"])
        if left == ENDED:
            return EXITED, value, ""
        if left == ABORTED:
            return KILLED, value, "abort"
        if left == FAILED_CHECK:
            return FAILED, value, self._text(value)
        if left == TOO_LONG:
            return (
                LIVELOCK,
                value,
                f"it did not end within {self.max_steps:,} events and {MAX_TICKS / 10:g} million instructions",
            )
        if left == GIVEN_UP:
            return CUT_SHORT, 0, ""
        if left == TOO_MANY:
            return BROKEN, value, f"more than {value} threads that could run"
        raise AssertionError(left)

    def _text(self, address):
        """A C string of the program's memory."""
        try:
            return UserMemory(self.window, SERVER, self._task).string(address).decode(errors="replace")
        except LinuxError:
            return "?"

    def _outcome(self, ended):
        w = self.record
        kind, value, detail = ended or self._ended_by_itself()
        thread = -1 if kind == DEADLOCK else int(w["left_thread"])
        output = w["output"][: int(w["nr_output"])].tobytes()
        recorded = w["switches"][: int(w["nr_switches"])].copy()
        return Outcome(
            kind, value, thread, int(w["step"]), int(w["digest"]), int(w["preemptions"]), detail,
            output, recorded,
        )  # fmt: skip

    # --- profiles (profiles.py) ---------------------------------------------------------------------------

    def look(self, number, strategy):
        """A schedule in which every access is looked at: which words are shared."""
        forget_uses(self.address)
        self.run(number, strategy, PROFILE)
        keep_decoded(self.window)

    def share_found(self):
        """What `look` has found to be shared is so from now on."""
        words = self.record["words"]
        self.share(at - 1 for at in sorted(words["at"][words["shared"] == 1].tolist()))

    def share_only(self, addresses):
        """The words at these addresses are shared, and no others any more."""
        self.record["pages"] = np.zeros((), self.record["pages"].dtype)
        self.record["nr_pages"] = 0
        self.shared.clear()
        self.share(addresses)

    def share(self, addresses):
        """The words at these addresses are shared from now on."""
        for at in addresses:
            if not share_word(self.address, at):
                raise ExploreError(f"{self.program}: shared words on more than {PAGE_ENTRIES // 2} pages")
            self.shared.append(at)

    def log(self):
        """The decisions of the last schedule, if it was logged."""
        return self.record["log"][: int(self.record["nr_logged"])].copy()

    def parents(self):
        """Of each thread of the last schedule, by index, that which made it, -1 none."""
        return self.record["threads"]["parent"][: int(self.record["nr_threads"])].tolist()


assert tuple(range(len(MODELS))) == (SC, TSO, RVWMO)
