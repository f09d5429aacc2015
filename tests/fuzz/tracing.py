"""Which lines of the served calls' handlers a campaign executes.

`trace_servers(directory)` is called before the first machine of a process: the forkserver then preloads this module,
and each system server writes the lines of handlers that it executed to a file in the directory when it ends.
"""

import ast
import inspect
import json
import os
import sys
import tempfile
from pathlib import Path

from emu.machine import children
from emu.server import process as server
from emu.server.calls import registry

VARIABLE = "EMU_TEST_HANDLER_LINES"  # the directory, for the forkserver and its children
_real_main = server.main


def trace_servers(directory):
    """Have servers of this process's machines write down what they execute."""
    os.environ[VARIABLE] = str(directory)
    children.PRELOAD = [*children.PRELOAD, __name__]


def handler_files():
    """The source files of all registered handlers."""
    handlers = filter(None, (registry.handler_of(number) for number in range(1 << 13)))
    return sorted({inspect.unwrap(handler).__code__.co_filename for handler in handlers})


def _main(*arguments):
    files, lines = set(handler_files()), set()

    def line(frame, event, argument):
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame, event, argument):
        return line if frame.f_code.co_filename in files else None

    sys.settrace(call)
    try:
        _real_main(*arguments)
    finally:
        sys.settrace(None)
        with tempfile.NamedTemporaryFile("w", dir=os.environ[VARIABLE], suffix=".json", delete=False) as file:
            json.dump(sorted(lines), file)


def executed(directory):
    """{file: set of line numbers} that all servers wrote down."""
    found = {}
    for path in Path(directory).glob("*.json"):
        for file, number in json.loads(path.read_text()):
            found.setdefault(file, set()).add(number)
    return found


def statements(file):
    """First lines of the statements inside the functions of a source file that are no docstrings."""
    found = set()
    for function in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                if isinstance(node, ast.stmt) and node is not function and not is_text:
                    found.add(node.lineno)
    return found


if VARIABLE in os.environ:
    server.main = _main
