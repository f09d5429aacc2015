"""Guest frames: allocation and reference counts.

FRAME.word is the truth: references from bit 8 (0: free), flags below
(shm/decoded.py).  FRAME.link links the free frames; when that list is empty, a frame never
used is taken.  No other list uses FRAME.link, because a frame that several mappings share
would be in two lists at once.  A frame is zeroed when it is allocated again, not when it
is freed, and one never used is zero already.
"""

from ...hot import entry, hot, never_inline
from ...limits import PAGE_SIZE
from ...shm import lockrank
from ...shm.atomics import fetch_add, load_relaxed, store_relaxed
from ...shm.bits import bits
from ...shm.decoded import forget_frame
from ...shm.layout import frame_address, machine_at
from ...shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT
from ...shm.memory import copy_bytes, fill_bytes
from ...shm.spinlock import acquire, fail, field_address, release
from ...shm.tags import TAG_PAGE, count_freed, count_made
from ..critical import either
from ..failures import FAIL_DROPPED_FRAME

WORD = bits("flags:4 tag:4 references:*")  # FRAME.word
_, frame_tag, frame_references = WORD.getters()
ONE_REFERENCE = WORD.pack(references=1)
TAG_SHIFT = WORD.shift("tag")
assert WORD.shift("references") == FRAME_REFERENCES_SHIFT


@hot
def is_live(m, frame, tag):
    """True when there is such a frame, somebody holds it, and it was allocated under this tag."""
    if frame < 0 or frame >= m.nr_frames:
        return False
    word = load_relaxed(m.frames[frame], "word")
    return word >= ONE_REFERENCE and frame_tag(word) == tag


@hot
def _take_frame(m, me, tag):
    """(a frame with one reference or -1 when guest memory is used up, whether it is zeroed)."""
    never_inline()
    either(m, me)
    lock = field_address(m, "frames_lock")
    acquire(m, me, lock, lockrank.FRAMES)
    frame = m.free_frame
    fresh = False
    if frame >= 0:
        m.free_frame = m.frames[frame].link
    elif m.fresh_frame < m.nr_frames:
        frame = m.fresh_frame
        m.fresh_frame += 1
        fresh = True
    if frame >= 0:
        m.nr_free_frames -= 1
        m.frames[frame].link = 0
        store_relaxed(m.frames[frame], "word", ONE_REFERENCE | (tag << TAG_SHIFT))
    release(m, me, lock)
    if frame >= 0:
        count_made(m, me, tag, PAGE_SIZE)
    return frame, fresh


@hot
def allocate_frame(m, me, tag):
    """A zeroed frame with one reference, or -1 when guest memory is used up."""
    frame, zeroed = _take_frame(m, me, tag)
    if frame >= 0 and not zeroed:
        fill_bytes(frame_address(m, frame), 0, PAGE_SIZE)
    return frame


@hot
def copy_frame(m, me, frame):
    """A page with the same content and one reference, or -1. Nobody may write the original meanwhile."""
    copy, _ = _take_frame(m, me, TAG_PAGE)
    if copy >= 0:
        copy_bytes(frame_address(m, copy), frame_address(m, frame), PAGE_SIZE)
    return copy


@hot
def share_frame(m, frame):
    """Add a reference."""
    fetch_add(m.frames[frame], "word", ONE_REFERENCE)


@hot
def drop_frame(m, me, frame):
    """Drop a reference; the last one frees the frame. No TLB may hold it any more.

    A frame that nobody holds fails the machine: it is on the free list, or somebody else's already.
    """
    never_inline()
    either(m, me)
    f = m.frames[frame]
    references = frame_references(fetch_add(f, "word", -ONE_REFERENCE))
    if references > 1:
        return
    if references < 1:
        fail(m, FAIL_DROPPED_FRAME, frame)
        return
    count_freed(m, me, (load_relaxed(f, "word") >> TAG_SHIFT) & 0xF, PAGE_SIZE)
    if load_relaxed(f, "word") & FRAME_CODE:
        forget_frame(m, frame)
    lock = field_address(m, "frames_lock")
    acquire(m, me, lock, lockrank.FRAMES)
    store_relaxed(f, "word", 0)
    f.link = m.free_frame
    m.free_frame = frame
    m.nr_free_frames += 1
    release(m, me, lock)


@entry(2)
def allocate(address, me):
    """Cold form of allocate_frame."""
    return allocate_frame(machine_at(address), me, TAG_PAGE)


@entry(3)
def share(address, me, frame):
    """Cold form of share_frame."""
    share_frame(machine_at(address), frame)
    return 0


@entry(3)
def drop(address, me, frame):
    """Cold form of drop_frame."""
    drop_frame(machine_at(address), me, frame)
    return 0
