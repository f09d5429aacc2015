"""Guest frames."""

from .declare import i64, record

FRAME = record(
    "FRAME",
    i64("word", guard="atomic", doc="truth: FRAME_* flags in bits 0-3, tag in 4-7, references from bit 8"),
    i64("link", guard="frames_lock", doc="free list; entries in use, for a page table (mm_lock)"),
    align=16,
)
