"""epoll: a set of open files, and which of them are ready (epoll(7)).

An entry belongs to a descriptor and the open file that it led to when it was added; it vanishes when that file is
closed.  Level: an entry is reported as long as its file is ready.  Edge (EPOLLET): once for each change of a ready
file; files of the host have no count of changes, and are reported when something becomes ready that was not.
EPOLLONESHOT: once, until it is modified.  EPOLLEXCLUSIVE is taken and wakes like others.
"""

from ...abi.errno import EEXIST, EINVAL, ELOOP, ENOENT, EPERM
from ...abi.files import POLLERR, POLLHUP, POLLIN, S_IFDIR, S_IFREG
from ..errors import LinuxError
from .inode import MemoryInode
from .open_file import OpenFile

EPOLLONESHOT, EPOLLET = 1 << 30, 1 << 31
MODES = EPOLLET | EPOLLONESHOT | 1 << 29 | 1 << 28  # with EPOLLWAKEUP, EPOLLEXCLUSIVE
MOST_NESTED = 4


class Entry:
    def __init__(self, file, events, data):
        self.file = file
        self.seen = -1  # changes of the file's inode when it was last reported, by edge
        self.was_ready = 0  # of a file without such a count
        self.modify(events, data)

    def modify(self, events, data):
        self.events, self.data = events, data
        self.seen, self.was_ready = -1, 0

    def ready(self):
        """The events to report now."""
        if not self.events & ~MODES:
            return 0  # reported once already, and not modified since
        changes = self._looked = getattr(self.file.node, "changes", None)  # first: what comes after the look is news
        ready = self.file.poll() & (self.events & ~MODES | POLLERR | POLLHUP)
        if not self.events & EPOLLET:
            return ready
        if changes is None:
            fresh = ready & ~self.was_ready
            self.was_ready = ready
            return ready if fresh else 0
        if changes == self.seen:
            return 0
        return ready

    def reported(self):
        if self.events & EPOLLONESHOT:
            self.events &= MODES
        self.seen = self._looked


class EpollNode(MemoryInode):
    def __init__(self, filesystem):
        super().__init__(filesystem, 0o600)
        self.entries = {}  # (descriptor, id of the open file) -> Entry, the longest not reported first
        self._own_changes = 0
        self.above = 0  # how many sets lie around it at most, as far as was seen when it was added

    @property
    def changes(self):
        """Changes of the set and of all in it: who waits looks again when this has grown."""
        return self._own_changes + sum(getattr(each.file.node, "changes", 0) for each in self.living())

    def living(self):
        """The entries whose files are still open; the others are forgotten."""
        for key in [key for key, each in self.entries.items() if not each.file.is_open()]:
            del self.entries[key]
            self._own_changes += 1 << 32  # the sum above must not fall back to an earlier value
        return list(self.entries.values())

    def changed(self):
        self._own_changes += 1

    def nested(self):
        """The sets in this set."""
        return {each.file.node for each in self.living() if isinstance(each.file.node, EpollNode)}

    def depth(self):
        return 1 + max((node.depth() for node in self.nested()), default=0)

    def sink(self, above):
        """So many sets lie around this one."""
        if above > self.above:
            self.above = above
            for node in self.nested():
                node.sink(above + 1)

    def reaches(self, other):
        """Whether another set is in this one, or in one of those."""
        return self is other or any(node.reaches(other) for node in self.nested())


class EpollFile(OpenFile):
    def path(self):
        return "anon_inode:[eventpoll]"

    def poll(self):
        return POLLIN if any(each.ready() for each in self.node.living() if not each.events & EPOLLET) else 0

    def add(self, fd, file, events, data):
        """EEXIST; EPERM for files that are always ready; EINVAL for itself; ELOOP for a circle or too deep a nest."""
        node = self.node
        if file.node.kind in (S_IFREG, S_IFDIR):
            raise LinuxError(EPERM)
        if file.node is node:
            raise LinuxError(EINVAL)
        if isinstance(file.node, EpollNode):
            if file.node.reaches(node) or node.above + 1 + file.node.depth() > MOST_NESTED + 1:
                raise LinuxError(ELOOP)
        node.living()
        if (fd, id(file)) in node.entries:
            raise LinuxError(EEXIST)
        if isinstance(file.node, EpollNode):
            file.node.sink(node.above + 1)
        node.entries[fd, id(file)] = Entry(file, events, data)
        node.changed()

    def modify(self, fd, file, events, data):
        self._entry(fd, file).modify(events, data)
        self.node.changed()

    def remove(self, fd, file):
        self._entry(fd, file)
        del self.node.entries[fd, id(file)]
        self.node._own_changes += 1 << 32

    def _entry(self, fd, file):
        self.node.living()
        entry = self.node.entries.get((fd, id(file)))
        if entry is None:
            raise LinuxError(ENOENT)
        return entry

    def take_ready(self, most):
        """[(events, data)] of up to `most` ready entries, which go behind the others."""
        found = []
        entries = self.node.entries
        self.node.living()
        for key, entry in list(entries.items()):
            if len(found) == most:
                break
            events = entry.ready()
            if events:
                found.append((events, entry.data))
                entry.reported()
                entries[key] = entries.pop(key)
        return found
