"""The page of the systems: each row in one sentence, the files that name it, and the tests that carry its id.

    python -m docs.generate.systems        # prints the page

Rows and sentences are in docs/systems.toml. The files are those below emu/ that mention the id, the tests those with
`@pytest.mark.system("id")`. Nothing is kept by hand but the sentences, so the page says what the tree says.
"""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ID = re.compile(r"\b(rust|cz|inko|kse|alux)-(\d+(?:(?:/|, )\d+)*)\b")


@cache
def rows():
    """{system: {"title": …, "rows": {id: sentence}}}, as docs/systems.toml has them."""
    return tomllib.loads((ROOT / "docs" / "systems.toml").read_text())


def ids():
    return [row for system in rows().values() for row in system["rows"]]


def marked(text):
    """The ids in the markers of a test file's text, each once: arguments of calls of `mark.system`."""
    if "mark.system" not in text:  # parsing costs more than this look
        return []
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    calls = [node for node in calls if re.search(r"\bmark\.system$", ast.unparse(node.func))]
    return list(dict.fromkeys(row.value for node in calls for row in node.args))


def shown_by():
    """{id: test files that carry its marker}."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for row in marked(path.read_text()):
            found.setdefault(row, []).append(path)
    return found


def named_in():
    """{id: files of emu/ that name it}; "alux-4/5" names two rows."""
    found = {}
    for path in sorted([*(ROOT / "emu").rglob("*.py"), *(ROOT / "emu").rglob("*.h")]):
        for system, numbers in ID.findall(path.read_text()):
            for number in re.split(r"/|, ", numbers):
                files = found.setdefault(f"{system}-{number}", [])
                if path not in files:
                    files.append(path)
    return found


def _names(paths):
    return ", ".join(f"`{path.relative_to(ROOT).as_posix()}`" for path in paths)


def page():
    """The page, in Markdown."""
    tests, files = shown_by(), named_in()
    done = sum(row in tests for row in ids())
    lines = [
        "# The five systems",
        "",
        "emu implements the ideas of five historical schedulers and kernels, row by row. A row counts as done when a "
        "test that carries its id shows it on a machine of at least two CPU processes. "
        f"Today tests show {done} of {len(ids())} rows.",
        "",
        "`pytest --row rust-3` runs the tests of one row, `pytest -m system` those of all.",
    ]
    for system in rows().values():
        lines += ["", f"## {system['title']}", ""]
        for row, sentence in system["rows"].items():
            lines.append(f"**{row}.** {sentence}  ")
            where = files.get(row)
            lines.append(f"Where: {_names(where)}  " if where else "Where: no file of emu names it  ")
            lines += [f"Shown by: {_names(tests[row])}" if row in tests else "Not yet: no test shows it.", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
