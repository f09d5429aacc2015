"""The linker: each kind of relocation leads where it should, and what it does not know is an error."""

import struct

import pytest
from llvmlite import binding as llvm

from emu import Machine, guest
from emu.hot.guest_code import _machine
from emu.program import link as linker
from emu.program.calls import STUBS
from emu.server.elf import parse

PROGRAM = """
target triple = "riscv64-unknown-elf"
@stored = internal global i64 0
@other = internal global i64 40
@table = internal constant [2 x ptr] [ptr @stored, ptr @other]
@emu.words.0 = external global [3 x i64]
declare i64 @emu.call(i64, i64, i64, i64, i64, i64, i64, i64)
define i64 @index() noinline { ret i64 1 }
define void @_start() {
  store volatile i64 2, ptr @stored
  %k = call i64 @index()
  %at = getelementptr [2 x ptr], ptr @table, i64 0, i64 %k
  %to = load volatile ptr, ptr %at
  %forty = load volatile i64, ptr %to
  %two = load volatile i64, ptr @stored
  %third = getelementptr [3 x i64], ptr @emu.words.0, i64 0, i64 2
  %hundred = load volatile i64, ptr %third
  %sum = add i64 %forty, %two
  %all = add i64 %sum, %hundred
  call i64 @emu.call(i64 %all, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0, i64 94)
  unreachable
}
"""


def compiled(text):
    machine = _machine()
    module = llvm.parse_assembly(text)
    module.data_layout = str(machine.target_data)
    return machine.emit_object(module)


def kinds(data):
    """The kinds of relocations in what is linked."""
    found = linker._Object(data)
    return {
        kind
        for k in range(len(found.rows))
        for _, kind, _, _ in found.relocations(k)
        if not found.names[k].startswith(".eh")
    }


def test_every_kind_of_relocation_leads_where_it_should(warm, tmp_path):
    data = compiled(PROGRAM)
    assert kinds(data) == {linker._ABSOLUTE, linker._CALL, linker._PCREL_HI, linker._PCREL_LO_I, linker._PCREL_LO_S}
    path = tmp_path / "linked"
    path.write_bytes(linker.link(data, [("emu.words.0", guest.words([0, 0, 100]))], STUBS))
    with Machine(1, quiet=True) as machine:
        job = machine.spawn(path)
        machine.run(60)
    assert job.exit_status == 142


def test_what_nobody_has_is_named():
    with pytest.raises(linker.LinkError, match="emu.words.0"):
        linker.link(compiled(PROGRAM), [], STUBS)
    with pytest.raises(linker.LinkError, match="emu.call"):
        linker.link(compiled(PROGRAM), [("emu.words.0", guest.words(3))], {})


def test_a_kind_that_is_not_known_is_an_error(monkeypatch):
    monkeypatch.setattr(linker, "_ABSOLUTE", -1)
    with pytest.raises(linker.LinkError, match="a relocation of kind 2"):
        linker.link(compiled(PROGRAM), [("emu.words.0", guest.words(3))], STUBS)


def test_words_of_zeros_are_not_in_the_file_and_no_two_arrays_share_a_line():
    words = [("emu.words.0", guest.words([1, 2, 3])), ("b", guest.words(1 << 20)), ("c", guest.words([5]))]
    image = linker.link(compiled(PROGRAM), words, STUBS)
    assert len(image) < 1 << 16
    last = max(parse(image)["segments"], key=lambda each: each["start"])
    assert last["size"] == 64 + 64 + (8 << 20) and last["prot"] == 3
    assert struct.unpack_from("<3q", last["data"]) == (1, 2, 3) and struct.unpack_from("<q", last["data"], 64) == (5,)


def test_code_cannot_be_written_and_data_not_executed():
    image = linker.link(compiled(PROGRAM), [("emu.words.0", guest.words(3))], STUBS)
    assert sorted(each["prot"] for each in parse(image)["segments"]) == [1, 3, 3, 5]
