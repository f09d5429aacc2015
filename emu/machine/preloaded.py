"""Imported by the forkserver: what it does here, every CPU process has done when it starts."""

from . import children, standard  # noqa: F401  (what each child begins with)
from .warm import warm

warm()
