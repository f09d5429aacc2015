"""`pytest docs/labs/NAME --answer FILE` grades an answer; without --answer, the lab's own starting file."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--answer", help="the file to grade (the lab's starting file)")


@pytest.fixture
def answer(request):
    given = request.config.getoption("--answer")
    if given:
        return str((request.config.invocation_params.dir / given).resolve())
    return str(next(request.path.parent.glob("start.*")))
