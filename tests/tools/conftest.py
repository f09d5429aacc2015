"""What several tests of commands use."""

import json

import pytest

from emu.commands.subcommands import emu

MIX = {
    "jitter": 0.2,
    "threads": [
        {"name": "worker", "instances": 3, "phases": [{"loop": 4, "phases": [{"run": 500}, {"sleep": 200}]}]},
        {"name": "boss", "leader": True, "phases": [{"loop": 3, "phases": [{"run": 100}, {"sleep": 1000}]}]},
    ],
}


@pytest.fixture
def refusal(capsys):
    """The one line with which a command line is refused."""

    def refuse(*arguments):
        with pytest.raises(SystemExit) as ended:
            emu([str(a) for a in arguments], prog_name="emu")
        output, errors = capsys.readouterr()
        assert (ended.value.code, output) == (2, "")
        assert errors.startswith("emu: ") and errors.count("\n") == 1
        return errors

    return refuse


@pytest.fixture
def mix(tmp_path):
    """A workload file."""
    path = tmp_path / "mix.json"
    path.write_text(json.dumps(MIX))
    return path


@pytest.fixture(scope="session")
def deadlocks(tmp_path_factory):
    """The guest of the debugger's tests."""
    from emu.guests import build
    from tests.debug.conftest import HERE

    program = tmp_path_factory.mktemp("deadlocks") / "deadlocks"
    build.compile_c(HERE / "deadlocks.c", program)
    return program
