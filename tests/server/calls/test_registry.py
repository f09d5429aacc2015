"""Arguments arrive as declared; every error and every number has the name that Linux gives it."""

import errno
import sys

import pytest

from emu.abi import errno as errors
from emu.abi.syscall_numbers import NUMBERS, name_of
from emu.server.calls import registry


def test_registers_become_what_the_handler_declares(guest, monkeypatch):
    monkeypatch.setattr(registry, "_HANDLERS", {})
    seen = []

    @registry.served("lseek")
    def read(call, a: registry.Int32, b: registry.UInt32, c: registry.Int64, d: registry.Size, e: registry.Path):
        seen.extend((a, b, c, d, e))
        return 7

    ones = (1 << 64) - 1
    assert guest.sys("lseek", ones, ones, ones, ones, "name") == 7
    assert seen == [-1, 0xFFFFFFFF, -1, ones, "name"]


def test_upper_half_of_a_register_is_no_part_of_an_int(guest):
    assert guest.sys("close", (5 << 32) | 3) == "EBADF"
    fd = guest.open("/dev/null")
    assert guest.sys("close", (5 << 32) | fd) == 0


def test_a_call_that_nobody_serves_is_enosys_and_has_a_name(guest):
    assert guest.sys("io_uring_setup") == "ENOSYS"
    assert name_of(NUMBERS["io_uring_setup"]) == "io_uring_setup"
    assert name_of(9999) == "syscall 9999"
    assert registry.handler_of(9999) is None


def test_bad_string_pointer_is_efault_and_endless_string_enametoolong(guest):
    assert guest.sys("chdir", 1) == "EFAULT"
    assert guest.sys("chdir", "a" * 5000) == "ENAMETOOLONG"


@pytest.mark.skipif(sys.platform != "linux", reason="compares with this host's numbers")
def test_error_numbers_are_those_of_linux():
    for number, name in errors.NAMES.items():
        assert getattr(errno, name, number) == number


def test_two_handlers_for_one_call_are_refused():
    with pytest.raises(AssertionError, match="twice"):
        registry.served("lseek")(lambda call: 0)
