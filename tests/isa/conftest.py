"""One bare machine for the whole module, reset before each test."""

import pytest

from tests.isa.harness import Bare


@pytest.fixture(scope="session")
def machine():
    bare = Bare()
    yield bare
    bare.destroy()


@pytest.fixture
def bare(machine):
    machine.reset()
    return machine
