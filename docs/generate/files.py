"""The page of all files: each folder of emu/ with its files, each in the first sentence of its own header.

python -m docs.generate.files        # prints the page
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def first_sentence(path):
    """The first sentence of a file's header, "" where it has none."""
    header = ast.get_docstring(ast.parse(path.read_text())) or ""
    paragraph = " ".join(header.split("\n\n")[0].split())
    return re.split(r"(?<=[.:?])\s(?=[A-Z`(])", paragraph)[0].rstrip(":")


def folders():
    """Each folder that has Python files, emu/ first."""
    return sorted({path.parent for path in (ROOT / "emu").rglob("*.py")})


def page():
    """The page, in Markdown."""
    lines = ["# Every file in a sentence", "", "Made from the headers of the files when this site is built."]
    for folder in folders():
        files = [path for path in sorted(folder.glob("*.py")) if first_sentence(path)]
        if files:
            lines += ["", f"## {folder.relative_to(ROOT).as_posix()}/", ""]
        for path in files:
            sentence = first_sentence(path).replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_")
            lines.append(f"- `{path.name}`: {sentence}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
