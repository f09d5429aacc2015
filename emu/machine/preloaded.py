"""Imported by the forkserver: what it does here, every CPU process has done when it starts."""

import gc

from ..hot import cache
from .warm import warm

if cache.is_warm():
    warm()
gc.collect()
gc.freeze()  # shared pages stay shared: the collector does not touch them in the children
