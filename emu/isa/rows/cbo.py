"""Zicbom and Zicboz: blocks of the cache, of 64 bytes.

Caches are the host's, and coherent: cleaning and flushing only check the address.  The prefetches of
Zicbop are ori with rd = x0, which does nothing already.
"""

from ..effects import manage_block, zero_block
from ..table import insn


@insn("cbo.inval (rs1)", "000000000000 rs1 010 00000 0001111")
def cbo_inval(a):
    manage_block(a)


@insn("cbo.clean (rs1)", "000000000001 rs1 010 00000 0001111")
def cbo_clean(a):
    manage_block(a)


@insn("cbo.flush (rs1)", "000000000010 rs1 010 00000 0001111")
def cbo_flush(a):
    manage_block(a)


@insn("cbo.zero (rs1)", "000000000100 rs1 010 00000 0001111")
def cbo_zero(a):
    zero_block(a & -64)
