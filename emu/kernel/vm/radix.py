"""The pages of a memory object: an index from page number to frame, a tree of nodes in guest frames.

A node has 512 words and is a frame of its own (TAG_NODE).  The tree is only as high as the greatest page number asks
for: page 0 alone needs no node.  A word of a node, or OBJECT.pages, is 0 or a frame number with PRESENT and perhaps
MODIFIED set: above the lowest level that of a node, at the lowest that of a page.  FRAME.link of a node counts its
words in use, and an empty node is freed at once.  The object holds one reference to each of its pages.

Locks: the object's (objects.py), held on entry.  A number read from a node is checked before it becomes an address.
"""

from ...hot import hot, never_inline
from ...shm.layout import frame_address
from ...shm.memory import load_64, store_64
from ...shm.spinlock import fail
from ...shm.tags import TAG_NODE, TAG_PAGE
from ..failures import FAIL_PAGE_INDEX
from .frames import allocate_frame, drop_frame, is_live

PRESENT = 1
MODIFIED = 2  # stored to by a guest since the page was last the same as its file's
FRAME_SHIFT = 2
LEVEL_BITS = 9
SLOTS = 1 << LEVEL_BITS
NO_PAGE = 1 << 52  # what `next_page` answers when there is none: behind every page


@hot
def frame_of(word):
    """The frame in a word of the index, -1 for an empty one."""
    return word >> FRAME_SHIFT if word & PRESENT else -1


@hot
def _word(frame):
    return (frame << FRAME_SHIFT) | PRESENT


@hot
def _slot(m, node, page, level):
    """Host address of the word for a page in a node; level 0 is the lowest."""
    return frame_address(m, node) + ((page >> (LEVEL_BITS * level)) & (SLOTS - 1)) * 8


@hot
def _node_in(m, word):
    """The node that a word names; where it is none, the machine fails, and this returns -1."""
    node = frame_of(word)
    if is_live(m, node, TAG_NODE):
        return node
    fail(m, FAIL_PAGE_INDEX, node)
    return -1


@hot
def _reaches(o, page):
    """True when the tree is high enough for a page number."""
    return page >> (LEVEL_BITS * o.height) == 0


@hot
def page_word(m, o, page):
    """The word of a page, 0 when the object has none there."""
    never_inline()
    if page < 0 or not _reaches(o, page):
        return 0
    word = o.pages
    level = o.height
    while level > 0 and word != 0:
        level -= 1
        node = _node_in(m, word)
        if node < 0:
            return 0
        word = load_64(_slot(m, node, page, level))
    return word


@hot
def put_page(m, me, o, page, frame):
    """Give the object a page where it has none; it takes over a reference to the frame. False: no memory for nodes."""
    never_inline()
    while not _reaches(o, page):
        if o.pages != 0:
            node = allocate_frame(m, me, TAG_NODE)
            if node < 0:
                return False
            store_64(frame_address(m, node), o.pages)
            m.frames[node].link = 1
            o.pages = _word(node)
        o.height += 1
    if o.height == 0:
        o.pages = _word(frame)
        o.nr_pages += 1
        return True
    above, slot = -1, 0  # the node that the next one hangs in
    word = o.pages
    level = o.height
    while level > 0:
        if word == 0:
            node = allocate_frame(m, me, TAG_NODE)
            if node < 0:
                _prune(m, me, o, page)
                return False
            if above < 0:
                o.pages = _word(node)
            else:
                store_64(slot, _word(node))
                m.frames[above].link += 1
        else:
            node = _node_in(m, word)
            if node < 0:
                return False
        level -= 1
        above, slot = node, _slot(m, node, page, level)
        word = load_64(slot)
    store_64(slot, _word(frame))
    m.frames[above].link += 1
    o.nr_pages += 1
    return True


@hot
def set_word(m, o, page, word):
    """Write the word of a page that the object has."""
    if o.height == 0:
        o.pages = word
        return
    above = o.pages
    level = o.height
    while level > 1:
        level -= 1
        node = _node_in(m, above)
        if node < 0:
            return
        above = load_64(_slot(m, node, page, level))
    node = _node_in(m, above)
    if node >= 0:
        store_64(_slot(m, node, page, 0), word)


@hot
def take_page(m, me, o, page):
    """Take a page out; its frame, whose reference is the caller's now, or -1 when there is none."""
    never_inline()
    frame = frame_of(page_word(m, o, page))
    if frame < 0:
        return -1
    if o.height > 0:
        set_word(m, o, page, 0)
        m.frames[_lowest_node(m, o, page)].link -= 1
        _prune(m, me, o, page)
    else:
        o.pages = 0
    o.nr_pages -= 1
    if o.pages == 0:
        o.height = 0
    return frame


@hot
def _lowest_node(m, o, page):
    """The node of the lowest level on the way to a page that was found before."""
    word = o.pages
    level = o.height
    while level > 1:
        level -= 1
        word = load_64(_slot(m, frame_of(word), page, level))
    return frame_of(word)


@hot
def _prune(m, me, o, page):
    """Free the empty nodes on the way to a page, from the lowest one up."""
    never_inline()
    for lowest in range(o.height):
        above, slot = -1, 0
        word = o.pages
        level = o.height
        while word != 0 and level > lowest + 1:
            level -= 1
            node = _node_in(m, word)
            if node < 0:
                return
            above, slot = node, _slot(m, node, page, level)
            word = load_64(slot)
        if word == 0:
            continue  # no node of this level on the way
        node = _node_in(m, word)
        if node < 0 or m.frames[node].link != 0:
            return
        if above < 0:
            o.pages = 0
            o.height = 0
        else:
            store_64(slot, 0)
            m.frames[above].link -= 1
        drop_frame(m, me, node)


@hot
def next_page(m, o, page):
    """The first page number from `page` on at which the object has a page; NO_PAGE when there is none."""
    never_inline()
    while _reaches(o, page):
        word = o.pages
        level = o.height
        while level > 0 and word != 0:
            level -= 1
            node = _node_in(m, word)
            if node < 0:
                return NO_PAGE
            word = load_64(_slot(m, node, page, level))
        if word != 0:
            return page
        if level == o.height:  # no page at all
            return NO_PAGE
        page = ((page >> (LEVEL_BITS * level)) + 1) << (LEVEL_BITS * level)
    return NO_PAGE


@hot
def free_pages(m, me, o, first, end, most):
    """Take out the pages from first on and drop their frames; the end, or where it stopped after so many."""
    never_inline()
    page = next_page(m, o, first)
    while page < end:
        if most == 0:
            return page
        most -= 1
        drop_frame(m, me, take_page(m, me, o, page))
        page = next_page(m, o, page + 1)
    return end


@hot
def adopt_pages(m, me, o, source):
    """Move the pages of another object here, but keep what is here already; False when memory did not suffice.

    What was moved until then is here, the rest still there.
    """
    never_inline()
    page = next_page(m, source, 0)
    while page < NO_PAGE:
        frame = take_page(m, me, source, page)
        if page_word(m, o, page) != 0:
            drop_frame(m, me, frame)
        elif not put_page(m, me, o, page, frame):
            put_page(m, me, source, page, frame)  # into the nodes that were just freed
            return False
        page = next_page(m, source, page + 1)
    return True


assert SLOTS * 8 == 4096
assert TAG_PAGE != TAG_NODE
