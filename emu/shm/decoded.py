"""The cache of decoded instructions, kept coherent with guest memory.

One decoded word (64 bits, 0: not decoded yet) for every 2-byte parcel of a
frame.  Invariant: a non-zero word was decoded from the bytes that are in the
frame now.  Two protocols keep it:

* A store to a frame marked FRAME_CODE takes the slow path: bytes first, then
  `invalidate`.  The decoder publishes a word first and then reads the bytes
  again (isa).  Both have a fence between, so that either the decoder sees the new
  bytes or its word is cleared.
* A CPU sets FRAME_WRITTEN before it caches a writable translation, the first
  fetch sets FRAME_CODE; both are read-modify-writes of one word, so one of the
  two sees the other's mark, and the CPU that fetches shoots writable translations down.

Host memory: a frame whose every parcel was executed has DECODED_PAGE_BYTES, four times its own size
(measured: 40 MiB of code, 161 MiB decoded), which are zeroed when the frame is freed and not given back
to the host.  So a guest can make the host hold at most five times --memory, however it maps and unmaps; page tables are
included, since they are guest frames.
"""

from ..hot import hot
from ..limits import DECODED_PAGE_BYTES, PAGE_SHIFT, PAGE_SIZE, RAM_OFFSET
from .atomics import fence, load_acquire
from .layout import decoded_address
from .layout.memory import FRAME_CODE
from .memory import address_of, fill_bytes, store_64
from .regions import forget_regions, may_be_translated


@hot
def frame_of_host(m, host):
    """The frame that a host address inside guest memory belongs to."""
    return (host - address_of(m) - RAM_OFFSET) >> PAGE_SHIFT


@hot
def invalidate(m, host, size_bytes):
    """Forget what was decoded from bytes that were just stored (within one page).

    A 4-byte instruction may begin one parcel before the store.
    """
    fence()  # bytes before mark and words; pairs with the first fetch's mark and the decoder's fence
    frame = frame_of_host(m, host)
    word = load_acquire(m.frames[frame], "word")
    if word & FRAME_CODE == 0:
        return
    if may_be_translated(m, word):
        forget_regions(m, frame)
    offset = host & (PAGE_SIZE - 1)
    first = max(offset // 2 - 1, 0)
    last = (offset + size_bytes - 1) // 2
    base = decoded_address(m, frame)
    for parcel in range(first, last + 1):
        store_64(base + parcel * 8, 0)


@hot
def forget_frame(m, frame):
    """Forget what was decoded from a whole frame that nobody maps any more."""
    if may_be_translated(m, load_acquire(m.frames[frame], "word")):
        forget_regions(m, frame)
    fill_bytes(decoded_address(m, frame), 0, DECODED_PAGE_BYTES)
