"""Imported by the forkserver: what it does here, every CPU process has done when it starts."""

import gc

from . import children, standard  # noqa: F401  (what each child begins with)
from .warm import warm

warm()
gc.collect()
gc.freeze()  # shared pages stay shared: the collector does not touch them in the children
