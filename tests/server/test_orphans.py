"""A file that a CPU has closed is closed in the server before whatever its thread asks for next."""

from emu.abi.syscall_numbers import NUMBERS
from emu.hot import entry
from emu.kernel.files import for_server
from emu.kernel.server_ring import REQUEST_SYSCALL, ask_for_thread
from emu.kernel.thread.states import SLEEP_KERNEL
from emu.server.calls import registry
from emu.server.vfs.open_file import OpenFile
from emu.shm.layout import machine_at
from tests.kernel.wrappers import sleep
from tests.server.played_server import THREAD, played_server

SYNC = NUMBERS["sync"]


@entry(3)
def ask(address, me, i):
    ask_for_thread(machine_at(address), me, i)
    return 0


def test_what_a_cpu_has_closed_is_closed_before_the_threads_next_request_is_served(window, tmp_path, monkeypatch):
    seen = []
    with played_server(window, tmp_path) as server:
        file = OpenFile(server.tree.root, 0)
        monkeypatch.setitem(registry._HANDLERS, SYNC, lambda call: seen.append(file.references) or 0)
        fd = server.tasks[0].files.add(file)
        assert for_server.close_fd(server.base, 0, 0, fd) == 0 and file.references == 1
        thread = server.machine["threads"][THREAD]
        thread["x"][17], thread["request"] = SYNC, REQUEST_SYSCALL
        sleep(server.base, THREAD, SLEEP_KERNEL)
        ask(server.base, 0, THREAD)
        server._serve_all()
    assert seen == [0]
