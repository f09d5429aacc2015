"""The debugger's commands, on a machine that runs, on one that is dead, and what it says of nonsense (kse-10)."""

import gc
import os
import re
import signal

import numpy as np
import pytest

from emu import MachineError, MachineFailed
from emu.debug.attach import attach
from emu.debug.debugger import COMMANDS, Debugger
from emu.debug.open_snapshot import open_snapshot
from tests.debug.conftest import until_stuck
from tests.systems.test_misbehaving_policies import HANGS


def index_of(inspector, name):
    return next(i for i in inspector.living() if inspector.name(i) == name)


def table(lines):
    """Rows of a table as {column: text}, by the places of its heading."""
    starts = [match.start() for match in re.finditer(r"(?<!\S)\S+(?: \S+)*", lines[0])]
    ends = [*starts[1:], None]
    names = [lines[0][a:b].strip() for a, b in zip(starts, ends)]
    return [{name: line[a:b].strip() for name, a, b in zip(names, starts, ends)} for line in lines[1:]]


def check_answers(debugger):
    """What is true of the machine with the deadlock on kernel mutexes, whoever is asked."""
    inspector = debugger.inspector
    left, right, busy = (index_of(inspector, name) for name in ("left", "right", "busy"))
    tids = {name: inspector.tid(i) for name, i in (("left", left), ("right", right))}

    threads = {row["name"]: row for row in table(debugger.execute("show all threads"))}
    assert threads.keys() == {"deadlocks", "busy", "left", "right"}
    assert threads["left"]["tid"] == str(tids["left"]) and threads["left"]["state"] == "blocked"
    assert threads["left"]["waits"] == f"kernel mutex 1, held by tid {tids['right']} right"
    assert threads["right"]["waits"] == f"kernel mutex 0, held by tid {tids['left']} left"
    assert threads["busy"]["state"] in ("running", "runnable")

    by_tid = debugger.execute(f"show thread {tids['left']}")
    for same in (f"#{left}", f"{inspector.address_of_thread(left):#x}", threads["left"]["address"]):
        assert debugger.execute(f"show thread {same}")[:2] == by_tid[:2]
    text = "\n".join(by_tid)
    assert f"#{left} at {threads['left']['address']}, tid {tids['left']}" in text
    assert f"waited for by  tid {inspector.tid(index_of(inspector, 'deadlocks'))} deadlocks, " in text
    assert "mutex_lock" in text and re.search(r"^pc +0x[0-9a-f]+ take\+0x", text, re.MULTILINE)
    assert f" sp {int(inspector.thread(left)['x'][2]):016x}" in text

    rows = table(debugger.execute("show cpus"))
    assert [row["CPU"] for row in rows] == ["0", "1"]
    assert [row["process"] for row in rows] == [str(int(inspector.cpu(k)["process"])) for k in range(2)]
    if int(inspector.thread(busy)["where"]) & 0xFF == 3:
        assert sum("busy" in row["runs"] for row in rows) == 1

    lines = debugger.execute("show queues")
    assert [row["queue"] for row in table(lines[:3])] == ["CPU 0", "CPU 1"]
    assert sum(int(row["registered"]) for row in table(lines[:3])) == 4
    assert lines[-1] == "timekeeper: 0 time-outs in its heap, 0 of ended sleeps"

    locks = debugger.execute("show locks")
    wanted = {("kernel mutex 0", "left", "right"), ("kernel mutex 1", "right", "left")}
    for what, holder, waiter in wanted:
        line = next(line for line in locks if line.startswith(f"{what} of task "))
        assert f"tid {tids[holder]} {holder} tid {tids[waiter]} {waiter}" in " ".join(line.split())

    waits = debugger.execute("show waits")
    assert sum(line.startswith("deadlock: ") for line in waits) == 1
    assert not any(line.startswith("probably") for line in waits)
    assert {f"tid {tids[name]} {name}" for name in tids} <= set(re.findall(r"tid \d+ \w+", waits[-1]))

    task = table(debugger.execute("show tasks"))[0]
    assert (task["state"], task["threads"], task["leader"]) == ("alive", "4", "deadlocks")
    maps = table(debugger.execute(f"show maps {task['pid']}"))
    pc = int(inspector.thread(left)["pc"])
    assert any(int(row["start"], 16) <= pc < int(row["end"], 16) for row in maps)

    frames = [line.split()[2] for line in debugger.execute(f"backtrace {tids['left']}")]
    assert [frame.partition("+")[0] for frame in frames] == ["take", "take_both", "run", "start", "__clone"]
    code = debugger.execute(f"examine {pc - 4:#x} 2")
    assert code[0].split()[-1] == "ecall" and code[1].startswith(f"{pc:#x}  take+0x")
    assert debugger.execute("show frames")[0].startswith(f"{int(inspector.machine['nr_frames']):,} frames of 4 KiB, ")
    assert debugger.execute("show groups") == ["no group"] and debugger.execute("show upcalls") == ["no upcall"]
    assert debugger.execute("show mailboxes") == ["no mailbox has a message", "no port is open"]


@pytest.mark.system("kse-10")
def test_threads_cpus_queues_and_locks_of_a_running_machine_are_shown(stuck):
    _, inspector = stuck("kernel", "busy")
    check_answers(Debugger(inspector))


@pytest.mark.system("kse-10")
def test_the_same_is_shown_of_a_snapshot_when_the_machine_is_gone(stuck, tmp_path):
    machine, inspector = stuck("kernel", "busy")
    Debugger(inspector).execute(f"snapshot {tmp_path / 'stuck'}")
    machine.__exit__()
    dead = open_snapshot(tmp_path / "stuck")
    check_answers(Debugger(dead))
    assert "a snapshot, 20" in Debugger(dead).execute("show machine")[0]
    with pytest.raises(MachineError, match="pause: this is a snapshot, in which nothing runs"):
        Debugger(dead).execute("pause")


@pytest.mark.system("kse-10")
def test_a_machine_that_fails_leaves_a_snapshot_in_which_the_same_is_shown(boot, deadlocks, tmp_path, capfd):
    failure = pytest.raises(MachineFailed, match="the process of CPU 1 died")
    with failure, boot(2, snapshot_on_failure=tmp_path / "last") as machine:
        machine.spawn(deadlocks, "kernel", "busy")
        until_stuck(machine, attach(os.getpid()))
        os.kill(int(machine.window.machine["cpus"]["process"][1]), signal.SIGKILL)
        machine.run()
    said = capfd.readouterr().err
    assert re.fullmatch(
        rf"emu: a snapshot of the machine is in {tmp_path / 'last'} \(\d+\.\d MiB\): emu debug \S+\n", said
    )
    debugger = Debugger(open_snapshot(tmp_path / "last"))
    check_answers(debugger)
    assert debugger.execute("show machine")[-1] == "failure  the process of CPU 1 died"


@pytest.mark.system("kse-10")
def test_the_lock_of_a_policy_that_hangs_is_shown_with_its_holder_and_what_waits(boot, tmp_path, capfd):
    """The watchdog's snapshot is of the moment before the machine is told that it has failed, so the lock is held."""
    (tmp_path / "hangs.py").write_text(HANGS)
    failure = pytest.raises(MachineFailed, match="does not return|never picked")  # whichever shows first
    with failure, boot(2, str(tmp_path / "hangs.py"), patience_s=1.5, snapshot_on_failure=tmp_path / "last") as machine:
        machine.spawn("sleepers", 4, 50)
        machine.run(limit_s=200)
    capfd.readouterr()
    debugger = Debugger(open_snapshot(tmp_path / "last"))
    found = re.search(r"^queues\[(\d+)\]\.lock +CPU (\d)$", "\n".join(debugger.execute("show locks")), re.MULTILINE)
    queue = next(row for row in table(debugger.execute("show queues")[:4]) if row["lock"] == f"CPU {found[2]}")
    assert int(queue["runnable"]) > 0 and "sleepers" in queue["longest waiting first"]
    assert debugger.execute("show machine")[-1].startswith("failure  policy ")


@pytest.mark.parametrize("seed", range(5))
def test_a_snapshot_with_nonsense_in_it_is_shown_without_a_fault(stuck, tmp_path, seed):
    """Its header is right, and any of its words may be anything, as those of guests may."""
    _, inspector = stuck("mixed", "busy")
    Debugger(inspector).execute(f"snapshot {tmp_path / 'stuck'}")
    random = np.random.default_rng(seed)
    damaged = open_snapshot(tmp_path / "stuck")
    threads = damaged.living()
    commands = [name for name, (argument, _) in COMMANDS.items() if not argument and name not in ("pause", "continue")]
    commands += [f"{name} #{i}" for name in ("show thread", "backtrace") for i in range(4)]
    commands += ["show maps #0", "examine 0x1002700 64", "examine 0x3ffa7f9000"]
    for _ in range(30):
        for array, count in (("threads", 5), ("tasks", 1), ("cpus", 2), ("queues", 3), ("areas", 12), ("buckets", 512)):
            words = damaged.machine[array][:count].view(np.int64).reshape(count, -1)
            row, at = random.integers(count), random.integers(min(words.shape[1], 900), size=4)
            low, high = (-3, 20) if random.integers(2) else (-(1 << 63), 1 << 63)
            words[row, at] = random.integers(low, high, 4)
        pages = damaged.memory._ram[: 32 * 4096].view(np.int64)  # page tables are among them
        pages[random.integers(len(pages), size=20)] = random.integers(-(1 << 63), 1 << 63, 20)
        for command in commands:
            try:
                assert all(line.isprintable() for line in Debugger(damaged).execute(command))
            except MachineError as error:
                assert "\n" not in str(error)
    assert len(threads) == 4


def test_an_area_that_is_twice_in_its_tree_is_shown_once_and_told(stuck, tmp_path):
    _, inspector = stuck("kernel")
    Debugger(inspector).execute(f"snapshot {tmp_path / 'stuck'}")
    damaged = open_snapshot(tmp_path / "stuck")
    before = Debugger(damaged).execute("show maps #0")
    root = int(damaged.task(0)["areas"]) - 1
    damaged.machine["areas"][root]["left"] = root + 1
    *lines, told = Debugger(damaged).execute("show maps #0")
    assert told == f"the tree is damaged: area {root} is in it twice"
    starts, whole = ([line.split()[0] for line in each] for each in (lines, before))
    assert len(set(starts)) == len(starts) > 1 and set(starts) < set(whole)


def test_what_is_typed_wrongly_is_told_in_one_line(stuck):
    _, inspector = stuck("kernel")
    debugger = Debugger(inspector)
    for line, told in (
        ("shwo", "no such command"), ("show", "no such command"), ("show t 1", "may be show thread, show tasks"),
        ("show thread", "usage: show thread TID"), ("show thread 77", "no living thread has this tid"),
        ("show thread #99999", "indices go from"), ("show thread #9000", "its record is free"),
        ("show thread 0x1234", "no thread's record lies there"), ("show thread x", "expected a number"),
        ("show maps 77", "there is none"), ("examine 0x10", "the task has no page there"),
        ("examine 5 5 5 5", "usage: examine"), ("snapshot /nowhere/at/all", "cannot be written"),
    ):  # fmt: skip
        with pytest.raises(MachineError) as raised:
            debugger.execute(line)
        assert told in str(raised.value) and "\n" not in str(raised.value)
    assert debugger.execute("") == debugger.execute("  # a comment") == []


def test_words_may_be_shortened_and_completed(stuck):
    _, inspector = stuck("kernel")
    debugger = Debugger(inspector)
    assert debugger.execute("sh ta") == debugger.execute("show tasks")
    assert debugger.complete("show a") == ["show all threads"]
    assert f"backtrace {inspector.tid(index_of(inspector, 'left'))}" in debugger.complete("backtrace ")
    assert [line.split("  ")[0] for line in debugger.execute("help")] == [
        f"{name} {argument}".rstrip() for name, (argument, _) in COMMANDS.items()
    ]
    debugger.execute("quit")
    assert debugger.done


def test_no_answer_fails_on_a_machine_that_has_just_booted(boot):
    with boot(2) as machine:
        debugger = Debugger(attach(os.getpid()))
        for name, (argument, _) in COMMANDS.items():
            if not argument and name not in ("pause", "continue", "quit"):
                assert debugger.execute(name)
        assert machine.report().failure == ""
        del debugger
    gc.collect()
