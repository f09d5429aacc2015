import pytest

from emu.guests import build

from .programs import SOURCES


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """`programs[name]` is the path of a C program's ELF, built by ziglang when it is first asked for."""
    directory = tmp_path_factory.mktemp("programs")

    class Built(dict):
        def __missing__(self, name):
            self[name] = directory / f"{name}.elf"
            build.compile_c(SOURCES / f"{name}.c", self[name])
            return self[name]

    return Built()
