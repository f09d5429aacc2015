"""Whatever is raised while a guest is served ends that call, or at most its task, and is counted; never the machine."""

import os
import struct

import msgpack
import pytest

from emu.abi.errno import EINVAL, EIO, ENOMEM, ENOSPC
from emu.abi.syscall_numbers import NUMBERS
from emu.kernel.server_ring import REQUEST_SIGNAL, REQUEST_SYSCALL, REQUEST_TRAP
from emu.kernel.task.kill_reasons import KILL_INTERNAL
from emu.server import process as server_module
from emu.server.calls import registry
from emu.server.errors import Blocked
from emu.server.vfs.open_file import OpenFile
from tests.server.played_server import THREAD, ask, played_server

SYNC = NUMBERS["sync"]


@pytest.fixture
def server(window, tmp_path):
    with played_server(window, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def handled(monkeypatch):
    """`handled(function)`: what the call `sync` does."""
    return lambda function: monkeypatch.setitem(registry._HANDLERS, SYNC, function)


def fails_with(error):
    def handler(*arguments):
        raise error

    return handler


def exiting(server):
    return int(server.machine["tasks"][0]["exiting"])


RAISED = {
    "a word that is too large": (lambda call: struct.pack("<q", 1 << 63), EINVAL, "sync struct.error"),
    "a record's field": (lambda call: call.thread.__setitem__("alt_stack", 1 << 63), EINVAL, "sync OverflowError"),
    "no memory": (fails_with(MemoryError()), ENOMEM, "sync MemoryError"),
    "too deep": (fails_with(RecursionError()), ENOMEM, "sync RecursionError"),
    "a mistake": (lambda call: {}["absent"], EIO, "sync KeyError"),
}


@pytest.mark.parametrize("kind", RAISED)
def test_an_exception_in_a_call_ends_the_call_and_is_counted(server, handled, kind):
    handler, error, name = RAISED[kind]
    handled(handler)
    assert [ask(server, REQUEST_SYSCALL, SYNC) for _ in range(3)] == [-error] * 3
    assert server.do_figures()["failed_calls"] == {name: 3} and not exiting(server)
    handled(lambda call: 7)
    assert ask(server, REQUEST_SYSCALL, SYNC) == 7


def test_the_hosts_refusal_is_the_guests_error_and_no_mishap(server, handled):
    handled(fails_with(OSError(ENOSPC, "full")))
    assert ask(server, REQUEST_SYSCALL, SYNC) == -ENOSPC
    assert server.mishaps.counts == {}


def test_an_exception_when_a_waiting_call_is_made_again_ends_the_call(server, handled):
    handled(fails_with(Blocked(None)))
    assert ask(server, REQUEST_SYSCALL, SYNC) is None
    handled(fails_with(TypeError()))
    server._retry_changed()
    assert int(server.machine["threads"][THREAD]["x"][10]) == -EIO and THREAD not in server.waiting
    assert server.mishaps.counts == {"sync TypeError": 1}


@pytest.mark.parametrize(
    ("function", "request_", "what"),
    [("deliver", REQUEST_SIGNAL, "delivery of a signal"), ("report_trap", REQUEST_TRAP, "report of a trap"),
     ("sigreturn", REQUEST_SYSCALL, "rt_sigreturn"), ("Call", REQUEST_SYSCALL, "rt_sigreturn")],
)  # fmt: skip
def test_an_exception_where_there_is_no_result_ends_the_task(server, monkeypatch, function, request_, what):
    monkeypatch.setattr(server_module, function, fails_with(OverflowError("too large")))
    number = NUMBERS["rt_sigreturn"] if function != "Call" else SYNC
    ask(server, request_, number)
    assert exiting(server) and int(server.machine["tasks"][0]["kill_reason"]) == KILL_INTERNAL
    assert list(server.mishaps.counts) == [f"{what if function != 'Call' else 'sync'} OverflowError"]


def test_a_task_whose_files_fail_to_close_is_reaped_all_the_same(server, monkeypatch):
    file = OpenFile(server.tree.root, 0)
    monkeypatch.setattr(file, "close", fails_with(KeyError("x")))
    assert server.tasks[0].files.add(file) == 0
    server.end_task(0, 9)
    server._reap(0)
    assert int(server.machine["jobs"][0]["done"]) and server.mishaps.counts == {"close KeyError": 1}


def answer(server, *request):
    """Reply to a request of the supervisor, given as packed bytes or as (name, arguments…)."""
    replies = []
    payload = request[0] if isinstance(request[0], bytes) else msgpack.packb([1, *request])

    class Control:
        left = [[b"supervisor", payload]]

        def recv_multipart(self, flags):
            if not self.left:
                raise server_module.zmq.Again
            return self.left.pop()

        def send_multipart(self, parts):
            replies.append(msgpack.unpackb(parts[1]))

    server.control, real = Control(), server.control
    server._answer_control()
    server.control = real
    return replies[0]


def test_requests_that_fail_are_answered(server):
    assert "spawn failed inside emu: KeyError" in answer(server, "spawn", {}, [b"x"], {}, [], -1, False)["error"]
    assert int(server.machine["nr_tasks"]) == 1, "the task that could not be filled is free again"
    assert "AttributeError" in answer(server, "no_such_request")["error"]
    assert "failed inside emu" in answer(server, b"\xc1")["error"]
    assert answer(server, "figures")["result"]["unknown_calls"] == {}


def test_each_kind_is_one_line_for_the_person(window, tmp_path, handled):
    reader, writer = os.pipe()
    with played_server(window, tmp_path, (None, None, writer)) as server:
        handled(lambda call: {}["absent"])
        for _ in range(3):
            ask(server, REQUEST_SYSCALL, SYNC)
        assert os.read(reader, 1000).decode().splitlines() == [
            "emu: failed inside emu, please report it: sync: KeyError: 'absent'"
        ]
    os.close(reader)
    os.close(writer)
