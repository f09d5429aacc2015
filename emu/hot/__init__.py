"""Hot code: Python that is compiled, and runs without the interpreter lock.

functions.py has the marks (`@hot`, `@entry`, `@callback`, `@intrinsic`), compiler.py makes machine code of what is
marked, alone or with all of its file (units.py), front_end.py spares it work, and cache.py keeps it on disk.
"""

from .functions import (
    CHECK,
    Callback,
    Compiled,
    Entry,
    Hot,
    callback,
    entry,
    hot,
    intrinsic,
    never_inline,
    registered,
    types,
    units,
)

__all__ = [
    "CHECK",
    "Callback",
    "Compiled",
    "Entry",
    "Hot",
    "callback",
    "entry",
    "hot",
    "intrinsic",
    "never_inline",
    "registered",
    "types",
    "units",
]
