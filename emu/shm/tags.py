"""Tagged allocation (rust-12): every kernel allocation is counted under a tag.

Each actor keeps its own signed counts, so counting is a plain addition; what is alive is
the sum over all actors (an object may be freed by another actor than its maker).  When
everything has ended, every sum is 0; a sum that is not tells of a leak.
"""

from ..hot import hot

TAG_NAMES = (
    "thread record", "task record", "guest page", "page table", "queued signal",
    "descriptor table", "descriptor page", "open file", "pipe", "pipe page", "kernel page",
    "area", "memory object", "index of pages", "message page", "event counter", "epoll set", "watch",
    "port", "channel", "save area",
)  # fmt: skip
TAG_THREAD, TAG_TASK, TAG_PAGE, TAG_TABLE, TAG_SIGINFO = range(5)
TAG_FILE_TABLE, TAG_DESCRIPTORS, TAG_FILE, TAG_PIPE, TAG_PIPE_PAGE, TAG_KERNEL_PAGE = range(5, 11)
TAG_AREA, TAG_OBJECT, TAG_NODE, TAG_MESSAGE_PAGE = range(11, 15)
TAG_EVENT_COUNTER, TAG_EPOLL_SET, TAG_WATCH, TAG_PORT, TAG_CHANNEL = range(15, 20)  # of no frame, as what follows
TAG_SAVE_AREA = 20
assert TAG_MESSAGE_PAGE < 16, "a frame's tag has four bits"


@hot
def count_made(m, me, tag, size_bytes):
    c = m.cpus[me]
    c.tag_count[tag] += 1
    c.tag_bytes[tag] += size_bytes


@hot
def count_freed(m, me, tag, size_bytes):
    c = m.cpus[me]
    c.tag_count[tag] -= 1
    c.tag_bytes[tag] -= size_bytes


def alive(machine):
    """{tag name: (count, bytes)} of what has been allocated and not freed."""
    counts = machine["cpus"]["tag_count"].sum(axis=0)
    sizes = machine["cpus"]["tag_bytes"].sum(axis=0)
    return {name: (int(counts[k]), int(sizes[k])) for k, name in enumerate(TAG_NAMES) if counts[k] or sizes[k]}
