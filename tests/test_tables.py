"""Tables for people: they fit the width that there is, and nothing is lost or taken for markup."""

import pytest

from emu.tables import duration, html_table, print_lines, print_table

COLUMNS = ("name", "CPUs", *(f"figure {k}" for k in range(9)))
ROWS = [(f"row[{n}]", str(n), *(f"{n}{k},000" for k in range(9))) for n in (1, 2)]


@pytest.mark.parametrize("width", [40, 60, 200])
def test_a_table_fits_the_width_and_has_every_cell(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS, keys=2)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert all(cell in text for row in ROWS for cell in row) and all(name in text for name in COLUMNS)
    blocks = [line for line in lines if line.startswith("name")]
    assert (len(blocks) == 1) == (width == 200) and all("CPUs" in line for line in blocks)


def test_words_wrap_in_their_column(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("what", "meaning"), [("x", "many words, " * 9)])
    print_lines(["and a sentence that is as long as some are, longer than 40"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40 and sum(line.count("many") for line in lines) == 9


def test_a_file_has_no_colour_and_a_sentence_a_line(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(COLUMNS, ROWS)
    print_lines(["word " * 60])
    text = capsys.readouterr().out
    assert "\x1b" not in text and "word " * 59 in text


def test_no_color_is_honoured_on_a_terminal(monkeypatch):
    from emu.tables import console

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not console().no_color
    monkeypatch.setenv("NO_COLOR", "1")
    assert console().no_color


def test_html_escapes_what_it_is_given():
    page = html_table(("a<b", "n"), [("<script>", "1")], "x & y")
    assert "<script>" not in page and "&lt;script&gt;" in page and "x &amp; y" in page and "a&lt;b" in page


@pytest.mark.parametrize("ns, text", [
    (None, ""), (5, "5 ns"), (1_500, "1.50 µs"), (12_340_000, "12.3 ms"), (250e9, "250 s"),
])  # fmt: skip
def test_durations_have_three_digits(ns, text):
    assert duration(ns) == text
