"""The rows: all instructions, one file an extension. Importing this package declares them in the table (table.py)."""

from . import a, b, c, cbo, csr, d, f, i, m  # noqa: F401
