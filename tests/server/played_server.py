"""A system server in the test's own process, on a bare machine whose CPUs nobody plays: requests are put in by hand."""

import contextlib

from emu.actor.mail import Mail
from emu.kernel.server_ring import REQUEST_SYSCALL
from emu.kernel.thread.states import SLEEP_KERNEL, SLEEP_SERVER
from emu.limits import SERVER
from emu.machine.loader import read_program
from emu.server.process import Server
from tests.kernel.wrappers import sleep

THREAD = 0  # the only thread


@contextlib.contextmanager
def played_server(window, directory, stdio=(None, None, None), mounts=()):
    """A Server with one task, which runs the guest "hello"."""
    mail = Mail(directory, SERVER, window.machine)
    config = {"directory": str(directory), "seed": 1, "memory_bytes": window.memory_bytes, "mounts": mounts}
    server = Server(window, mail, config, stdio)
    try:
        server.spawn(read_program("hello"), [b"hello"], {})
        yield server
    finally:
        server.close()
        mail.close()


def ask(server, request, number=0, *arguments):
    """Let the thread ask the server for something, as its CPU would; a0 afterwards, None while it waits."""
    thread = server.machine["threads"][THREAD]
    thread["x"][17] = number
    for k, value in enumerate(arguments):
        thread["x"][10 + k] = value - ((value >> 63) << 64)
    thread["request"] = request
    sleep(server.base, THREAD, SLEEP_SERVER if request == REQUEST_SYSCALL else SLEEP_KERNEL)
    server._serve(THREAD)
    return None if THREAD in server.waiting else int(thread["x"][10])
