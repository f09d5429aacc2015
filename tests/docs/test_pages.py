"""The examples of the pages run; links between pages lead somewhere; commands and targets that pages name exist."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(set(DOCS.glob("*.md")) - {DOCS / "systems.md", DOCS / "files.md"}), *sorted(DOCS.glob("labs/*/*.md"))]
EXAMPLE = re.compile(r"^```(?:python|json) run(?:=(\w+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
MADE = ("systems.md", "files.md")  # when the site is built
PRINTED = {"tour.md": "0 9 True", "programs_in_python.md": "0 2\n0", "workloads.md": "True True", "testing.md": "True",
           "profiling.md": "primes True True", "traces.md": "True True\npingpong True"}  # fmt: skip


def examples(page, kind):
    return [text for name, text in EXAMPLE.findall((DOCS / page).read_text()) if name == kind]


@pytest.mark.parametrize("page", PRINTED)
def test_the_programs_of_a_page_print_what_is_expected(page, warm, capfd):
    for text in examples(page, ""):
        exec(compile(text, page, "exec"), {"__name__": "example"})
    assert capfd.readouterr().out.strip().endswith(PRINTED[page])


def test_the_policy_of_its_page_runs_the_workload_of_its_page(warm, tmp_path):
    from emu import run_workload

    [policy], [workload] = examples("policies.md", "policy"), examples("workloads.md", "workload")
    path = tmp_path / "levels.py"
    path.write_text(policy)
    assert len([line for line in policy.splitlines() if line.strip()]) <= 33, "a policy of thirty lines"
    _, report = run_workload(json.loads(workload), cpus=2, policy=str(path), seed=1, limit_s=100, quiet=True)
    assert report.leaks == {}


def test_every_block_that_claims_to_run_is_run():
    kinds = {(page.name, name) for page in PAGES for name, _ in EXAMPLE.findall(page.read_text())}
    assert kinds == {*((page, "") for page in PRINTED), ("policies.md", "policy"), ("workloads.md", "workload")}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_exist(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and target not in MADE:
            assert os.path.exists(page.parent / target), f"{target} is not there"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(page):
    for name in re.findall(r"`((?:emu|tests|docs|benchmarks|tools)/[\w/.-]+)`", page.read_text()):
        assert (ROOT / name).exists(), f"{name} is not there"


COMMAND = re.compile(r"(?:^ *\$ |`)emu ([a-z][^`\n#]*)", re.MULTILINE)


def commands(text):
    """The words after `emu` of each command line in a page, without what stands for something else (…)."""
    return [line.replace("…", "").split() for line in COMMAND.findall(text)]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_commands_and_targets_that_a_page_names_exist(page):
    from emu.commands.subcommands import emu

    for name, *words in commands(page.read_text()):
        command = emu.get_command(None, name)
        assert command, f"there is no `emu {name}`"
        command.make_context(name, words, resilient_parsing=not words)  # raises click.UsageError
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in re.findall(r"(?:^ *(?:\$ )?|`)make ([a-z]+)(?=`|\n| +#)", page.read_text(), re.MULTILINE):
        assert name in targets, f"there is no `make {name}`"


def test_the_command_lines_of_the_pages_are_found():
    assert ["trace", "run.trace", "--check"] in commands((DOCS / "tour.md").read_text())
    assert ["policies", "eevdf"] in commands((DOCS / "tour.md").read_text())
    assert len(commands((ROOT / "README.md").read_text())) >= 7


def test_the_notebook_runs(warm, capfd):
    book = json.loads((DOCS / "labs" / "first_steps.ipynb").read_text())
    scope = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "a notebook is kept without its output"
            exec(compile("".join(cell["source"]), "first_steps.ipynb", "exec"), scope)
    assert scope["job"].exit_status == 0 and len(scope["found"].rows) == 2


def test_the_changelog_has_the_version_and_what_comes_next():
    from emu import __version__

    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" and __version__ in headings
