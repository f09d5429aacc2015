"""The folder of an entry's code: another one when anything that the code is made from has changed."""

import pytest

from emu import cache

POLICY = "from emu.kernel.hooks import hook\nimport helper\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(POLICY)
    (tmp_path / "helper.py").write_text("A = 1\n")

    def name():
        cache._imports.cache_clear()
        cache.entry_directory.cache_clear()
        return cache.entry_directory(str(tmp_path / "mine.py")).name

    yield name
    name()


@pytest.mark.parametrize("changed", ["mine.py", "helper.py"])
def test_a_changed_source_or_one_that_it_imports_has_another_folder(folder, tmp_path, changed):
    before = folder()
    assert folder() == before
    (tmp_path / "other.py").write_text("B = 1\n")
    assert folder() == before, "nothing imports it"
    (tmp_path / changed).write_text((tmp_path / changed).read_text() + "C = 1\n")
    assert folder() != before


def test_a_file_of_emu_reaches_what_it_imports_and_nothing_else():
    reached = cache._imports(cache.SOURCE_ROOT / "shm" / "clock.py")
    assert cache.SOURCE_ROOT / "shm" / "memory.py" in reached and cache.SOURCE_ROOT / "hot.py" in reached
    assert all(path.is_relative_to(cache.SOURCE_ROOT) for path in reached)


def test_an_entry_that_uses_variables_of_the_function_around_it_is_refused():
    from emu.hot import Entry

    value = 1

    def uses(a):
        return a + value

    with pytest.raises(TypeError, match="make them globals"):
        Entry(uses, 1)
