"""A benchmark's section of RESULTS.md: replaced whole, beside sections that nothing touches."""

import sys
from pathlib import Path
from types import SimpleNamespace

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))
import results_page  # noqa: E402

PAGE = "# Results\n\n## switchboard: what?\n\nkept\n\n## switch: how fast?\n\nold\n\n### by hand\n\n## wake: x\n\n.\n"
HOST = {
    "time": "2026-11-29T01:00:00+0000", "cpu": "A|B", "cores": 2, "kernel": "6.18.2-x", "load_1min": 0.5, "python": "3",
    "numba": "1",
}  # fmt: skip


def bench(name="switch", rows=(("inko", 19.6),)):
    return SimpleNamespace(name=name, question="How fast?", options={"rounds": 2, "quick": False}, host=HOST,
                           tables=[("A title", ["policy", "ns"], list(rows))], notes=["A note."])  # fmt: skip


def test_a_section_has_the_table_the_machine_and_the_day():
    text = results_page.section(bench())
    assert text.startswith("## switch: How fast?\n\n2026-11-29, A|B, 2 cores, Linux 6.18, host load 0.5 at the start")
    assert "\n**A title**\n\n| policy | ns |\n| --- | ---: |\n| inko | 19.6 |\n" in text and text.endswith("A note.\n")
    assert "rounds 2" in text and "quick" not in text


def test_a_bar_in_a_cell_does_not_end_it():
    assert "| a\\|b | 1 |" in results_page.section(bench(rows=[("a|b", 1)]))


def test_only_the_section_of_that_name_is_replaced():
    found = results_page.replace_section(PAGE, "switch", "## switch: how fast?\n\nnew\n")
    assert found == "# Results\n\n## switchboard: what?\n\nkept\n\n## switch: how fast?\n\nnew\n\n## wake: x\n\n.\n"
    assert results_page.replace_section(found, "switch", "## switch: how fast?\n\nnew\n") == found


def test_a_new_section_comes_last():
    assert results_page.replace_section(PAGE, "steal", "## steal: x\n") == PAGE + "\n## steal: x\n"


def test_a_section_is_written_below_what_the_page_has(tmp_path):
    page, kept = tmp_path / "RESULTS.md", results_page.RESULTS_PAGE.read_text()
    page.write_text(kept)
    results_page.write_section(bench("a-new-one"), page)
    assert page.read_text() == kept.rstrip() + "\n\n" + results_page.section(bench("a-new-one"))


def test_a_benchmark_writes_its_section_only_when_asked(tmp_path, monkeypatch):
    import common
    from click.testing import CliRunner

    @common.benchmark("nothing", rounds=1)
    def nothing(bench):
        """What does nothing cost?"""

    written = []
    monkeypatch.setattr(common, "write_section", lambda bench: written.append(bench.name))
    for options, expected in ([], []), (["--results"], ["nothing"]):
        result = CliRunner().invoke(nothing, ["--json", str(tmp_path / "nothing.json"), *options])
        assert result.exit_code == 0 and written == expected, result.output
