"""The picture of the architecture: processes above, layers below, drawn from the tree.

    python -m docs.generate.picture        # writes docs/architecture.svg

A layer is a folder of emu/ (or a file beside folders). It stands one row above the highest layer that it imports, so an
arrow of the source code always points down, and none needs to be drawn.
"""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMU = ROOT / "emu"
PICTURE = ROOT / "docs" / "architecture.svg"
HOT = {"shm", "isa", "kernel", "policies", "policy"}
PROCESSES = (
    ("supervisor", "yours: boots, watches, reports"),
    ("emu-server", "files, loading, signals, reaping"),
    ("emu-timekeeper", "one heap of time-outs"),
    ("emu-cpu-0", "guest code, kernel"),
    ("emu-cpu-n", "guest code, kernel"),
)
WIDTH, ROW, PAD = 960, 46, 14


def units():
    """The children of emu/ that are packages or modules, without the package's own two public files."""
    found = {path.name for path in EMU.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    return found | {path.stem for path in EMU.glob("*.py") if path.stem != "__init__"}


@cache
def imported_by(unit):
    """The other units that a unit's files import."""
    folder, known, found = EMU / unit, units(), set()
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    for path in files:
        package = list(path.relative_to(ROOT).parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = [*base, *(node.module or "").split(".")]
                names = [[*module, alias.name] for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
            else:
                continue
            for parts in names:
                parts = [part for part in parts if part]
                if parts[0] == "emu" and len(parts) > 1 and parts[1] in known:
                    found.add(parts[1])
    return found - {unit}


def levels():
    """[units of the lowest row, …]: each unit one row above the highest that it imports."""
    imports, level = {unit: imported_by(unit) for unit in units()}, {}
    while len(level) < len(imports):
        ready = [u for u in imports if u not in level and imports[u] <= level.keys()]
        assert ready, f"imports in a circle among {sorted(imports.keys() - level.keys())}"
        for unit in ready:
            level[unit] = 1 + max((level[other] for other in imports[unit]), default=-1)
    return [sorted(u for u in level if level[u] == row) for row in range(max(level.values()) + 1)]


def box(x, y, width, height, title, text="", kind="cold"):
    middle = x + width / 2
    lines = [f'<rect class="{kind}" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="5"/>']
    top = y + height / 2 + (-3 if text else 5)
    lines.append(f'<text class="name" x="{middle:.0f}" y="{top:.0f}">{title}</text>')
    if text:
        lines.append(f'<text class="small" x="{middle:.0f}" y="{top + 15:.0f}">{text}</text>')
    return lines


def row(y, height, boxes):
    """Boxes side by side over the whole width; each (title, text, kind, share of the width)."""
    lines, x, whole = [], PAD, sum(share for *_, share in boxes)
    room = WIDTH - PAD - PAD * len(boxes)
    for title, text, kind, share in boxes:
        width = room * share / whole
        lines += box(x, y, width, height, title, text, kind)
        x += width + PAD
    return lines


def picture():
    """The SVG, as text."""
    y, body = 36, ['<text class="head" x="14" y="24">Processes</text>']
    body += row(y, 50, [(name, text, "process", 10 + len(text)) for name, text in PROCESSES])
    y += 62
    body += row(y, ROW, [("shared memory", "machine record, guest memory, decoded instructions", "memory", 1)])
    y += ROW + 36
    body.append(f'<text class="head" x="14" y="{y - 12}">Folders and files of emu/: each imports from rows below only. '
                "Yellow: mostly compiled (hot)</text>")  # fmt: skip
    for names in reversed(levels()):
        body += row(y, 30, [(name, "", "hot" if name in HOT else "cold", 6 + len(name)) for name in names])
        y += 38
    style = (
        "text{font-family:sans-serif;fill:#222;text-anchor:middle}.head{text-anchor:start;font-size:14px;fill:#777}"
        ".name{font-size:14px}.small{font-size:11px}rect{stroke:#666}.process{fill:#dbe9f6}.memory{fill:#e4e4e4}"
        ".hot{fill:#fbe7a1}.cold{fill:#f4f4f4}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 4}" width="{WIDTH}" height="{y + 4}">'
    return "\n".join([head, f"<style>{style}</style>", f'<rect x="0" y="0" width="{WIDTH}" height="{y + 4}" '
                      'style="fill:#fff;stroke:none"/>', *body, "</svg>"]) + "\n"  # fmt: skip


if __name__ == "__main__":
    PICTURE.write_text(picture())
