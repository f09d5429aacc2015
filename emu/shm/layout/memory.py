"""Guest frames, areas of address spaces over memory objects, and kernel memory (kernel/vm/)."""

from .declare import CACHE_LINE, i64, record

# Flags of FRAME.word.
FRAME_CODE = 1  # some CPU fetched from the frame: stores take the slow path (shm/decoded.py)
FRAME_WRITTEN = 2  # some CPU may hold a writable translation
FRAME_TRANSLATED = 4  # some region may have been made from the frame (shm/regions.py)
FRAME_REFERENCES_SHIFT = 8

FRAME = record(
    "FRAME",
    i64("word", guard="atomic", doc="truth: FRAME_* flags in bits 0-3, tag in 4-7, references from bit 8"),
    i64("link", guard="frames_lock", doc="free list; words in use, of page tables (mm_lock) and nodes (object lock)"),
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

AREA = record(
    "AREA",
    i64("owner", guard="mm_lock", doc="truth: root frame + 1 of its address space; -1 in a message; 0 free"),
    i64("start", guard="mm_lock", doc="guest address"),
    i64("end", guard="mm_lock", doc="guest address behind it"),
    i64("first", guard="mm_lock", doc="the page of the object that lies at start"),
    i64("object", guard="mm_lock", doc="OBJECT + 1; 0: nobody has touched it yet"),
    i64("flags", guard="mm_lock", doc="R, W, X and AREA_* of kernel/vm/areas.py"),
    i64("left", guard="mm_lock", doc="tree, index + 1; links the free records (areas_lock)"),
    i64("right", guard="mm_lock"),
    i64("pool", doc="truth: the POOL + 1 that it is charged to, 0 none; fixed while it is not free"),
)

OBJECT = record(
    "OBJECT",
    i64("kind", guard="object lock", doc="truth: OBJECT_* of kernel/vm/objects.py"),
    i64("references", guard="object lock", doc="of areas, shadows and the system server"),
    i64("family", doc="which of the object_locks guards it, its originals and its shadows; fixed"),
    i64("original", guard="object lock", doc="truth: the OBJECT + 1 that it is a shadow of, 0 none"),
    i64("first_shadow", guard="object lock", doc="OBJECT + 1 of one of its shadows"),
    i64("next_shadow", guard="object lock", doc="the next shadow of its original"),
    i64("previous_shadow", guard="object lock"),
    i64("pages", guard="object lock", doc="root of the index of its pages (kernel/vm/radix.py)"),
    i64("height", guard="object lock", doc="of that index"),
    i64("nr_pages", guard="object lock"),
    i64("limit", guard="object lock", unit="pages", doc="of a file: those from here on are past its end"),
    i64("kept", doc="truth: 1 while the system server has a reference; the server writes it"),
    i64("next_free", guard="objects_lock", doc="index + 1"),
    align=128,
)
