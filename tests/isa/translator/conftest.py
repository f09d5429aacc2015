"""A translator on the bare machine of tests/isa, with no regions before each test."""

import pytest

from emu.shm.regions import TRANSLATE_OFF
from tests.isa.translator.translating import Translating


@pytest.fixture(scope="session")
def translator_of(machine):
    return Translating(machine)


@pytest.fixture
def translating(bare, translator_of):
    translator_of.forget()
    yield translator_of
    translator_of.m["translating"] = TRANSLATE_OFF
