"""The server's own files in epoll sets: it looks at them, and tells the kernel what it has seen.

A set is the kernel's, and so is the watch (kernel/files/watches.py); of a SERVED file the kernel knows what the server
published last, as POLL* bits of the description.  `publish` is called after each request and whenever something may
have come; it looks at the files that have changed since, by the count that calls wait for as well.  A file without such
a count is one that never has news (/dev/null), or a stream of the host, which the server's poller watches for as long
as it is not ready.
"""

import zmq

from ...abi.files import POLLERR, POLLHUP, POLLIN, POLLOUT
from ...kernel.files import for_server


class _Watched:
    def __init__(self, file):
        self.file = file
        self.changes = self.ready = None


class WatchedFiles:
    def __init__(self, files):
        self._files = files
        self._watched = {}  # description -> _Watched
        self.streams = {}  # host descriptor -> what the server's poller has to wait for (zmq's numbers)

    def add(self, outer, description, fd, file, events, data):
        """Let the set behind a description watch a SERVED one; 0 or a negative error."""
        files = self._files
        if description not in self._watched or self._watched[description].file is not file:
            self._watched[description] = _Watched(file)
        self._look(description, self._watched[description])
        return for_server.watch_served(files.base, files.me, outer, description, fd, events, data)

    def publish(self):
        """Tell the kernel what has changed. Files that nobody watches any more are forgotten."""
        machine = self._files.window.machine
        news = machine["signal_news"]  # before the look at files that depend on them
        self._publish_all(machine["descriptions"]["first_watch"])
        machine["signal_news_seen"] = news

    def _publish_all(self, first):
        for description, watched in list(self._watched.items()):
            if first[description] == 0:
                del self._watched[description]
                self.streams.pop(watched.file.host_descriptor, None)
            else:
                self._look(description, watched)

    def _look(self, description, watched):
        file = watched.file
        changes = getattr(file.node, "changes", None)
        if watched.ready is not None and changes == watched.changes and file.host_descriptor is None:
            return
        ready = file.poll()
        fresh = ready if changes != watched.changes else ready & ~(watched.ready or 0)
        if fresh or ready != watched.ready:
            for_server.publish(self._files.base, self._files.me, description, ready, fresh)
        watched.changes, watched.ready = changes, ready
        if file.host_descriptor is not None:
            missing = 0 if ready & (POLLERR | POLLHUP) else (POLLIN | POLLOUT) & ~ready
            self.streams[file.host_descriptor] = (
                (zmq.POLLIN if missing & POLLIN else 0) | (zmq.POLLOUT if missing & POLLOUT else 0)
            )  # fmt: skip
