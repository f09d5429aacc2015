"""Guest frames, and kernel memory (kernel/vm/kernel_pages.py, kernel/vm/slabs.py)."""

from .declare import CACHE_LINE, i64, record

FRAME = record(
    "FRAME",
    i64("word", guard="atomic", doc="truth: FRAME_* flags in bits 0-3, tag in 4-7, references from bit 8"),
    i64("link", guard="frames_lock", doc="free list; entries in use, for a page table (mm_lock)"),
    align=16,
)

KERNEL_PAGE = record(
    "KERNEL_PAGE",
    i64("word", guard="kmem_lock", doc="truth: state and origin; 0 it is not the kernel's"),
    i64("next", guard="kmem_lock", doc="of the pool: number + 1, 0 none"),
    align=16,
)

SLAB = record(
    "SLAB",  # the first bytes of a page of objects
    i64("word", guard="kmem_lock", doc="truth: SLAB_WORD, the family and the memcache"),
    i64("used", guard="kmem_lock", doc="truth: mask of the objects that are given out"),
    i64("next", guard="kmem_lock", doc="of the memcache's slabs with room: host address, 0 none"),
    i64("previous", guard="kmem_lock"),
    align=CACHE_LINE,
)
