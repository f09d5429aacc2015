"""What every test gets: the repository on the path, a seed, bare machines, and a check of what it left behind.

After each test there must be no child process but those that are kept (forkserver,
resource tracker), no socket directory of this process, and no more shared
segments mapped than before.  A test that uses `seed` prints it when it fails.
"""

import gc
import os
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # helper modules are imported as tests.…
# Started in the background, or by nohup: commands under test would inherit that these are ignored.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The suite starts thousands of processes: half of the start of each would be compiling emu's modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["EMU_SNAPSHOTS"] = ""  # a machine that fails in a test leaves no snapshot
os.environ["COLUMNS"] = "160"  # the readline that pytest imports exports 80 to the commands under test

KEPT = ("emu.machine.forkserver", "multiprocessing.forkserver", "multiprocessing.resource_tracker")
LONG_RUN = 1000  # tests: worth compiling everything beforehand
GRACE_S = 5.0
BUILDING = pytest.StashKey()  # the process that builds the C library meanwhile


def pytest_addoption(parser):
    parser.addoption("--row", action="append", default=[], help="only tests that show this row, such as rust-3")


def _rows_of(item):
    return {mark.args[0] for mark in item.iter_markers("system")}


def pytest_collection_modifyitems(config, items):
    """`--row ID`, once or several times: the tests that carry one of these rows."""
    wanted = set(config.getoption("--row"))
    if not wanted:
        return
    known = set().union(*map(_rows_of, items))
    for row in sorted(wanted - known):
        names = ", ".join(sorted(known, key=lambda name: (name.split("-")[0], int(name.split("-")[1])))) or "none"
        raise pytest.UsageError(f"--row {row}: no collected test shows this row; there are {names}")
    kept = [item for item in items if _rows_of(item) & wanted]
    config.hook.pytest_deselected(items=[item for item in items if not _rows_of(item) & wanted])
    items[:] = kept


def _prepare(config, tests):
    """Before a long run all hot code is compiled, by all cores; else each test compiles what it needs."""
    if tests <= LONG_RUN or config.option.collectonly or config.stash.get(BUILDING, None) is not None:
        return
    from tests.prepare import compile_hot_code, start_c_library

    config.stash[BUILDING] = start_c_library()
    compile_hot_code()


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()  # thousands of tests and all that they import: each later collection would look through them again
    if not hasattr(session.config, "workerinput"):  # of several pytest processes (-n) the first one prepares
        _prepare(session.config, len(session.items))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node, ids):
    _prepare(node.config, len(ids))


def pytest_unconfigure(config):
    if (building := config.stash.get(BUILDING, None)) is not None:
        building.terminate()
        building.wait()


def _children_of(pid):
    """Process numbers: what psutil finds by looking at every process of the host, for a few µs."""
    try:
        return [int(word) for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()]
    except OSError:
        return []  # it has just ended


def _children():
    """Child processes and grandchildren that a test must not leave behind."""
    left = []
    for child in _children_of(os.getpid()):
        try:
            kept = any(name in Path(f"/proc/{child}/cmdline").read_text() for name in KEPT)
        except OSError:
            continue
        left += _children_of(child) if kept else [child]
    return left


def _mapped():
    """How many mappings of machine segments this process has."""
    return Path("/proc/self/maps").read_bytes().count(b"memfd:emu-")


def _directories():
    from emu.machine.directory import _root

    root = _root()
    return {p.name for p in root.iterdir() if p.name.startswith(f"{os.getpid()}-")} if root.is_dir() else set()


@pytest.fixture(autouse=True)
def leaves_nothing_behind():
    """The shared memory, the process table and the socket directory are as before."""
    mapped, directories, children = _mapped(), _directories(), set(_children())
    yield
    deadline = time.monotonic() + GRACE_S  # a killed process takes a moment to leave the table
    while (left := set(_children()) - children) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"child processes left: {left}"
    assert _directories() <= directories, "a socket directory was left"
    assert _mapped() <= mapped, "shared segments were left mapped"


@pytest.fixture
def seed():
    """EMU_SEED, else a fresh one; printed when the test fails."""
    return int(os.environ.get("EMU_SEED") or int.from_bytes(os.urandom(4)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "seed" in getattr(item, "funcargs", {}):
        report.sections.append(("replay", f"EMU_SEED={item.funcargs['seed']}"))


@pytest.fixture
def window():
    """A small fresh machine record of two CPUs, as at boot, with no process but this one."""
    from emu.testing.bare import bare_window

    with bare_window() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def forkserver():
    """The server from which processes are forked; for tests that need few compiled functions, not the kernel's all."""
    from emu.machine.children import start_forkserver

    start_forkserver()


@pytest.fixture(scope="session")
def warm():
    """The compile cache is complete: processes start at once."""
    from emu.machine.children import start_forkserver
    from emu.machine.warmup import ensure_warm

    ensure_warm(quiet=True)
    start_forkserver()


@pytest.fixture
def boot(warm, tmp_path):
    """`boot(cpus, policy, …)` gives a Machine whose guests write to `machine.output`."""
    from emu import Machine

    class Captured(Machine):
        def __init__(self, *arguments, **options):
            self.output = tmp_path / f"stdout-{time.monotonic_ns()}"
            self._file = open(self.output, "wb")  # noqa: SIM115 (closed in __exit__)
            super().__init__(*arguments, stdout=self._file.fileno(), quiet=True, **options)

        def __exit__(self, *exception):
            super().__exit__(*exception)
            self._file.close()
            if exception[:1] in ((), (None,)):
                assert self.leaks == {}, "kernel allocations were not freed (rust-12)"

    return Captured
