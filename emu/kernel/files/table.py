"""The descriptors of a task: small numbers, each of which refers to an open file description.

A table (FILE_TABLE) has a word for each descriptor: the description's index + 1, and whether execve closes it; 0 when
it is free.  The first words are in the record, further ones in pages that are found through a page of pointers.  A new
descriptor is always the lowest free one.  Tasks that share their files (CLONE_FILES) name the same table; fork copies
it, and the descriptions stay shared.

Always, while a table's lock is free: each word that is not 0 holds one reference of its description; all words from
`size` on are 0, and none below `taken`; TASK.table names a table that counts the task in `references`.

A descriptor may be closed by another thread while a call uses it.  So a call takes a reference of its own, under the
table's lock, except where the task has one thread and a table to itself: nobody else can close anything then.  A
SERVED description needs none: the server forgets it between two calls only.

Locks: the table's, and within it those that allocate.  Descriptions are dropped after it has been given back.
"""

from ...abi.errno import EBADF, EMFILE, ENFILE, ENOMEM
from ...hot import hot, never_inline
from ...limits import INLINE_DESCRIPTORS, MAX_DESCRIPTORS, MAX_FILE_TABLES, PAGE_SIZE
from ...shm import lockrank
from ...shm.atomics import exchange, fetch_add, load_relaxed
from ...shm.bits import bits
from ...shm.layout import frame_address
from ...shm.layout.files import FILE_TABLE
from ...shm.memory import load_64, store_64
from ...shm.spinlock import acquire, field_address, release
from ...shm.tags import TAG_DESCRIPTORS, TAG_FILE_TABLE, count_freed, count_made
from ..critical import critical, either, noncritical
from ..vm.frames import allocate_frame, drop_frame
from .descriptions import FILE_SERVED, drop_description, hold_description

WORD = bits("close_on_exec:1 description:*")  # of a table; description + 1
closes_on_exec, description_of = WORD.getters()
pack_word = WORD.packer()
TABLE_BYTES = FILE_TABLE.size
PAGE_WORDS = PAGE_SIZE // 8


@hot
def lock_table(m, me, f):
    acquire(m, me, field_address(f, "lock"), lockrank.FILE_TABLE)


@hot
def unlock_table(m, me, f):
    release(m, me, field_address(f, "lock"))


# --- words ------------------------------------------------------------------------------------------------------------


@hot
def _address(m, f, fd):
    """Host address of a descriptor's word, 0 where its page does not exist."""
    if fd < INLINE_DESCRIPTORS:
        return field_address(f, "words") + fd * 8
    if f.root == 0:
        return 0
    page = load_64(frame_address(m, f.root - 1) + fd // PAGE_WORDS * 8)
    return frame_address(m, page - 1) + fd % PAGE_WORDS * 8 if page != 0 else 0


@hot
def _word(m, f, fd):
    """A descriptor's word, 0 when there is none. The table is locked, or nobody else changes it."""
    if fd < 0 or fd >= f.size:
        return 0
    address = _address(m, f, fd)
    return load_64(address) if address != 0 else 0


@hot
def _make_page(m, me, f, fd):
    """Have a page for a descriptor's word; False: no memory."""
    never_inline()
    if f.root == 0:
        f.root = allocate_frame(m, me, TAG_DESCRIPTORS) + 1
        if f.root == 0:
            return False
    pointer = frame_address(m, f.root - 1) + fd // PAGE_WORDS * 8
    if load_64(pointer) == 0:
        store_64(pointer, allocate_frame(m, me, TAG_DESCRIPTORS) + 1)
    return load_64(pointer) != 0


@hot
def _set_word(m, me, f, fd, word):
    """Set a descriptor's word, not to 0; False: no memory. The table is locked, or nobody else knows it."""
    if _address(m, f, fd) == 0 and not _make_page(m, me, f, fd):
        return False
    store_64(_address(m, f, fd), word)
    f.size = max(f.size, fd + 1)
    return True


@hot
def lowest_free(m, f, minimum, limit):
    """The lowest free descriptor from `minimum` on, or -EMFILE when it is not below `limit`."""
    fd = max(minimum, f.taken)
    while fd < f.size and fd < limit and _word(m, f, fd) != 0:
        fd += 1
    if minimum <= f.taken:
        f.taken = fd
    return fd if fd < limit else -EMFILE


@hot
def _clear_word(m, f, fd):
    """Free a descriptor: its word, which is not 0."""
    address = _address(m, f, fd)
    word = load_64(address)
    store_64(address, 0)
    f.taken = min(f.taken, fd)
    return word


# --- life -------------------------------------------------------------------------------------------------------------


@hot
def new_table(m, me):
    """An empty table with one reference; its index, or -ENFILE."""
    never_inline()
    either(m, me)
    lock = field_address(m, "file_tables_lock")
    acquire(m, me, lock, lockrank.FILE_TABLES)
    n = m.free_file_table - 1
    if n >= 0:
        m.free_file_table = m.file_tables[n].next_free
    elif m.fresh_file_table < MAX_FILE_TABLES:
        n = m.fresh_file_table
        m.fresh_file_table += 1
    release(m, me, lock)
    if n < 0:
        return -ENFILE
    count_made(m, me, TAG_FILE_TABLE, TABLE_BYTES)
    f = m.file_tables[n]
    f.taken = 0
    f.size = 0
    f.root = 0
    f.directory = 0
    f.umask = 0o022
    exchange(f, "closes_are_served", 0)
    exchange(f, "references", 1)
    return n


@hot
def copy_table(m, me, parent, child):
    """Give a new task a table whose descriptors refer to the same descriptions as another's; 0, -ENFILE, -ENOMEM."""
    never_inline()
    noncritical(m, me)
    f = m.file_tables[m.tasks[parent].table - 1]
    n = new_table(m, me)
    if n < 0:
        return n
    c = m.file_tables[n]
    m.tasks[child].table = n + 1
    enough = True
    lock_table(m, me, f)
    for fd in range(f.size):
        word = _word(m, f, fd)
        enough = word == 0 or _set_word(m, me, c, fd, word)
        if not enough:
            break
        if word != 0:
            hold_description(m, description_of(word) - 1)
    c.taken = f.taken
    c.directory = f.directory
    c.umask = f.umask
    if c.directory > 0:
        hold_description(m, c.directory - 1)
    unlock_table(m, me, f)
    if not enough:
        drop_table(m, me, child)
    return 0 if enough else -ENOMEM


@hot
def share_table(m, parent, child):
    """Let a new task use another's table; 0."""
    fetch_add(m.file_tables[m.tasks[parent].table - 1], "references", 1)
    m.tasks[child].table = m.tasks[parent].table
    return 0


@hot
def drop_table(m, me, task):
    """A task, none of whose threads is in a call, gives its table up; the last one closes all descriptors."""
    never_inline()
    noncritical(m, me)
    n = m.tasks[task].table - 1
    if n < 0:
        return
    m.tasks[task].table = 0
    f = m.file_tables[n]
    if fetch_add(f, "references", -1) != 1:
        return
    for fd in range(f.size):
        word = _word(m, f, fd)
        if word != 0:
            drop_description(m, me, description_of(_clear_word(m, f, fd)) - 1)
    if f.directory > 0:
        drop_description(m, me, f.directory - 1)
    if f.root != 0:
        _free_pages(m, me, f)
    count_freed(m, me, TAG_FILE_TABLE, TABLE_BYTES)
    lock = field_address(m, "file_tables_lock")
    acquire(m, me, lock, lockrank.FILE_TABLES)
    f.next_free = m.free_file_table
    m.free_file_table = n + 1
    release(m, me, lock)


@hot
def _free_pages(m, me, f):
    pointers = frame_address(m, f.root - 1)
    for n in range(PAGE_WORDS):
        page = load_64(pointers + n * 8)
        if page != 0:
            drop_frame(m, me, page - 1)
    drop_frame(m, me, f.root - 1)
    f.root = 0


@hot
def table_after_exec(m, me, task):
    """A task executes a program: its table is its own, without the descriptors that are closed then; 0 or an error."""
    never_inline()
    noncritical(m, me)
    t = m.tasks[task]
    shared = t.table
    if load_relaxed(m.file_tables[shared - 1], "references") > 1:
        error = copy_table(m, me, task, task)
        own = t.table
        t.table = shared
        if error < 0:
            return error
        drop_table(m, me, task)
        t.table = own
    f = m.file_tables[t.table - 1]
    for fd in range(f.size):
        word = _word(m, f, fd)
        if word != 0 and closes_on_exec(word):
            close_descriptor(m, me, f, fd)
    return 0


# --- descriptors ------------------------------------------------------------------------------------------------------


@hot
def table_of(m, task):
    """The record of a task's table."""
    return m.file_tables[m.tasks[task].table - 1]


@hot
def descriptor_limit(m, task):
    """The first descriptor number that a task may not use."""
    return min(load_relaxed(m.tasks[task], "max_descriptors"), MAX_DESCRIPTORS)


@hot
def find_description(m, me, task, fd):
    """(the description of a descriptor or -EBADF, 1 if the caller has a reference now, which it drops)."""
    either(m, me)
    f = table_of(m, task)
    if load_relaxed(f, "references") == 1 and m.tasks[task].nr_threads == 1:
        word = _word(m, f, fd)
        return (description_of(word) - 1 if word != 0 else -EBADF), 0
    return find_and_hold(m, me, f, fd)


@hot
def find_and_hold(m, me, f, fd):
    """find_description where others may use the table."""
    never_inline()
    either(m, me)
    lock_table(m, me, f)
    word = _word(m, f, fd)
    d = description_of(word) - 1 if word != 0 else -EBADF
    held = 0
    if word != 0 and m.descriptions[d].kind != FILE_SERVED:
        hold_description(m, d)
        held = 1
    unlock_table(m, me, f)
    return d, held


@hot
def install(m, me, f, d, minimum, limit, close_on_exec):
    """Let the lowest free descriptor from `minimum` on refer to d, whose reference goes over to it.

    The descriptor; -EMFILE, -ENOMEM: the caller still has the reference.
    """
    never_inline()
    either(m, me)
    lock_table(m, me, f)
    fd = lowest_free(m, f, minimum, limit)
    if fd >= 0 and not _set_word(m, me, f, fd, pack_word(close_on_exec, d + 1)):
        fd = -ENOMEM
    unlock_table(m, me, f)
    return fd


@hot
def install_at(m, me, f, d, fd, close_on_exec):
    """Let a descriptor refer to d, whose reference goes over to it, and close what it referred to; fd or -ENOMEM."""
    never_inline()
    noncritical(m, me)
    lock_table(m, me, f)
    before = _word(m, f, fd)
    done = _set_word(m, me, f, fd, pack_word(close_on_exec, d + 1))
    unlock_table(m, me, f)
    if not done:
        return -ENOMEM
    if before != 0:
        drop_description(m, me, description_of(before) - 1)
    return fd


@hot
def duplicate_at(m, me, f, fd, new, close_on_exec):
    """Let a descriptor refer to what another does, and close what it referred to; `new`, -EBADF or -ENOMEM."""
    noncritical(m, me)
    d = hold_descriptor(m, me, f, fd)
    if d < 0:
        return d
    result = install_at(m, me, f, d, new, close_on_exec)
    if result < 0:
        drop_description(m, me, d)
    return result


@hot
def asks_server(m, me, f, fd):
    """Whether it is the server that closes a descriptor: it knows of locks that end with that."""
    either(m, me)
    if load_relaxed(f, "closes_are_served") == 0:
        return False
    lock_table(m, me, f)
    word = _word(m, f, fd)
    asks = word != 0 and m.descriptions[description_of(word) - 1].kind == FILE_SERVED
    unlock_table(m, me, f)
    return asks


@hot
def hold_descriptor(m, me, f, fd):
    """The description of a descriptor, with one more reference; -EBADF."""
    either(m, me)
    lock_table(m, me, f)
    word = _word(m, f, fd)
    d = -EBADF
    if word != 0:
        d = description_of(word) - 1
        hold_description(m, d)
    unlock_table(m, me, f)
    return d


@hot
def close_descriptor(m, me, f, fd):
    """Close a descriptor; 0 or -EBADF. Of two at once, one gets EBADF."""
    never_inline()
    noncritical(m, me)
    lock_table(m, me, f)
    word = _word(m, f, fd)
    if word != 0:
        _clear_word(m, f, fd)
    unlock_table(m, me, f)
    if word == 0:
        return -EBADF
    drop_description(m, me, description_of(word) - 1)
    return 0


@hot
def change_close_on_exec(m, me, f, fd, value):
    """Say whether execve closes a descriptor (0 or 1; -1: leave it); what was so before, or -EBADF."""
    never_inline()
    either(m, me)
    lock_table(m, me, f)
    word = _word(m, f, fd)
    if word != 0 and value >= 0:
        _set_word(m, me, f, fd, pack_word(value, description_of(word)))
    unlock_table(m, me, f)
    return closes_on_exec(word) if word != 0 else -EBADF


@hot
def is_open(m, me, f, fd):
    """Whether a descriptor is open; the table is locked."""
    critical(m, me)
    return _word(m, f, fd) != 0
