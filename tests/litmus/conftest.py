"""`crew(workers, …)`: processes on a bare machine, gone at the end of the test."""

import contextlib

import pytest

from emu.testing.crew import Crew


@pytest.fixture
def crew(forkserver, seed, tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda workers, **options: stack.enter_context(Crew(workers, seed, directory=str(tmp_path), **options))


@pytest.fixture(params=[2, 4], ids=["2-processes", "4-processes"])
def workers(request):
    return request.param
