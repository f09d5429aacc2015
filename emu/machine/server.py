"""The system server: one process that executes everything the CPUs do not do in hot code.

A thread that needs it sleeps meanwhile; its request comes through a ring in shared
memory (kernel/server_ring.py).  The server executes served system calls, loads
programs, delivers signals, reports traps, and reaps tasks (it is the machine's
garbage thread, alux-5).  It is one thread of plain Python: file tables and the
file system need no locks.  What must wait (a read from a terminal) is tried again
when the host descriptor is ready, so nobody is held up (inko-6).

The supervisor speaks to it over one ROUTER socket (msgpack: [name, arguments…]).
"""

import gc
import os
import random
import time
import traceback

import msgpack
import zmq

from ..cpu_worker.lifeline import tie_to_supervisor
from ..cpu_worker.mail import Mail, address
from ..cpu_worker.process import prepare_actor
from ..kernel import hotplug, references, sched, sleeping
from ..kernel import task as tasks
from ..kernel.failures import FAIL_CRASH
from ..kernel.handles import tid as tid_of_thread
from ..kernel.holding import HoldScope, ThreadEnds
from ..kernel.ipi import INTERRUPTED, begin_park, end_park, owed, post, take_pending
from ..kernel.kill_reasons import KILL_ASKED, KILL_FAULT, KILL_SIGNAL
from ..kernel.server_ring import NOTHING, REQUEST_SIGNAL, REQUEST_SYSCALL, take_request
from ..kernel.signals import IGNORED_BY_DEFAULT, SIGPIPE, bit, post_signal, waits_for_thread
from ..kernel.suspend import ask_resume, ask_suspend
from ..kernel.syscalls.linux import registry
from ..kernel.syscalls.linux.errors import ENOSYS, EPIPE, Blocked, LinuxError
from ..kernel.syscalls.linux.numbers import name_of
from ..kernel.thread import create_thread
from ..limits import IPI_RESCHEDULE, IPI_STOP, SERVER, SUPERVISOR
from ..shm.segment import Window
from . import served  # noqa: F401  (registers the handlers)
from .call import Call, MachineView, TaskState
from .guest_memory import PageStore, UserMemory
from .placing import PlacingError, place_program
from .signal_frames import deliver, sigreturn
from .traps import report_trap

NR_SIGRETURN = 139
SP = 2


def main(config, descriptors, stdio):
    """Entry of the server process. `stdio` are the guest's standard descriptors."""
    tie_to_supervisor()
    window = Window(config["address"], config["memory_bytes"], [d.detach() for d in descriptors])
    mail = Mail(config["directory"], SERVER, window.machine)
    try:
        prepare_actor(window, SERVER, config["policy"])
        for cpu in range(config["cpus"]):
            hotplug.bring_online(window.address, SERVER, cpu)
        server = Server(window, mail, config, [d.detach() for d in stdio])
        gc.freeze()
        server.run()
    except Exception:
        traceback.print_exc()
        window.machine["failed_value"] = SERVER
        window.machine["failed"] = FAIL_CRASH
        mail.wake(post(window.address, SERVER, SUPERVISOR, IPI_STOP))
    finally:
        mail.close()


class Server:
    def __init__(self, window, mail, config, stdio):
        self.window = window
        self.base = window.address
        self.me = SERVER
        self.machine = window.machine
        self.mail = mail
        self.stdio = stdio
        self.random = random.Random(config["seed"])
        self.view = MachineView(self, config)
        self.store = PageStore(window, SERVER)
        self.tree = served.make_tree(self.view, self.store, config["mounts"])
        self.tasks = {}  # task index -> TaskState
        self.waiting = {}  # thread index -> (sleep word, Call, Blocked)
        self.unknown_calls = {}  # name -> count
        self.fault_codes = {}  # thread index -> (si_code, address)
        self.suspended_masks = {}  # thread index -> mask to restore
        self.waited_signals = {}  # thread index -> mask of rt_sigtimedwait
        self.timedwait_info = {}  # thread index -> its siginfo address
        self.stopped = False
        self.poller = zmq.Poller()
        self.poller.register(mail.inbox, zmq.POLLIN)
        self.control = mail.context.socket(zmq.ROUTER)
        self.control.bind(address(config["directory"], "control"))
        self.poller.register(self.control, zmq.POLLIN)

    # --- main loop -----------------------------------------------------------------

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
        """Serve until the ring is empty; True when anything was served."""
        served_any = False
        while (request := take_request(self.base)) != NOTHING:
            served_any = True
            if request > 0:
                self._serve(request - 1)
            else:
                self._reap(-request - 1)
            if self.waiting:
                self._retry_changed()
            self._send_kicks()
        return served_any

    def _send_kicks(self):
        kicks = owed(self.base, SERVER)
        if kicks:
            self.mail.wake(kicks)

    def _sleep(self):
        """Parked: sleep until a wake-up, a request of the supervisor, a descriptor or a deadline."""
        ready = dict(self.poller.poll(self._timeout_ms()))
        consumed = self.mail.inbox in ready and self.mail.take()
        if end_park(self.base, SERVER, int(consumed)):
            self.mail.sleep()
            end_park(self.base, SERVER, 1)
        self._attend(ready)

    def _attend(self, ready):
        if self.control in ready:
            self._answer_control()
        if self.waiting:
            self._retry_ready({d for d in ready if isinstance(d, int)})
            self._retry_changed()  # an interrupt may have brought news: a thread is suspended now
        self._send_kicks()

    def _timeout_ms(self):
        deadlines = [b.deadline_ns for _, _, b in self.waiting.values() if b.deadline_ns is not None]
        if not deadlines:
            return None
        return max(0, -(-(min(deadlines) - time.monotonic_ns()) // 1_000_000))

    # --- threads ---------------------------------------------------------------------

    def _serve(self, i):
        if not sleeping.begin_serving(self.base, SERVER, i):
            return  # woken by a kill meanwhile
        thread = self.machine["threads"][i]
        request = int(thread["request"])
        if request == REQUEST_SYSCALL:
            self._system_call(i, thread)
        elif request == REQUEST_SIGNAL:
            self._signal(i, thread)
        else:
            self._trap(i, thread)

    def _system_call(self, i, thread):
        number = int(thread["x"][17])
        if number == NR_SIGRETURN:
            try:
                sigreturn(self, thread)
            except LinuxError:
                self.end_task(int(thread["task"]), 11)
            sleeping.finish_without_result(self.base, SERVER, i)
            return
        if registry.handler_of(number) is None:
            name = name_of(number)
            self.unknown_calls[name] = self.unknown_calls.get(name, 0) + 1
            sleeping.finish_serving(self.base, SERVER, i, -ENOSYS)
            return
        self._try(i, Call(self, i, thread))

    def _try(self, i, call):
        """Execute a call, its task held; when it has to wait, remember it."""
        try:
            with HoldScope(self.window, SERVER, i) as call.scope:
                result = registry.execute(call)
        except ThreadEnds:
            sleeping.finish_without_result(self.base, SERVER, i)
            return
        except Blocked as blocked:
            word = sleeping.serve_later(self.base, SERVER, i)
            self.waiting[i] = (word, call, blocked)
            self._watch(blocked, True)
            if waits_for_thread(self.base, i):  # a signal came before the sleep (cz-4)
                sleeping.interrupt(self.base, SERVER, i)
            return
        if result == -EPIPE:
            post_signal(self.base, SERVER, i, SIGPIPE)
        result &= (1 << 64) - 1
        sleeping.finish_serving(self.base, SERVER, i, result - ((result >> 63) << 64))

    def _watch(self, blocked, on):
        descriptor = blocked.descriptor
        if descriptor is None:
            return
        if on:
            self.poller.register(descriptor, zmq.POLLOUT if blocked.writing else zmq.POLLIN)
        elif not any(b.descriptor == descriptor for _, _, b in self.waiting.values()):
            self.poller.unregister(descriptor)

    def _retry(self, i):
        word, call, blocked = self.waiting.pop(i)
        self._watch(blocked, False)
        if int(self.machine["threads"][i]["sleep"]) == word and sleeping.begin_serving(
            self.base, SERVER, i
        ):
            self._try(i, call)

    def _retry_ready(self, descriptors):
        """Calls whose descriptor is ready or whose deadline has come; forget interrupted ones."""
        now = time.monotonic_ns()
        for i, (word, _, blocked) in list(self.waiting.items()):
            late = blocked.deadline_ns is not None and now >= blocked.deadline_ns
            gone = int(self.machine["threads"][i]["sleep"]) != word
            if late or gone or blocked.descriptor in descriptors:
                self._retry(i)

    def _retry_changed(self):
        """Something was served: calls that wait for no host descriptor may go on."""
        for i, (_, _, blocked) in list(self.waiting.items()):
            if blocked.descriptor is None:
                self._retry(i)

    # --- signals and traps -----------------------------------------------------------------

    def _signal(self, i, thread):
        task = int(thread["task"])
        status = deliver(self, i, thread, self.machine["tasks"][task])
        if status is not None:
            self.end_task(task, status)
        sleeping.finish_without_result(self.base, SERVER, i)

    def _trap(self, i, thread):
        number, code, line = report_trap(self, i, thread)
        task = self.machine["tasks"][int(thread["task"])]
        handler = int(task["handler"][number - 1])
        blocked = int(thread["signal_mask"]) & bit(number)
        if handler in (0, 1) or blocked:
            os.write(self.stdio[2], f"{line}\n".encode())
            self.end_task(int(thread["task"]), number, KILL_FAULT)
        else:
            thread["fault_signal"] = number
            self.fault_codes[i] = (code, int(thread["trap_value"]))
        sleeping.finish_without_result(self.base, SERVER, i)

    def ignored(self, i, number):
        """True when a signal's default is to be ignored."""
        return bool(IGNORED_BY_DEFAULT & bit(number))

    def set_action_masks(self, task):
        """Keep the masks that hot code looks at in step with the table of handlers."""
        handled = ignored = 0
        for k, handler in enumerate(task["handler"]):
            if handler == 1:
                ignored |= bit(k + 1)
            elif handler != 0:
                handled |= bit(k + 1)
        task["handled"], task["ignored"] = handled, ignored

    def print(self, data):
        """Guests' `emu_print`: to the machine's standard output."""
        os.write(self.stdio[1], data)

    def memory(self, thread):
        return UserMemory(self.window, SERVER, int(thread["task"]))

    # --- tasks --------------------------------------------------------------------------------

    def end_task(self, task, wait_status, reason=KILL_SIGNAL):
        handle = task | (int(self.machine["tasks"][task]["generation"]) << 32)
        tasks.kill_task(self.base, SERVER, handle, wait_status, reason)

    def spawn(self, program, argv, environment):
        """Make a task of a program; the job's index. PlacingError when there is no room."""
        task = tasks.create_task(self.base, SERVER)
        if task < 0:
            raise PlacingError(f"no room for another task (limit or memory; error {-task})")
        job = int(self.machine["tasks"][task]["job"])
        try:
            random_bytes = self.random.randbytes(16)
            pc, sp = place_program(self.window, SERVER, task, program, argv, environment, random_bytes)
            i = create_thread(self.base, SERVER, task)
            if i < 0:
                raise PlacingError("no thread record is free")
        except PlacingError:
            tasks.reap_task(self.base, SERVER, task)
            raise
        record, thread = self.machine["tasks"][task], self.machine["threads"][i]
        record["leader"] = i | (int(thread["generation"]) << 32)
        record["pid"] = tid_of_thread(self.base, i)
        thread["pc"], thread["x"][SP] = pc, sp
        self.tasks[task] = TaskState(int(record["pid"]), argv, self.stdio)
        self.view.set_name(int(record["pid"]), self.tasks[task].name)
        sched.start(self.base, SERVER, i)
        references.release(self.base, SERVER, task)
        return job

    def _reap(self, task):
        state = self.tasks.pop(task, None)
        if state:
            state.release()
        tasks.reap_task(self.base, SERVER, task)
        self.mail.wake(post(self.base, SERVER, SUPERVISOR, IPI_RESCHEDULE))

    # --- the supervisor's requests ---------------------------------------------------------

    def _answer_control(self):
        while True:
            try:
                sender, payload = self.control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            name, *arguments = msgpack.unpackb(payload, strict_map_key=False)
            try:
                reply = {"result": getattr(self, f"do_{name}")(*arguments)}
            except PlacingError as error:
                reply = {"error": str(error)}
            self._send_kicks()
            self.control.send_multipart([sender, msgpack.packb(reply)])

    def do_spawn(self, program, argv, environment):
        return self.spawn(program, [bytes(a) for a in argv], environment)

    def do_close(self):
        """The machine ends when its last task does."""
        return tasks.close_machine(self.base, SERVER)

    def do_kill(self, wait_status, job, reason=KILL_ASKED):
        """End one job's task, or with job -1 every task."""
        killed = 0
        for index in range(int(self.machine["nr_jobs"])):
            record = self.machine["jobs"][index]
            if job in (-1, index) and not record["done"]:
                killed += tasks.kill_task(self.base, SERVER, int(record["task"]), wait_status, reason)
        return killed

    def do_activate(self, cpu):
        return hotplug.activate(self.base, SERVER, cpu)

    def do_offline(self, cpu):
        return hotplug.take_offline(self.base, SERVER, cpu)

    def do_suspend(self, handle, tell):
        return ask_suspend(self.base, SERVER, handle, tell)

    def do_resume(self, handle):
        return ask_resume(self.base, SERVER, handle)

    def do_figures(self):
        """What only the server counts."""
        return {"unknown_calls": self.unknown_calls}

    def do_stop(self):
        self.stopped = True
        return self.do_figures()
