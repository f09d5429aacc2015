"""Which words of guest memory are shared: only an access to one of these is a switch point.

A word is 8 aligned bytes.  It is shared when two threads have used it, one of them to write, unless one was there first
in every schedule: what a thread did before it made another one, or that one's maker did, comes before all that the new
one does.  Profiles find the shared words (EXPLORE then uses what they found): in PROFILE mode no translation gets into
the TLB in a form that the interpreter's fast path takes, so each access comes here and is noted.

In EXPLORE mode only pages with shared words are kept out of the fast path.  Their translations are in the TLB all the
same, under a tag that no address has (`HIDDEN`), so they are forgotten with all others when the page tables change.
"""

from ..cpu_worker.mmu import find_page
from ..hot import entry, hot, never_inline
from ..limits import PAGE_SHIFT, PAGE_SIZE, TLB_ENTRIES
from ..shm.exits import ACCESS_WRITE
from .layout import PAGE_ENTRIES, WORD_ENTRIES, world_at

HIDDEN = 8  # in a tag: an aligned address of up to 8 bytes has no such bit where tags are compared
WORD_SHIFT = 3


@hot
def _place(page):
    number = page >> PAGE_SHIFT
    return (number ^ (number >> 12) ^ (number >> 24)) & (PAGE_ENTRIES - 1)


@hot
def page_of(w, va):
    """The position of a page that has shared words, -1: it has none."""
    page = va & -PAGE_SIZE
    k = _place(page)
    while True:
        tag = w.pages[k].page
        if tag == page + 1:
            return k
        if tag == 0:
            return -1
        k = (k + 1) & (PAGE_ENTRIES - 1)


@hot
def is_shared(w, k, va):
    """Whether the word at an address in the page at position k is shared."""
    n = (va & (PAGE_SIZE - 1)) >> WORD_SHIFT
    return (w.pages[k].bits[n >> 6] >> (n & 63)) & 1 != 0


@hot
def share(w, va):
    """The word at an address is shared from now on; False: there is no room for another page."""
    page = va & -PAGE_SIZE
    k = _place(page)
    while w.pages[k].page != page + 1:
        if w.pages[k].page == 0:
            if w.nr_pages >= PAGE_ENTRIES // 2:
                return False
            w.nr_pages += 1
            w.pages[k].page = page + 1
        else:
            k = (k + 1) & (PAGE_ENTRIES - 1)
    n = (va & (PAGE_SIZE - 1)) >> WORD_SHIFT
    w.pages[k].bits[n >> 6] |= 1 << (n & 63)
    return True


@hot
def hidden(m, cpu, va, access):
    """Host address of a watched page's byte, 0 after a fault; its translation is hidden from the fast path."""
    c = m.cpus[cpu]
    slot = ((va >> 12) & (TLB_ENTRIES - 1)) * 2
    page = va & -PAGE_SIZE
    if access == ACCESS_WRITE:
        if c.write_tlb[slot] == page | HIDDEN:
            return va + c.write_tlb[slot + 1]
        host = find_page(m, cpu, va, access)
        if c.write_tlb[slot] == page:
            c.write_tlb[slot] = page | HIDDEN
        return host
    if c.read_tlb[slot] == page | HIDDEN:
        return va + c.read_tlb[slot + 1]
    host = find_page(m, cpu, va, access)
    if c.read_tlb[slot] == page:
        c.read_tlb[slot] = page | HIDDEN
    return host


# --- profiles ---------------------------------------------------------------------------------------


@hot
def _comes_first(w, other, births, i):
    """Whether what thread `other` did when so many had been born comes before all that thread i does."""
    k = i
    while w.threads[k].parent >= 0:
        if births >= w.threads[k].born:
            return False
        k = w.threads[k].parent
        if k == other:
            return True
    return False


@hot
def _conflict(w, user, births, i):
    """Whether another thread's use of a word may come before or after thread i's. `user`: its index + 1, 0 none."""
    return user != 0 and user != i + 1 and not _comes_first(w, user - 1, births, i)


@hot
def note(w, i, va, access):
    """Thread i uses the word at an address, while its task has other threads; 1 where it is known to be shared."""
    never_inline()
    at = va & ~7
    k = ((at >> 3) ^ (at >> 15) ^ (at >> 30)) & (WORD_ENTRIES - 1)
    while w.words[k].at != at + 1:
        if w.words[k].at == 0:
            if w.nr_noted >= WORD_ENTRIES // 2:
                return 0
            w.nr_noted += 1
            w.words[k].at = at + 1
            w.words[k].shared = 0
            w.words[k].reader = 0
            w.words[k].writer = 0
        else:
            k = (k + 1) & (WORD_ENTRIES - 1)
    n = w.words[k]
    if _conflict(w, n.writer, n.written, i) or (access == ACCESS_WRITE and _conflict(w, n.reader, n.read, i)):
        n.shared = 1
    if access == ACCESS_WRITE:
        n.writer = i + 1
        n.written = w.births
    else:
        n.reader = i + 1
        n.read = w.births
    return n.shared


@entry(2)
def share_word(world, va):
    """Cold form of share."""
    return int(share(world_at(world), va))


@entry(1)
def forget_uses(world):
    """A profile begins: who used which word before is of no account; that it was found shared is."""
    w = world_at(world)
    for k in range(WORD_ENTRIES if w.nr_noted > 0 else 0):
        w.words[k].reader = 0
        w.words[k].writer = 0
    return 0
