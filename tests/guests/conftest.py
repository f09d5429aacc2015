import pytest

from emu.guests import build

from .programs import NAMES, SOURCES


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """{name: path of the ELF} of all C programs, built by ziglang."""
    directory = tmp_path_factory.mktemp("programs")
    elves = {name: directory / f"{name}.elf" for name in NAMES}
    for name, path in elves.items():
        build.compile_c(SOURCES / f"{name}.c", path)
    return elves
