"""Programs of tests/programs/explore, compiled once in a run."""

from pathlib import Path

import pytest

from emu.guests import build

SOURCES = Path(__file__).resolve().parents[1] / "programs" / "explore"


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """`built("account")` is the path of tests/programs/explore/account.c as a program; further arguments are flags."""
    folder, known = tmp_path_factory.mktemp("explore"), {}

    def program(name, *flags, source=None):
        if (name, flags) not in known:
            if build.ziglang_version() is None:
                pytest.skip("no C compiler: pip install ziglang")
            path = folder / "-".join((name, *flags)).replace("/", "_")
            if source is not None:
                (folder / f"{name}.c").write_text(source)
            file = folder / f"{name}.c" if source is not None else SOURCES / f"{name}.c"
            build.compile_unstripped(file, path, "-g", "-O1", "-UNDEBUG", f"-I{build.GUESTS}", *flags)
            known[name, flags] = str(path)
        return known[name, flags]

    return program


@pytest.fixture(scope="session")
def account(built):
    """A program that loses a deposit in some schedules, with its debugging information; its argument: how many."""
    return Path(built("account"))


@pytest.fixture(scope="session")
def whole(built):
    """The same program made right."""
    return Path(built("account", "-DWHOLE"))
