"""No code but kernel/vm/usercopy.py and the interpreter stores into a guest: a scan of the sources.

Two gates.  A guest's page becomes a host address in a few files only; and what stores at a host address is
used in a few files only, each with a reason why its addresses are none of a guest's.  A new file that needs
to be in one of these tables has to say why here, or to use a verb of usercopy.py.
"""

import ast
from pathlib import Path

import pytest

EMU = Path(__file__).resolve().parents[3] / "emu"

# Names that lead from a guest's page to a host address, and the files that may use them.
TABLES = {"shm/layout/machine.py", "kernel/vm/pagetable.py", "kernel/vm/radix.py"}
# Frames of the kernel's own, mapped nowhere.
FILES = {
    *("kernel/files/table.py", "kernel/files/pipe_io.py", "kernel/vm/kernel_pages.py"),
    *("kernel/ipc/mailbox.py", "kernel/ipc/ring.py"),
}
DOORS = {
    "frame_address": {
        "shm/layout/__init__.py",
        *TABLES,
        *FILES,
        "kernel/vm/frames.py",
        "kernel/vm/usercopy.py",
        "cpu_worker/mmu.py",
        "isa/interpreter/fetch.py",
    },
    "RAM_OFFSET": {"shm/layout/machine.py", "limits.py", "shm/decoded.py", "shm/segment.py"},
    "resolve": {
        "kernel/vm/faults.py",
        "kernel/vm/usercopy.py",
        "cpu_worker/mmu.py",
        "cpu_worker/breakpoints.py",  # of the page's decoded words
        "kernel/vm/locking.py",
        *(f"kernel/sleep/{name}.py" for name in ("futex", "futex_key", "futex_vector", "pi_futex", "pi_requeue")),
    },
    "translate": {  # the translator's method has the name, too
        "isa/interpreter/accesses.py",
        "isa/translator/translator.py",
        "actor/translator.py",
    },
    "locate_atomic": {"isa/interpreter/accesses.py", "isa/interpreter/arms.py"},
    "from_address": {"shm/segment.py", "cpu_worker/host_faults.py"},  # the latter: a page of its process's own
    "window.memory": {  # which read it
        *("server/guest_memory.py", "isa/translator/translator.py", "actor/translator.py"),
        *("explore/decoded.py", "explore/telling.py"),
    },
}

# What stores at any host address, and why each file's addresses are none of a guest's.
STORES = (
    "store_8", "store_16", "store_32", "store_64", "store_any_64", "store_release_at", "copy_bytes", "fill_bytes",
    "compare_exchange_32", "compare_exchange_64", "AMO_32", "AMO_64",
)  # fmt: skip
REASONS = {
    "kernel/vm/usercopy.py": "the one place",
    "isa/interpreter/accesses.py": "addresses of its own translation, used before the next look at interrupts",
    "isa/interpreter/fetch.py": "decoded words",
    "isa/translator/translator.py": "decoded words",
    "isa/translator/known.py": "decoded words",
    "kernel/vm/pagetable.py": "page tables",
    "kernel/vm/radix.py": "indexes of pages",
    "kernel/vm/frames.py": "what a frame holds at first, before anybody has it",
    "kernel/vm/maplock.py": "a lock word",
    "kernel/files/table.py": "descriptors, in frames that no task can map",
    "kernel/files/watches.py": "heads of lists, in records of the kernel's own",
    "kernel/native/thread_control.py": "a buffer of the CPU's own, on its way to a guest by copy_user",
    "kernel/linux/polling.py": "a word of the CPU's own",
    "kernel/files/pipe_io.py": "the system server's own memory",
    "kernel/groups/mailbox.py": "buffers of the CPU's own, to or from a guest by copy_user, and a thread's registers",
    "kernel/ipc/mailbox.py": "messages, in frames that no task can map",
    "kernel/ipc/ring.py": "likewise",
    "kernel/sched/hooks.py": "counters of policies",
    "kernel/server_ring.py": "slots of the ring",
    "kernel/task/siginfo.py": "records of signals",
    "kernel/thread/records.py": "the name in a record",
    "kernel/timekeeper.py": "sleep words",
    "world/weak_stores.py": "words of shared pages, which stay where they are while a store waits: see world/weak.py",
    "shm/memory.py": "they are made here",
    "shm/spinlock.py": "lock words",
    "shm/decoded.py": "decoded words",
    "shm/deque.py": "slots of a deque",
    "shm/events.py": "copies of a ring for the supervisor",
}


def used(source):
    """Every name that a source imports, defines, calls or reads, and the attributes that it looks up."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
            if node.attr == "memory" and ast.unparse(node.value).endswith("window"):
                names.add("window.memory")
        elif isinstance(node, ast.alias):
            names.add(node.name.rsplit(".", 1)[-1])
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return names


def offences(path, source):
    """What a file uses without being in the tables."""
    names = used(source)
    wrong = {door for door, files in DOORS.items() if door in names and path not in files}
    if "Path" in names:  # Path.resolve
        wrong -= {"resolve"}
    if path not in REASONS and not path.startswith("isa/rows/"):
        wrong |= names & set(STORES)
    return wrong


def sources():
    """All of emu but emu/testing, whose machines have no guest."""
    return {
        str(path.relative_to(EMU)): path.read_text()
        for path in sorted(EMU.rglob("*.py"))
        if "testing" not in path.parts
    }


def test_nobody_else_makes_a_host_address_of_a_guests_page_or_stores_at_one():
    found = {path: offences(path, text) for path, text in sources().items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_tables_name_no_file_that_does_not_need_to_be_there():
    texts = sources()
    needless = {path for path in REASONS if path not in texts or not used(texts[path]) & set(STORES)}
    needless |= {
        f"{door}: {path}" for door, files in DOORS.items() for path in files
        if path not in texts or door not in used(texts[path])
    }  # fmt: skip
    assert needless == set()


@pytest.mark.parametrize(
    "line",
    [
        "store_32(host, tid)",
        "compare_exchange_32(at, word, 0)",
        "host = frame_address(m, frame_in(word)) + offset",
        "word = resolve(m, me, task, va, ACCESS_WRITE)",
        "ctypes.c_int64.from_address(host).value = 0",
        "memoryview(self._window.memory(frame))[0] = 0",
    ],
)
@pytest.mark.parametrize("path", ["kernel/task/exiting.py", "server/calls/info.py", "server/process.py"])
def test_a_store_that_somebody_adds_is_found(path, line):
    source = (EMU / path).read_text()
    assert offences(path, f"{source}\n\ndef added(m, me, task, va, host):\n    lock_mm(m, me, task)\n    {line}\n")
