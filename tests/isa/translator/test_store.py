"""Translated code on disk: what was saved is found, what is damaged or another's is not, and there is a bound."""

import os
import shutil
import stat
from dataclasses import replace
from multiprocessing import get_context

import pytest

from emu.hot import cache, checked_file
from emu.isa.translator import store
from emu.isa.translator.store import PACK_LINKS, PACK_REGIONS, Kept, Pack, Store, usage

PAGE = 0x10000
DATA = bytes(range(256)) * 16
KEPT = Kept(PAGE + 4, (PAGE, -1), 2, ((PAGE + 4, b"\1\2\3\4"),), b"\xc3" * 100, 64, 3)
BLOCK = 4096


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "root", lambda: tmp_path / "translated")
    return tmp_path / "translated"


def pack_of(*entries, links=(), code=KEPT.code):
    return Pack({entry: replace(KEPT, entry=entry, code=code) for entry in entries}, set(links))


def name(page=PAGE, data=DATA, careful=False):
    return Store.name_of(page, data, careful)


def path_of(made):
    return made.folder / name()


def test_what_was_saved_is_found_by_who_comes_later():
    Store().save(name(), Pack({KEPT.entry: KEPT}, {PAGE + 4096}))
    found = Store().load(name())
    assert found.regions == {KEPT.entry: KEPT} and found.links == {PAGE + 4096}


def test_the_order_in_which_regions_became_hot_is_kept():
    entries = [PAGE + n for n in (80, 4, 40, 2)]
    Store().save(name(), pack_of(*entries))
    assert list(Store().load(name()).regions) == entries


def test_a_page_that_differs_in_a_byte_or_lies_elsewhere_has_another_pack():
    other = bytearray(DATA)
    other[-1] ^= 1
    names = {name(), name(PAGE + 4096), name(data=bytes(other)), name(careful=True)}
    assert len(names) == 4


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def become_another_packs(path):
    Store().save(name(PAGE + 4096), pack_of(PAGE + 4100))
    shutil.copy(path.parent / name(PAGE + 4096), path)


def become_folder(path):
    path.unlink()
    path.mkdir()


def become_fifo(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [cut, flip, become_another_packs, become_folder, become_fifo, os.unlink])
def test_a_damaged_file_is_as_if_it_were_not_there(damage):
    made = Store()
    made.save(name(), pack_of(KEPT.entry))
    damage(path_of(made))
    assert Store().load(name()) == Pack()
    again = Store()
    again.save(name(), pack_of(KEPT.entry))  # and is made anew, where that is possible
    assert again.load(name()) == (Pack() if damage is become_folder else pack_of(KEPT.entry))


@pytest.mark.parametrize("what", ["get_host_cpu_features", "get_host_cpu_name", "llvm_version_info"])
def test_code_for_another_processor_or_of_another_compiler_is_not_looked_at(monkeypatch, what):
    Store().save(name(), pack_of(KEPT.entry))
    monkeypatch.setattr(store.llvm, what, {"get_host_cpu_features": lambda: {"new": True},
                                           "get_host_cpu_name": lambda: "newer",
                                           "llvm_version_info": (99, 0, 0)}[what])  # fmt: skip
    assert Store().load(name()) == Pack()
    monkeypatch.undo()


def test_code_that_other_sources_made_is_not_looked_at(monkeypatch):
    Store().save(name(), pack_of(KEPT.entry))
    monkeypatch.setattr(cache, "CACHE_DIR", cache.CACHE_DIR.with_name("0123"))
    assert Store().load(name()) == Pack()


def test_what_two_machines_add_to_a_pack_is_there_together():
    one, two = Store(), Store()
    one.save(name(), pack_of(PAGE, links=[1]))
    two.save(name(), pack_of(PAGE + 2, links=[2]))
    assert Store().load(name()) == pack_of(PAGE + 2, PAGE, links=[1, 2])


def save_often(root, entry):
    store.root = lambda: root
    made = Store(limit_bytes=20 * BLOCK, slack_bytes=BLOCK)
    for n in range(100):
        made.save(name(PAGE + n % 10 * 4096), pack_of(entry))
        found = made.load(name()).regions
        assert set(found) <= {PAGE, PAGE + 2} and all(kept.code == KEPT.code for kept in found.values())


def test_machines_that_save_at_once_leave_whole_packs(folder):
    context = get_context("fork")
    processes = [context.Process(target=save_often, args=(folder, entry)) for entry in (PAGE, PAGE + 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert usage()[0] <= 20 and not list(folder.glob("*/*.new"))
    made = Store()
    for path in made.folder.iterdir():
        assert made.load(path.name).regions


def test_what_was_used_longest_ago_goes_first():
    """Ten packs of a block each, and room for four."""
    made = Store(limit_bytes=4 * BLOCK, slack_bytes=0)
    names = [name(PAGE + n * 4096) for n in range(10)]
    large = Store(slack_bytes=1 << 40)
    for n, each in enumerate(names):
        large.save(each, pack_of(PAGE))
        os.utime(large.folder / each, (n, n))
    made.load(names[2])
    made.save(name(), pack_of(PAGE))  # which is names[0]
    left = {path.name for path in made.folder.iterdir()}
    assert names[2] in left and names[0] in left and len(left) == 3, "three quarters of the bound"
    assert usage()[1] <= 4 * BLOCK


def test_other_versions_folders_go_when_they_are_empty(folder):
    old = folder / "old"
    old.mkdir(parents=True)
    (old / "pack").write_bytes(bytes(10 * BLOCK))
    (old / "half.new").write_bytes(bytes(10 * BLOCK))
    for path in old.iterdir():
        os.utime(path, (1, 1))
    Store(limit_bytes=8 * BLOCK, slack_bytes=0).save(name(), pack_of(PAGE))
    assert not old.exists() and usage()[0] == 1


def test_nobody_looks_at_all_files_more_often_than_he_has_written_much(monkeypatch):
    looked = []
    monkeypatch.setattr(Store, "_trim", lambda self: looked.append(1))
    made = Store(slack_bytes=10_000)
    for n in range(50):
        made.save(name(PAGE + n * 4096), pack_of(PAGE, code=bytes(800)))
    assert 4 <= len(looked) <= 6, "at first, and each 10000 bytes"


def test_a_pack_has_a_bound():
    many = Pack()
    many.add(pack_of(*range(2 * PACK_REGIONS), links=range(2 * PACK_LINKS)))
    assert len(many.regions) == PACK_REGIONS and len(many.links) == PACK_LINKS
    large = pack_of(0)
    large.add(pack_of(1, 2, 3, 4, 5, code=bytes(1 << 20)))
    assert list(large.regions) == [0, 1, 2, 3] and large.regions[0].code == KEPT.code


@pytest.mark.parametrize("place", ["/dev/null/translated", "/proc/translated"])
def test_where_nothing_can_be_written_nothing_is_and_nobody_fails(monkeypatch, tmp_path, place):
    monkeypatch.setattr(store, "root", lambda: store.cache.Path(place))
    made = Store()
    made.save(name(), pack_of(PAGE))
    made.save(name(), pack_of(PAGE))
    assert not made.writable and made.load(name()) == Pack() and usage() == (0, 0)


def test_a_full_disk_costs_the_pack_only(monkeypatch):
    made = Store()
    made.save(name(), pack_of(PAGE))
    monkeypatch.setattr(checked_file.os, "replace", full)
    made.save(name(), pack_of(PAGE + 2))
    monkeypatch.undo()
    assert not made.writable and not list(made.folder.glob("*.new"))


def full(*_):
    raise OSError(28, "No space left on device")


def test_nobody_else_may_read_or_write_what_is_kept():
    made = Store()
    made.save(name(), pack_of(PAGE))
    assert stat.S_IMODE(path_of(made).stat().st_mode) == 0o600


def test_a_directory_of_somebody_else_below_tmpdir_is_not_used(monkeypatch):
    """As for the compile cache: the code would be executed."""
    Store().save(name(), pack_of(PAGE))

    def refuse():
        raise PermissionError(1, "belongs to somebody else")

    monkeypatch.setattr(cache, "_check_owner", refuse)
    made = Store()
    assert made.load(name()) == Pack()
    made.save(name(), pack_of(PAGE))
    assert not made.writable
