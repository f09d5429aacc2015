"""The system server: one process that executes everything the CPUs do not do in hot code.

A thread that needs the server sleeps meanwhile (it is served); its request comes through a ring in shared
memory (kernel/server_ring.py).  The server executes served system calls, loads
programs, delivers signals, reports traps, and reaps tasks (it is the machine's
garbage thread, alux-5).  It is one thread of plain Python: file tables and the
file system need no locks.  What must wait (a read from a terminal) is tried again
when the host descriptor is ready, so nobody is held up (inko-6).

An exception ends the call that it interrupts, or at most its task, and is counted (mishaps.py): nothing that a guest
asks can end the machine.

The supervisor speaks to it over one ROUTER socket (msgpack: [number, name, arguments…]).
"""

import gc
import os
import random
import resource
import sys
import time
import traceback

import zmq

from ..abi.errno import EFAULT, EFBIG, ENOSYS, EPIPE
from ..abi.signals import SIGKILL, SIGPIPE, SIGSEGV, SIGXFSZ, bit
from ..abi.syscall_numbers import name_of
from ..abi.words import signed
from ..actor.mail import Mail, address
from ..actor.prepare import prepare_actor
from ..hot.cache import CHECK
from ..kernel.failures import FAIL_CRASH
from ..kernel.ipi import INTERRUPTED, begin_park, end_park, owed, post, take_pending
from ..kernel.sched import hotplug
from ..kernel.server_ring import (
    FORKED,
    NOTHING,
    REQUEST_PROGRAM,
    REQUEST_SIGNAL,
    REQUEST_SYSCALL,
    REQUEST_TRAP,
    take_request,
)
from ..kernel.sleep import endings as sleeping
from ..kernel.sleep.heap import NEVER
from ..kernel.task.kernel_task import make_kernel_task
from ..kernel.task.kill_reasons import KILL_FAULT, KILL_INTERNAL
from ..kernel.task.siginfo import SI_KERNEL, SI_USER
from ..kernel.task.signals import post_signal, waits_for_thread
from ..kernel.thread.states import RESTART_CALL, RESTART_UNHANDLED
from ..limits import IPI_STOP, SERVER, SUPERVISOR
from ..shm.segment import Window
from . import served  # noqa: F401  (registers the handlers)
from .call import Call
from .calls import registry
from .calls.signal_masks import restore_mask
from .control import Control
from .credentials import CredentialTable
from .debugged import DebugRequests
from .errors import Blocked, LinuxError, NoResult
from .executed import Executed
from .guest_memory import PageStore, UserMemory
from .holding import HoldScope, ThreadEnds
from .memory_shortage import MemoryShortage
from .mishaps import Mishaps
from .notices import Notices
from .passing_traps import asks_pager, bring_page, is_over
from .signal_frames import deliver, sigreturn
from .tasks import Tasks
from .timers import TimerPool
from .traps import report_trap
from .vfs.programs import Programs
from .vfs.stream import HostStream, StreamNode
from .vfs.table import OpenFiles
from .view import MachineView
from .waiting import WaitingCalls

NR_SIGRETURN, NR_EXECVE = 139, 221
SP = 2
REQUESTS_PER_TURN = 64  # then the supervisor, host descriptors and deadlines have their turn
NOTICE_MS = 100  # between two tries to write lines that their reader has not taken
WORDS = {REQUEST_SIGNAL: "delivery of a signal", REQUEST_TRAP: "report of a trap", REQUEST_PROGRAM: "execve"}
NO_RESULT, WAITS = "no result", "waits"  # outcomes of a request that are no number


def main(config, descriptors, stdio):
    """Entry of the server process. `stdio` are the guest's standard descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # guests' files need host descriptors
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    mail = Mail(config["directory"], SERVER, window.machine)
    try:
        prepare_actor(window, SERVER, config["policy"])
        make_kernel_task(window.address, SERVER)
        for cpu in range(config["cpus"]):
            hotplug.bring_online(window.address, SERVER, cpu)
        server = Server(window, mail, config, [d and d.detach() for d in stdio])
        server.listen(config["directory"])
        gc.freeze()
        server.run()
    except Exception as error:
        if CHECK:
            traceback.print_exc()
        print(f"emu: the system server: {type(error).__name__}: {error}", file=sys.stderr)
        window.machine["failed_value"] = SERVER
        window.machine["failed"] = FAIL_CRASH
        mail.wake(post(window.address, SERVER, SUPERVISOR, IPI_STOP))
    finally:
        mail.close()


class Server(Control, DebugRequests, Tasks):
    def __init__(self, window, mail, config, stdio):
        self.window = window
        self.base = window.address
        self.me = SERVER
        self.machine = window.machine
        self.mail = mail
        self.streams = [None if d is None else StreamNode(d) for d in stdio]
        self.stdout = HostStream(self.streams[1]) if self.streams[1] else None
        self.notices = Notices(self.streams[2])
        self.mishaps = Mishaps(self.notices.say)
        self.random = random.Random(config["seed"])
        self.view = MachineView(self, config)
        self.store = PageStore(window, SERVER)
        self.tree = served.make_tree(self.view, self.store, config["mounts"])
        self.programs = Programs(self.tree)
        self.executed = Executed(config["directory"], bool(window.machine["profiling"]))
        self.open_files = OpenFiles(window, SERVER, self.view.realtime_ns, self.tree.allowance)
        self.servants, self.closing = set(), False  # jobs that end when no other is left, once the machine closes
        self.ended = 0  # 1 once the last task is gone
        self.files_left = (0, 0)  # at the end: files that guests left, pages of data in them
        self.tasks = {}  # task index -> TaskState
        self.names_of_ended = {}  # task index -> (pid, name), of those that may be zombies
        self.credentials = CredentialTable(lambda: set(self.machine["threads"]["credentials"].tolist()))
        self.timer_pool = TimerPool(self)
        self.shortage = MemoryShortage(self)
        self.unknown_calls = {}  # name -> count
        self.stopped = False
        self.poller = zmq.Poller()
        self.waiting = WaitingCalls(self.poller)
        self.control = None

    def close(self):
        """Give back what belongs to this process alone."""
        if self.control:
            self.control.close(0)
        for stream in filter(None, self.streams):
            stream.close()
        self.programs.close()

    # --- main loop -----------------------------------------------------------------

    def listen(self, directory):
        """From now on the supervisor may ask."""
        self.poller.register(self.mail.inbox, zmq.POLLIN)
        self.control = self.mail.context.socket(zmq.ROUTER)
        self.control.bind(address(directory, "control"))
        self.poller.register(self.control, zmq.POLLIN)

    def run(self):
        while not self.stopped:
            pending = take_pending(self.base, SERVER)
            if pending & IPI_STOP:
                return
            served_any = self._serve_all()
            if served_any or pending or begin_park(self.base, SERVER) == INTERRUPTED:
                self._attend(dict(self.poller.poll(0)))
            else:
                self._sleep()

    def _serve_all(self):
        """Serve what is in the ring, a turn's worth at most; True when anything was served."""
        for turn in range(REQUESTS_PER_TURN):
            request = take_request(self.base)
            self._close_orphans()
            if request == NOTHING:
                return turn > 0
            if request >= FORKED:
                self._adopt(request - FORKED)
            elif request > 0:
                self._serve(request - 1)
            else:
                self._reap(-request - 1)
            self._retry_changed()
            self._send_kicks()
        return True

    def _close_orphans(self):
        """Close the files that nobody refers to any more, whatever one of them does."""
        while True:
            try:
                return self.open_files.close_orphans()
            except Exception as error:
                self.mishaps.note("close", error)

    def _send_kicks(self):
        kicks = owed(self.base, SERVER)
        if kicks:
            self.mail.wake(kicks)

    def _sleep(self):
        """Parked: sleep until a wake-up, a request of the supervisor, a descriptor or a deadline."""
        ready = dict(self.poller.poll(self._patience_ms()))
        consumed = self.mail.inbox in ready and self.mail.take()
        if end_park(self.base, SERVER, int(consumed)):
            self.mail.sleep()
            end_park(self.base, SERVER, 1)
        self._attend(ready)

    def _attend(self, ready):
        self.machine["cpus"][SERVER]["on_behalf"] = 0
        if self.control in ready:
            self._answer_control()
        if self.waiting:
            self._retry(self.waiting.ready({d for d in ready if isinstance(d, int)}, self.machine["threads"]["sleep"]))
        self._retry_changed()  # an interrupt may have brought news: a thread is suspended now
        self._end_if_done()
        self.notices.flush()
        self._send_kicks()

    def _patience_ms(self):
        """How long to sleep at most, None: until something comes."""
        patience = self.waiting.timeout_ms()
        if self.notices.flush():
            return patience
        return NOTICE_MS if patience is None else min(patience, NOTICE_MS)

    # --- threads ---------------------------------------------------------------------

    def _serve(self, i):
        if not sleeping.begin_serving(self.base, SERVER, i):
            return  # woken by a kill meanwhile
        thread = self.machine["threads"][i]
        self.machine["cpus"][SERVER]["on_behalf"] = i + 1  # whom it wakes from here on has been woken by this thread
        request, begin_ns = int(thread["request"]), time.monotonic_ns()
        try:
            if request == REQUEST_SYSCALL:
                outcome = self._system_call(i, thread)
            elif request == REQUEST_SIGNAL:
                outcome = self._signal(i, thread)
            elif request == REQUEST_PROGRAM:
                outcome = self._try(i, Call(self, i, thread, NR_EXECVE))
            else:
                outcome = self._trap(i, thread)
        except Exception as error:
            what = name_of(int(thread["x"][17])) if request == REQUEST_SYSCALL else WORDS[request]
            outcome = self._give_up(thread, what, error)
        self._finish(i, outcome, begin_ns)

    def _give_up(self, thread, what, error):
        """End the task of a request that emu failed to serve and that has no result to fail with."""
        self.mishaps.note(what, error)
        self.end_task(int(thread["task"]), SIGKILL, KILL_INTERNAL)
        return NO_RESULT

    def _finish(self, i, outcome, begin_ns):
        """Let the thread go on with a result, with its registers as they are, or not yet.

        What the server did for it since `begin_ns` is its system time.
        """
        if outcome is not WAITS:  # else it may have been woken already, and have left
            thread, taken_ns = self.machine["threads"][i], time.monotonic_ns() - begin_ns
            thread["system_ns"] += taken_ns
            thread["served_ns"] += taken_ns
        if outcome is NO_RESULT:
            sleeping.finish_without_result(self.base, SERVER, i)
        elif outcome is not WAITS:
            outcome &= (1 << 64) - 1
            sleeping.finish_serving(self.base, SERVER, i, outcome - ((outcome >> 63) << 64))

    def _system_call(self, i, thread):
        number = int(thread["x"][17])
        if number == NR_SIGRETURN:
            try:
                status = sigreturn(self, i, thread, self.machine["tasks"][int(thread["task"])])
                if status is not None:
                    self.end_task(int(thread["task"]), status)
            except LinuxError:
                thread["fault_signal"], thread["fault_code"], thread["fault_address"] = SIGSEGV, SI_KERNEL, 0
            return NO_RESULT
        if registry.handler_of(number) is None:
            name = name_of(number)
            self.unknown_calls[name] = self.unknown_calls.get(name, 0) + 1
            return -ENOSYS
        return self._try(i, Call(self, i, thread))

    def _try(self, i, call):
        """Execute a call, its task held; its outcome. When it has to wait, it is remembered."""
        try:
            call.take_credentials()
            self.open_files.caller = i
            self.machine["cpus"][SERVER]["missing"] = 0
            with HoldScope(self.window, SERVER, i) as call.scope:
                result = registry.execute(call)
        except (ThreadEnds, NoResult):
            return NO_RESULT
        except Blocked as blocked:
            self.waiting.add(i, self._sleep_on(i, blocked), call, blocked)
            if waits_for_thread(self.base, i):  # a signal came before the sleep (cz-4)
                sleeping.interrupt(self.base, SERVER, i)
            return WAITS
        except Exception as error:
            return -self.mishaps.note(name_of(call.number), error)
        finally:
            self.open_files.caller = None
            self.open_files.give_back()
        if result == -EFAULT and asks_pager(self, call.thread):
            return NO_RESULT
        restore_mask(self, i, call.thread)
        if result == -EPIPE and not call.no_signal:
            post_signal(self.base, SERVER, i, SIGPIPE, SI_USER, call.task.pid | call.credentials.uid << 32)
        if call.exceeds_file_limit and result == -EFBIG:
            post_signal(self.base, SERVER, i, SIGXFSZ, SI_USER, call.task.pid | call.credentials.uid << 32)
        return result

    def _sleep_on(self, i, blocked):
        """The word of the sleep in which thread i waits as a Blocked says."""
        restart = RESTART_CALL if blocked.restarts else RESTART_UNHANDLED
        deadline_ns = min(blocked.deadline_ns or 0, NEVER)
        how = restart if blocked.interruptible else 0
        return sleeping.serve_later(self.base, SERVER, i, how, deadline_ns, blocked.done)

    def _retry(self, threads):
        """Make waiting calls again; those whose sleep is over are forgotten. True when something has changed by it."""
        progress = False
        for i in threads:
            waiting = self.waiting.pop(i)
            asleep = int(self.machine["threads"][i]["sleep"]) == waiting.word
            if asleep and sleeping.begin_serving(self.base, SERVER, i):
                begin_ns = time.monotonic_ns()
                outcome = self._try(i, waiting.call)
                self._finish(i, outcome, begin_ns)
                progress |= outcome is not WAITS or waiting.on is not None and waiting.on.changes != waiting.seen
                if outcome is WAITS:
                    continue
            waiting.call.abandon()
        return progress

    def _retry_changed(self):
        """Make calls that wait for other calls again, until none gets further: each may be what another waits for."""
        self._publish()
        while self.waiting and self._retry(self.waiting.changed()):
            self._publish()

    def _publish(self):
        """Tell epoll sets what is new of the server's own files."""
        watched = self.open_files.watched
        watched.publish()
        self.waiting.watch_streams(watched.streams)

    # --- signals and traps -----------------------------------------------------------------

    def _signal(self, i, thread):
        task = int(thread["task"])
        status = deliver(self, i, thread, self.machine["tasks"][task])
        if status is not None:
            self.end_task(task, status)
        return NO_RESULT

    def bring_page(self, task, va):
        """See that the page of a file that a task has mapped at an address is in memory; whether it is."""
        return bring_page(self, task, va)

    def _trap(self, i, thread):
        if is_over(self, i, thread):
            return NO_RESULT  # the access begins anew
        number, code, address, line = report_trap(self, i, thread)
        task = self.machine["tasks"][int(thread["task"])]
        handler = int(task["handler"][number - 1])
        blocked = int(thread["signal_mask"]) & bit(number)
        if handler in (0, 1) or blocked:
            self.tell_person(int(thread["task"]), line)
            self.end_task(int(thread["task"]), number, KILL_FAULT)
        else:
            thread["fault_signal"], thread["fault_code"], thread["fault_address"] = number, code, signed(address)
        return NO_RESULT

    def tell_person(self, task, why):
        """One line on the standard error stream about what ends a task."""
        program = self.tasks[task].argv[0]
        self.notices.say(f"emu: {os.fsdecode(program)}: {why}")

    def print(self, data):
        """Guests' `emu_print`: to the machine's standard output; how much it took. Blocked, LinuxError."""
        return self.stdout.write(data) if self.stdout else len(data)

    def memory(self, thread):
        return UserMemory(self.window, SERVER, int(thread["task"]))
