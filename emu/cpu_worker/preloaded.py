"""Imported by the forkserver: what it does here, every CPU process has done when it starts."""

import gc

from .. import cache
from .warm import warm

COMMON = ("inko", "random")  # the others are loaded by the CPUs that use them: loading costs each start 0.1 s a policy

if cache.is_warm():
    for _ in warm(policies=COMMON):
        pass
gc.collect()
gc.freeze()  # shared pages stay shared: the collector does not touch them in the children
