"""A compile cache that is damaged, cannot be written, or is filled by two at once: it heals, or one line says why."""

import errno
import fcntl
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emu.hot import Entry, cache, checked_file, entry, object_files, registered, units
from emu.hot.units import Unit
from emu.machine.warm import everything
from tests.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
EMU = [sys.executable, str(ROOT / "tools" / "cli.py")]


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Two entries that no other test has, in a cache and a folder of their own."""
    monkeypatch.setattr(cache, "CACHE_DIR", tmp_path / "these-sources")  # object files lie beside it

    @entry(2)
    def difference_of(a, b):
        return a - b

    @entry(2)
    def product_of(a, b):
        return a * b

    for each in (difference_of, product_of):
        each._folder = tmp_path.name
    return difference_of, product_of


def once_more(each):
    """The entry as another process has it."""
    again = Entry(each.function, 2)
    again._folder = each._folder
    return again


def file_of(each):
    """The object file of an entry that is compiled alone, or of a unit."""
    return Path(cache.object_file(*each.place))


def compile_unit(unit):
    for part in unit.lowered():
        part.store()


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def become_fifo(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = {
    "missing": lambda path, other: path.unlink(),
    "empty": lambda path, other: path.write_bytes(b""),
    "truncated": lambda path, other: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path, other: path.write_bytes(path.read_bytes() + b"\0"),
    "a flipped bit": lambda path, other: flip(path),
    "another function's": lambda path, other: shutil.copy(other, path),
    "no object file": lambda path, other: path.write_text("#!/bin/sh\n" * 100),
    "a FIFO": lambda path, other: become_fifo(path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_compiled_anew_and_is_whole_again(damage, pair):
    """In this process, which a damaged object file would end."""
    for each in pair:
        each.store()
    DAMAGES[damage](*map(file_of, pair))
    assert not pair[0].is_stored
    again = once_more(pair[0])
    assert again(7, 9) == -2
    assert again.is_stored and file_of(again).is_file()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_unit_is_not_taken_and_is_mended(damage, pair):
    unit = Unit(pair)
    compile_unit(unit)
    pair[1].store()
    DAMAGES[damage](file_of(unit), file_of(pair[1]))
    assert not unit.is_stored and not unit.load()
    file_of(unit).unlink(missing_ok=True)
    compile_unit(unit)
    assert unit.load()
    assert all(object_files.address_of(unit.symbol_of(each)) for each in pair)


def test_an_entry_is_taken_from_its_unit_and_alone_where_that_is_missing(pair, monkeypatch):
    unit = Unit(pair)
    monkeypatch.setattr(Entry, "unit", unit)
    assert not any(each.is_stored for each in pair)
    compile_unit(unit)
    assert all(each.is_stored for each in pair)
    assert once_more(pair[0])(7, 9) == -2 and not file_of(pair[0]).exists()
    file_of(unit).unlink()
    assert once_more(pair[1])(7, 9) == 63 and not file_of(pair[1]).exists(), "loaded already"
    monkeypatch.setattr(object_files, "_loaded", set())  # as in another process
    assert once_more(pair[1])(7, 9) == 63 and file_of(pair[1]).exists()


def test_the_entries_of_a_file_are_a_unit_but_for_those_that_another_function_made(pair):
    from tests.shm import wrappers

    (unit,) = units(each for each in registered() if each.source == wrappers.__file__)
    assert unit.name == wrappers.__name__ and len(unit.entries) > 1
    assert units(pair) == []


def test_a_directory_in_an_entrys_place_does_not_keep_it_from_working(pair):
    file_of(pair[0]).mkdir(parents=True)
    again = once_more(pair[0])
    assert again(7, 9) == -2 and again.not_stored.errno == errno.EISDIR


def test_without_room_nothing_is_left_half_written(tmp_path):
    """A limit on the size of files is the same as a full disk, but for the number of the error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as caught:
            checked_file.write(tmp_path / "folder" / "file", "name", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power cut leaves an empty file of that name."""
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (done.append(name), real(*a))[1])
    checked_file.write(tmp_path / "file", "name", b"content")
    assert done == ["fsync", "replace", "fsync"]
    assert checked_file.read(tmp_path / "file", "name") == b"content"
    assert checked_file.read(tmp_path / "file", "other name") is None


def test_nobody_waits_for_the_disk_for_a_file_that_he_can_do_without(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("waited for the disk"))
    checked_file.write(tmp_path / "folder" / "file", "name", b"content", durable=False)
    assert checked_file.read(tmp_path / "folder" / "file", "name") == b"content"


@pytest.fixture
def copied(warm, tmp_path):
    """A copy of the complete cache that a test may damage; the folder, and `emu` with this cache."""
    root = tmp_path / "cache"
    shutil.copytree(cache.CACHE_DIR, root / cache.CACHE_DIR.name)
    for folder, _ in cache._marked(cache.MARKER)["objects"]:
        shutil.copytree(cache.cache_root() / "code" / folder, root / "code" / folder, dirs_exist_ok=True)
    environment = {**os.environ, "EMU_CACHE_DIR": str(root)}

    def emu(*arguments):
        return subprocess.run([*EMU, *arguments], capture_output=True, text=True, timeout=120, env=environment)

    emu.environment = environment
    return root, emu


def test_a_machine_mends_its_cache_and_doctor_says_so_before(copied):
    """Of two small files, which are compiled soon."""
    root, emu = copied
    places = {unit.name: unit.place for unit in everything()}
    empty, flipped = ("{}/code/{}/{}.o".format(root, *places[f"emu.{name}"]) for name in ("shm.clock", "kernel.ticks"))
    Path(empty).write_bytes(b"")
    flip(Path(flipped))
    found = emu("doctor")
    assert found.returncode == 0 and "2 missing or damaged: the next run compiles them" in found.stdout, found.stdout
    done = emu("run", "--quiet", "--cpus", "1", "hello")
    assert (done.returncode, done.stdout) == (0, "hello from emu\n")
    assert all(line.startswith("mending the compile cache") for line in done.stderr.split("\n") if line)  # a bar
    assert "2/2" in done.stderr
    assert emu("run", "--quiet", "--cpus", "1", "hello").stderr == ""


def test_a_function_that_units_share_is_mended_alone(copied):
    root, emu = copied
    (path,) = root.glob("code/*/*._once_a_second.*.o")
    before = {each: each.stat().st_mtime_ns for each in root.glob("code/*/*.o")}
    path.unlink()
    assert "1 missing or damaged" in emu("doctor").stdout
    done = emu("run", "--quiet", "--cpus", "1", "hello")
    assert (done.returncode, done.stdout) == (0, "hello from emu\n"), done.stderr
    after = {each: each.stat().st_mtime_ns for each in root.glob("code/*/*.o")}
    assert after.pop(path) != before.pop(path) and after == before


def test_a_damaged_marker_is_written_anew(copied):
    root, emu = copied
    flip(root / cache.CACHE_DIR.name / "complete")
    done = emu("run", "--quiet", "--cpus", "1", "hello")
    assert (done.returncode, done.stdout) == (0, "hello from emu\n"), done.stderr
    assert emu("run", "--quiet", "--cpus", "1", "hello").stderr == ""


def test_a_complete_cache_need_not_be_writable(copied, tmp_path):
    """Files instead of folders and locks where one would be made: who writes fails, root too."""
    root, emu = copied
    (root / cache.CACHE_DIR.name / "lock").unlink(missing_ok=True)
    (root / cache.CACHE_DIR.name / "lock").mkdir()
    assert emu("run", "--quiet", "--cpus", "1", "hello").stderr == ""
    (root / cache.CACHE_DIR.name / "complete").unlink()
    done = emu("run", "--quiet", "--cpus", "1", "hello")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("emu: the compile cache cannot be written: ") and "EMU_CACHE_DIR" in done.stderr


def test_who_finds_another_compiling_says_that_it_waits(copied):
    root, emu = copied
    marker = root / cache.CACHE_DIR.name / "complete"
    marker.rename(marker.with_name("taken away"))
    command = [*EMU, "run", "--quiet", "--cpus", "1", "hello"]
    with open(marker.with_name("lock"), "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            command, env=emu.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert "waiting" in waiting.stderr.readline()
        wait_until(waiting, lambda: waiting.poll() is None)
        marker.with_name("taken away").rename(marker)
    output, errors = waiting.communicate(timeout=60)
    assert (waiting.returncode, output, errors) == (0, "hello from emu\n", "")


def test_two_that_start_with_an_empty_cache_both_run(copied):
    """Empty for them: without the marker each has to look at every entry, and to write a new one."""
    root, emu = copied
    (root / cache.CACHE_DIR.name / "complete").unlink()
    command = [*EMU, "run", "--quiet", "--cpus", "1", "hello"]
    both = [subprocess.Popen(command, env=emu.environment, text=True, stdout=subprocess.PIPE) for _ in range(2)]
    assert [each.communicate(timeout=120)[0] for each in both] == ["hello from emu\n"] * 2
    assert [each.returncode for each in both] == [0, 0]


@pytest.mark.parametrize("home", ["no home", "a home that is not there", "a file"])
def test_a_user_without_a_home_has_a_cache_below_the_temporary_directory(home, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.delenv("EMU_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", "/nowhere/at/all" if home == "a home that is not there" else str(file))
    if home == "no home":  # as for a user whom the host does not know
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert cache.cache_root() == tmp_path / f"emu-cache-{os.getuid()}"


def test_machine_code_is_not_taken_from_somebody_elses_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_root", cache._fallback)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache._fallback().mkdir()
    cache._fallback().chmod(0o777)  # anybody can write into it
    check = cache._check_owner.__wrapped__
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        check()
    cache._fallback().chmod(0o700)
    check()


def test_where_sources_lie_does_not_change_the_name_of_their_code(tmp_path):
    """So an installed copy, or another checkout, needs not to compile again."""
    shutil.copytree(ROOT / "emu", tmp_path / "emu", ignore=shutil.ignore_patterns("__pycache__", "bin"))
    say = (
        "from emu.hot import cache; print(cache.CACHE_DIR.name); "
        "print(cache.entry_folder(cache.SOURCE_ROOT / 'hot' / 'functions.py'))"
    )
    said = [
        subprocess.run([sys.executable, "-c", say], cwd=folder, capture_output=True, text=True, check=True).stdout
        for folder in (ROOT, tmp_path)
    ]
    assert said[0] == said[1]


def test_two_files_that_import_each_other_have_folders_of_their_own(tmp_path):
    (tmp_path / "mine.py").write_text("import helper\n")
    (tmp_path / "helper.py").write_text("import mine\n")
    assert cache.entry_folder(tmp_path / "mine.py") != cache.entry_folder(tmp_path / "helper.py")
