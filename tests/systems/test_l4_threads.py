"""Threads, address spaces and pagers that guests steer, by programs that check themselves (tests/programs/native)."""

import os

import pytest

from emu.guests import build
from tests.guests.programs import SOURCES
from tests.systems.test_rust import finish

MACHINES = [(1, "codezero"), (2, "inko"), (2, "eevdf"), (4, "bsd4"), (4, "inko")]


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """The path of a program of tests/programs/native."""
    folder = tmp_path_factory.mktemp("native")

    def built(name):
        path = folder / name
        if not path.exists():
            build.compile_c(SOURCES / "native" / f"{name}.c", path)
        return str(path)

    return built


def output_of(boot, seed, program, cpus, policy):
    """What a program that ended well has written. Its standard input has one word."""
    reader, writer = os.pipe()
    os.write(writer, b"stream")
    os.close(writer)
    with os.fdopen(reader) as stream, boot(cpus, policy, seed=seed, stdin=stream.fileno()) as machine:
        job = machine.spawn(program)
        report = finish(machine)
        text = machine.output.read_text()
        assert job.exit_status == 0, text
        assert report.leaks == {}
        return text


@pytest.mark.system("cz-8")
@pytest.mark.system("cz-9")
@pytest.mark.system("cz-17")
@pytest.mark.system("cz-19")
@pytest.mark.parametrize(("cpus", "policy"), MACHINES)
def test_guests_make_run_suspend_destroy_and_recycle_threads_and_exchange_their_registers(
    boot, seed, native, cpus, policy
):
    assert output_of(boot, seed, native("l4threads"), cpus, policy).endswith("ok l4threads\n")


@pytest.mark.system("cz-14")
@pytest.mark.parametrize(("cpus", "policy"), MACHINES)
def test_faults_go_to_a_pager_and_a_bad_one_ends_its_clients_alone_with_the_reason_in_words(
    boot, seed, native, capfd, cpus, policy
):
    assert output_of(boot, seed, native("pager"), cpus, policy).endswith("ok pager\n")
    text = capfd.readouterr().err
    reasons = {line.split(": ", 2)[2].split(" (")[0] for line in text.splitlines() if line.startswith("emu: ")}
    assert reasons == {
        "SIGSEGV: store to memory that is not writable", "SIGSEGV: jump to memory that is not executable",
        "SIGKILL: a page fault that its pager says it has mended, and has not",
        "SIGKILL: a page fault whose pager has left",
    }, text  # fmt: skip
