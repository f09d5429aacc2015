"""`emu report`: statuses, damaged and foreign traces, outputs that cannot be written."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest

from tests.trace.random_runs import random_story

TOOL = str(Path(__file__).parents[2] / "tools" / "report.py")


def report(*arguments, **options):
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True, **options)


@pytest.fixture
def trace(tmp_path):
    return random_story(tmp_path / "run.trace", 3).write()


def test_a_page_is_written_whole_and_said(trace, tmp_path):
    page = tmp_path / "page.html"
    done = report(trace, "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r".*page\.html: \d+\.\d MB\n", done.stdout)
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.rstrip().endswith("</html>")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert sorted(os.listdir(tmp_path)) == ["page.html", "run.trace"]


def test_a_torn_trace_is_shown_and_said(trace, tmp_path):
    whole = trace.read_bytes()
    trace.write_bytes(whole[:-5])
    done = report(trace, "-o", tmp_path / "page.html")
    assert done.returncode == 1
    assert "the file is torn at byte" in done.stderr and "the trace has no end" in done.stderr
    assert "the file is torn at byte" in (tmp_path / "page.html").read_text()


def test_lost_events_are_named_on_the_page(tmp_path):
    trace = random_story(tmp_path / "run.trace", 3).write(lost={0: 7})
    done = report(trace, "-o", tmp_path / "page.html")
    assert done.returncode == 0 and "7 events of CPU 0 were lost" in done.stderr
    assert "7 events of CPU 0 were lost" in (tmp_path / "page.html").read_text()


def test_what_a_header_has_besides_is_no_obstacle(trace, tmp_path):
    frames = list(msgpack.Unpacker(io.BytesIO(trace.read_bytes()), strict_map_key=False))
    frames[0]["machine"]["memory_bytes"] = b"\xff"
    trace.write_bytes(b"".join(map(msgpack.packb, frames)))
    done = report(trace, "-o", tmp_path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\x81\xa6format\xa5other"])
def test_what_is_no_trace_is_one_line(tmp_path, content):
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    done = report(file, "-o", tmp_path / "page.html")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("emu: trace file ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_three_traces_are_too_many(trace):
    done = report(trace, trace, trace)
    assert done.returncode == 2 and "give one, or two to compare" in done.stderr


def test_the_trace_is_not_overwritten(trace):
    before = trace.read_bytes()
    done = report(trace, "-o", trace)
    assert done.returncode == 2 and "that is the trace itself" in done.stderr
    assert trace.read_bytes() == before


def test_a_page_that_cannot_be_written_is_one_line_and_no_half_file(trace, tmp_path):
    for output, why in ((tmp_path / "no" / "page.html", "No such file"), (tmp_path, "Is a directory")):
        done = report(trace, "-o", output)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and why in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["run.trace"]
    done = report(trace, "-o", "/dev/full")
    assert done.returncode == 2 and "No space left" in done.stderr


def test_a_page_that_outgrows_its_limit_leaves_the_old_one(trace, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("old")
    command = f"ulimit -f 40; trap '' XFSZ; exec {sys.executable} {TOOL} {trace} -o {page}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2 and "File too large" in done.stderr
    assert page.read_text() == "old" and sorted(os.listdir(tmp_path)) == ["page.html", "run.trace"]


def test_the_command_that_replays_is_that_of_the_trace():
    from emu.trace.report.page import replay_command

    machine = {"cpus": 3, "seed": 7, "policy": "eevdf", "parameters": []}
    for command, replay in (
        (["emu", "run", "--cpus", "3", "hello", "a b"], "emu run --seed 7 --cpus 3 hello 'a b'"),
        (["emu", "run", "--seed=7", "hello"], "emu run --cpus 3 --seed=7 hello"),
        (
            ["emu", "run", "--quiet", "--trace", "t", "hi", "--seed", "1"],
            "emu run --cpus 3 --seed 7 --quiet hi --seed 1",
        ),
        (["mine.py", "x"], "EMU_SEED=7 python mine.py x"),
        ([], "emu run --cpus 3 --seed 7 --policy eevdf PROGRAM"),
    ):
        assert replay_command({"machine": machine, "command": command}) == replay


def test_the_options_of_a_run_without_a_value_are_known():
    from emu.commands.run import run
    from emu.trace.report.page import FLAGS

    assert sorted(FLAGS) == sorted(name for p in run.params if getattr(p, "is_flag", False) for name in p.opts)
