"""What is made from the sources says what they say: the page of the systems, the picture."""

import re
import xml.etree.ElementTree as xml
from textwrap import dedent

import pytest

from docs.generate import files, perfetto, picture, systems
from tests.browser import missing


def test_the_page_of_the_systems_has_each_row_once_with_its_tests():
    page = systems.page()
    assert re.findall(r"^\*\*([a-z]+-\d+)\.\*\*", page, re.MULTILINE) == systems.ids()
    parts = dict(zip(systems.ids(), page.split("\n**")[1:]))
    shown = systems.shown_by()
    for row, text in parts.items():
        assert ("Not yet" in text) == (row not in shown)
        for path in shown.get(row, ()):
            assert f"`{path.relative_to(systems.ROOT).as_posix()}`" in text


def test_every_row_that_tests_and_headers_name_has_a_sentence():
    assert systems.shown_by().keys() <= set(systems.ids()), "a marker names a row that docs/systems.toml lacks"
    assert systems.named_in().keys() <= set(systems.ids()), "a file of emu/ names a row that docs/systems.toml lacks"


def test_a_marker_is_found_however_it_is_written_and_a_text_about_one_is_none():
    text = """
        '@pytest.mark.system("rust-9")'
        @pytest.mark.system("rust-3")
        @pytest.mark.system(
            "cz-1"
        )
        def test(): pass
        pytestmark = [mark.system('kse-7', "rust-3")]
        """
    assert sorted(systems.marked(dedent(text))) == ["cz-1", "kse-7", "rust-3"]


def test_the_picture_is_up_to_date():
    assert picture.PICTURE.read_text() == picture.picture(), "draw it anew: python -m docs.generate.picture"


def test_the_picture_shows_each_folder_above_those_that_it_imports():
    names = [element for element in xml.fromstring(picture.picture()).iter() if element.get("class") == "name"]
    height = {element.text: float(element.get("y")) for element in names}
    assert picture.units() <= height.keys()
    for unit in picture.units():
        for other in picture.imported_by(unit):
            assert height[unit] < height[other], f"{unit} imports {other}"


def test_the_first_sentence_of_a_header_ends_where_the_next_begins(tmp_path):
    path = tmp_path / "ipi.py"
    path.write_text('"""Interrupts: a bit, as in ipi.py,\nand a message. `Sender` sets it.\n\nMore."""\nx = 1\n')
    assert files.first_sentence(path) == "Interrupts: a bit, as in ipi.py, and a message."


def test_the_page_of_files_has_each_file_of_emu_that_has_a_header():
    listed = re.findall(r"^- `(.*?)`: \S", files.page(), re.MULTILINE)
    headed = [path.name for path in (files.ROOT / "emu").rglob("*.py") if files.first_sentence(path)]
    assert sorted(listed) == sorted(headed) and len(listed) > 150


@pytest.mark.skipif(missing() != "", reason=missing() or "-")
def test_the_picture_of_a_trace_in_perfetto_can_be_drawn_anew(tmp_path, warm):
    perfetto.draw(tmp_path / "perfetto.png")
    assert (tmp_path / "perfetto.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "perfetto.png").stat().st_size > perfetto.PICTURE.stat().st_size // 2
