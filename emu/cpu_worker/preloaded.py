"""Imported by the forkserver: what it does here, every CPU process has done when it starts."""

import gc

from .. import hot
from .warm import warm

if hot.is_warm():
    for _ in warm():
        pass
gc.collect()
gc.freeze()  # shared pages stay shared: the collector does not touch them in the children
