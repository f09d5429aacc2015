"""The committed ELFs of the guests come from the committed sources."""

from pathlib import Path

import pytest

from emu.guests import build


def test_every_guest_was_built_from_its_present_source():
    assert build.check_sources() == []


def test_every_guest_says_what_it_is_in_a_header_comment():
    for source in build.sources():
        assert source.read_text().startswith(f"/* {source.stem}: "), source.name


def test_every_guest_is_plain_rv64gc():
    for source in build.sources():
        assert build.extensions(build.elf_of(source)) <= build.RV64GC, source.name


def test_building_again_gives_the_same_bytes():
    pinned = build.read_manifest()["ziglang"]
    if build.ziglang_version() != pinned:
        pytest.skip(f"needs ziglang {pinned}, there is {build.ziglang_version()}")
    assert build.check_bytes() == []


def test_a_changed_source_is_named(tmp_path, monkeypatch):
    for path in [*build.sources(), *build.GUESTS.glob("*.h")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(build, "GUESTS", tmp_path)
    assert build.check_sources() == []
    (tmp_path / "hello.c").write_text("int main(void) { return 1; }\n")
    assert build.check_sources() == ["hello.c changed since bin/hello.elf was built: python emu/guests/build.py hello"]
    (tmp_path / "hello.c").write_bytes((Path(build.__file__).parent / "hello.c").read_bytes())
    (tmp_path / "threads.h").write_text("/* changed */\n")
    assert "primes.c changed since bin/primes.elf was built: python emu/guests/build.py primes" in build.check_sources()


def test_a_source_that_does_not_compile_is_a_clear_error(tmp_path):
    pytest.importorskip("ziglang")
    source = tmp_path / "wrong.c"
    source.write_text("int main(void) { return undeclared; }\n")
    with pytest.raises(build.BuildError, match=r"wrong\.c does not compile:"):
        build.compile_c(source, tmp_path / "wrong.elf")
