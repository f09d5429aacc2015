"""`emu trace export` and `emu trace open` as a user types them: whole and damaged traces, all ways to fail."""

import contextlib
import io
import os
import random
import re
import resource
import signal
import subprocess
import sys
import urllib.request

import msgpack
import pytest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos

from emu.errors import TraceError
from emu.trace.file import read_trace
from emu.trace.perfetto.export import export
from tests.tools.test_trace import TRACE, emu_trace
from tests.traces import Story


@pytest.fixture
def story(tmp_path):
    story = Story(tmp_path / "story.trace")
    return story.add(10, 0, "switch", 1).add(20, 0, "exit", 1).end(30)


def exported(trace):
    file = io.BytesIO()
    export(trace, file)
    return file.getvalue()


def test_a_whole_trace_is_exported_in_silence_with_status_0(story, tmp_path):
    out = tmp_path / "out.pftrace"
    path = story.write()
    done = emu_trace("export", path, "-o", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_bytes() == exported(read_trace(path))
    assert len(protos.Trace.FromString(out.read_bytes()).packet) > 10


def test_a_torn_trace_is_exported_as_far_as_it_goes_with_a_note_and_status_1(story, tmp_path):
    path, out = story.write(), tmp_path / "out.pftrace"
    os.truncate(path, path.stat().st_size - 5)
    done = emu_trace("export", path, "-o", out)
    assert done.returncode == 1 and re.fullmatch(
        r"emu: the file is torn at byte \d+; what follows was ignored\n"
        "emu: the trace has no end: its machine was killed or still runs\n", done.stderr
    )  # fmt: skip
    assert out.read_bytes() == exported(read_trace(path)) != b""


def test_a_trace_without_an_end_has_a_note_and_status_1(story, tmp_path):
    done = emu_trace("export", story.write(frame_only=True), "-o", tmp_path / "out.pftrace")
    assert (done.returncode, done.stderr) == (1, "emu: the trace has no end: its machine was killed or still runs\n")


def test_lost_events_have_a_note_and_the_trace_is_whole(story, tmp_path):
    done = emu_trace("export", story.write(lost={0: 7}), "-o", tmp_path / "out.pftrace")
    assert (done.returncode, done.stderr) == (0, "emu: 7 events of CPU 0 were lost: its ring was full\n")


def test_each_length_of_a_torn_trace_is_exported_or_refused(story, tmp_path):
    path, out = story.write(), io.BytesIO()
    whole = path.read_bytes()
    found = set()
    for length in [*range(0, len(whole), 97), len(whole) - 5]:
        path.write_bytes(whole[:length])
        with contextlib.suppress(TraceError):  # the header is not whole
            trace = read_trace(path)
            found.add(len(trace.events))
            export(trace, out)
    assert found == {0, 6}, "a round is there whole or not at all"


def test_a_damaged_header_is_refused_or_what_it_still_says_is_exported(story, seed):
    """Bytes of it changed by chance: no error but the one line."""
    chance, path = random.Random(seed), story.write()
    whole = path.read_bytes()
    header_bytes = len(msgpack.packb(read_trace(path).header))
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            damaged[chance.randrange(header_bytes)] = chance.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(TraceError):
            exported(read_trace(path))


REFUSED = {
    "no file": (["missing"], "trace file missing: cannot be read: No such file or directory"),
    "no trace": ([__file__], f"trace file {__file__}: not a trace of emu"),
    "no output": ([], "missing option '-o' / '--output'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_input_is_one_line_and_status_2(kind, refusal, tmp_path):
    (arguments, text), out = REFUSED[kind], tmp_path / "out.pftrace"
    given = ["-o", out] if arguments else [__file__]
    assert text in refusal("trace", "export", *arguments, *given)
    assert not out.exists()


def test_an_output_that_cannot_be_written_is_one_line(story, tmp_path, refusal):
    path = story.write()
    assert refusal("trace", "export", path, "-o", tmp_path) == f"emu: {tmp_path}: cannot be written: Is a directory\n"
    away = tmp_path / "no" / "out"
    assert f"emu: {away}: cannot be written: No such file" in refusal("trace", "export", path, "-o", away)
    assert "No space left on device" in refusal("trace", "export", path, "-o", "/dev/full")


def test_a_full_disk_leaves_no_half_file(story, tmp_path):
    for k in range(3000):
        story.add(30 + k, 1, "timer", 1)
    folder = tmp_path / "out"
    folder.mkdir()
    done = subprocess.run(
        [*TRACE, "export", story.write(), "-o", folder / "out.pftrace"], capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)), check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr == f"emu: {folder}/out.pftrace: cannot be written: File too large\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["export", "open"])
def test_without_the_extra_it_says_what_to_install(command, story, tmp_path, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace.perfetto_trace_pb2", None)
    given = ["-o", tmp_path / "out"] if command == "export" else ["--no-browser"]
    assert refusal("trace", command, story.write(), *given).endswith("pip install 'emu[viz]'\n")


def test_a_file_called_like_a_subcommand_is_given_with_its_folder(story, tmp_path):
    path = story.write().rename(tmp_path / "export")
    done = subprocess.run([*TRACE, "./export", "--check"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode in (0, 1) and done.stdout and path.exists()


def test_help_lists_the_subcommands():
    text = emu_trace("--help").stdout
    assert "Usage: emu trace [OPTIONS] FILE" in text and "emu trace export" in text and "emu trace open" in text


@contextlib.contextmanager
def opened(story, *options, **given):
    """(the process, the address that it prints) of `emu trace open`."""
    command = list(map(str, [*TRACE, "open", story.write(), "--quiet", *options]))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **given)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_open_serves_the_trace_until_ctrl_c(story):
    with opened(story, "--no-browser") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(address + "localtrace", timeout=20) as answer:
            assert answer.read() == exported(read_trace(story.path))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == "emu: served until Ctrl-C\n"


def test_open_starts_the_browser_with_the_address(story, tmp_path):
    told = tmp_path / "told"
    os.mkfifo(told)
    script = tmp_path / "browse"
    script.write_text(f"#!/bin/sh\necho $1 > {told}\n")
    script.chmod(0o755)
    with opened(story, env={**os.environ, "BROWSER": f"{script} %s"}) as (_, address):
        assert told.read_text().strip() == address


def test_open_refuses_a_taken_port(story, refusal):
    with opened(story, "--no-browser") as (_, address):
        port = re.search(r":(\d+)/", address)[1]
        assert "cannot be served: Address already in use" in refusal(
            "trace", "open", story.path, "--no-browser", "--quiet", "--port", port
        )
