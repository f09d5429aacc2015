"""Finding what execve runs: whatever comes of it, no file stays open."""

import pytest

from emu.abi.errno import ELOOP, ENOENT, ENOEXEC
from emu.abi.files import O_CREAT, O_WRONLY
from emu.server.calls.exec import find_program, open_program
from emu.server.errors import LinuxError

SCRIPTS = {
    "of itself": (b"#!/tmp/script\n", ELOOP),
    "of nothing": (b"#!  \n", ENOEXEC),
    "of an absent one": (b"#!/tmp/absent\n", ENOENT),
    "no program": (b"\x7fELF", ENOEXEC),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_that_cannot_be_executed_is_closed_again(guest, kind):
    text, error = SCRIPTS[kind]
    file = guest.tree.open(guest.task, guest.tree.root, "/tmp/script", O_CREAT | O_WRONLY, 0o755)
    file.write_at(0, text)
    node = file.node
    file.close()
    with pytest.raises(LinuxError) as failed:
        opened = open_program(guest.tree, guest.task, guest.tree.root, "/tmp/script")
        find_program(guest.tree, guest.task, opened, b"/tmp/script", [b"script"])
    assert failed.value.errno == error
    assert node.holders == 0
