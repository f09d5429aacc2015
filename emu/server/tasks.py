"""The tasks of the system server: made by the supervisor's spawn, adopted after a fork, ended, reaped."""

import os

from ..abi.registers import SP
from ..abi.signals import SIGKILL
from ..kernel.files.for_server import create_table
from ..kernel.ipi import post
from ..kernel.sched import waking
from ..kernel.task import records as tasks
from ..kernel.task.family import found_family
from ..kernel.task.fork import abandon_task
from ..kernel.task.kill_reasons import KILL_ASKED, KILL_INTERNAL, KILL_SIGNAL
from ..kernel.task.reaping import reap_task
from ..kernel.thread import references
from ..kernel.thread.handles import HANDLE
from ..kernel.thread.handles import tid as tid_of_thread
from ..kernel.thread.records import create_thread
from ..limits import IPI_RESCHEDULE, SERVER, SUPERVISOR
from .calls.exec import loader_of
from .elf import ElfError
from .errors import LinuxError
from .exec import PlacingError, place_program
from .task_state import TaskState
from .vfs.table import FileTable


class Tasks:
    """The part of the server that knows which tasks there are. It uses the server's other parts."""

    def end_task(self, task, wait_status, reason=KILL_SIGNAL):
        handle = HANDLE.pack(index=task, generation=int(self.machine["tasks"][task]["generation"]))
        tasks.kill_task(self.base, SERVER, handle, wait_status, reason)

    def pid_of(self, job):
        """The pid of the first task of a job that a handle names. PlacingError when it has ended."""
        record = self.machine["jobs"][HANDLE.get(job, "index")]
        task = int(record["task"])
        state = self.tasks.get(HANDLE.get(task, "index"))
        same = int(record["generation"]) == HANDLE.get(job, "generation") and not record["done"]
        if state is None or not same:
            raise PlacingError("the program that it needs has ended")
        return state.pid

    def end_servants(self):
        """Once the machine closes: jobs that serve others end when no other is left."""
        if not self.closing or not self.servants:
            return
        jobs = {int(self.machine["tasks"][task]["job"]) for task in self.tasks}
        if jobs <= self.servants:
            for job in jobs:
                tasks.kill_job(self.base, SERVER, job, SIGKILL, KILL_ASKED)

    def spawn(self, program, argv, environment, file_server=-1, is_servant=False):
        """Make a task of a program; its job's handle and number. PlacingError when there is no room.

        `file_server`: handle of the job whose first thread serves its calls on files, -1 none.  `is_servant`: it ends
        with the last job that is none.
        """
        server = self.pid_of(file_server) if file_server >= 0 else 0
        task = tasks.create_task(self.base, SERVER)
        if task < 0:
            raise PlacingError(f"no room for another task (limit or memory; error {-task})")
        index = int(self.machine["tasks"][task]["job"])
        job = HANDLE.pack(index=index, generation=int(self.machine["jobs"][index]["generation"]))
        try:
            shown = self.programs.add(program["path"], os.fsdecode(os.path.basename(argv[0])))
            random_bytes = self.random.randbytes(16)
            self._find_loader(program)
            variables = [name + b"=" + value for name, value in environment.items()]
            program["shown"] = shown[0]
            placed = place_program(self.window, SERVER, task, program, argv, variables, random_bytes)
            if create_table(self.base, SERVER, task) < 0:
                raise PlacingError("no descriptor table is free")
            FileTable(self.open_files, task).place_standard(self.streams)
            i = create_thread(self.base, SERVER, task)
            if i < 0:
                raise PlacingError("no thread record is free")
        except Exception:
            abandon_task(self.base, SERVER, task)
            tasks.recycle_job(self.base, SERVER, job)
            raise
        record, thread = self.machine["tasks"][task], self.machine["threads"][i]
        record["leader"] = HANDLE.pack(index=i, generation=int(thread["generation"]))
        record["pid"] = tid_of_thread(self.base, i)
        record["file_server"] = server
        record["program"] = self.executed.spawned(shown[0], program["path"])
        thread["pc"], thread["x"][SP] = placed.pc, placed.sp
        found_family(self.base, SERVER, task)
        self.servants.discard(index)
        if is_servant:
            self.servants.add(index)
        self.tasks[task] = TaskState(task, record, argv, shown, self.open_files)
        self.tasks[task].placed = placed
        self.view.set_name(int(record["pid"]), self.tasks[task].name)
        waking.start(self.base, SERVER, i)
        number = int(self.machine["jobs"][index]["number"])
        references.release(self.base, SERVER, task)
        return job, number

    def _find_loader(self, program):
        """The image of the interpreter that a dynamic program names, from the guest's tree. PlacingError."""
        path = program["interpreter"]
        if not path:
            return
        try:
            program["loader"] = loader_of(self.tree, None, path)
        except (LinuxError, ElfError) as error:
            raise PlacingError(
                f"dynamically linked, and its interpreter {os.fsdecode(path)} is not in the machine ({error}): "
                "link it with -static, or mount a system's directories (--mount)"
            ) from None

    def _adopt(self, task):
        """A task has been forked: what the server knows of it is what it knew of its parent at that moment."""
        record = self.machine["tasks"][task]
        try:
            self.tasks[task] = self.tasks[int(record["forked_from"]) - 1].fork(task, record)
        except Exception as error:
            self.mishaps.note("fork", error)
            self.end_task(task, SIGKILL, KILL_INTERNAL)

    def _reap(self, task):
        state = self.tasks.pop(task, None)
        try:
            self.waiting.forget_ended(self.machine["threads"]["sleep"])  # they hold what they have begun
            if state:
                self.names_of_ended[task] = state.pid, self.view.name_of(state)
                self.tree.ipc.release(state)
                state.release()
                self.store.let_go()
                self.store.write_back()
        except Exception as error:
            self.mishaps.note("end of a task", error)
        reap_task(self.base, SERVER, task)
        self._close_orphans()
        self.end_servants()
        self._end_if_done()
        self.mail.wake(post(self.base, SERVER, SUPERVISOR, IPI_RESCHEDULE))
