"""Who a thread is: user, group and supplementary group ids (credentials(7)).

Each thread has its own, as in Linux; the C library changes those of all threads of a program by a signal to each.
A thread's record holds an index into the server's table of all that are in use; clone copies the index.

A program starts as root, may become another user, and cannot go back.  A thread is privileged when its effective user
is 0: there are no capabilities apart from that.
"""

from typing import NamedTuple

MAX_GROUPS = 32
UNUSED_MAX = 1024  # entries that may have become unused before they are looked for


class Credentials(NamedTuple):
    uid: int = 0
    euid: int = 0
    suid: int = 0
    fsuid: int = 0  # the user as whom a call makes or uses files
    gid: int = 0
    egid: int = 0
    sgid: int = 0
    fsgid: int = 0
    groups: tuple = ()

    @property
    def privileged(self):
        return self.euid == 0

    def as_real(self):
        """As access(2) sees the caller: by the real user and group."""
        return self._replace(euid=self.uid, fsuid=self.uid, fsgid=self.gid)


ROOT = Credentials()


class CredentialTable:
    """Credentials by index; 0 is root. `in_use()` gives the indices that threads' records hold."""

    def __init__(self, in_use):
        self._in_use = in_use
        self._entries = {0: ROOT}
        self._indices = {ROOT: 0}
        self._last = 0
        self._sweep_at = UNUSED_MAX

    def __getitem__(self, index):
        return self._entries[index]

    def index(self, credentials):
        """The index of these credentials; a new one where no thread has them yet."""
        if credentials not in self._indices:
            if len(self._entries) >= self._sweep_at:
                self._sweep()
            self._last += 1
            self._entries[self._last] = credentials
            self._indices[credentials] = self._last
        return self._indices[credentials]

    def _sweep(self):
        """Forget those that no thread has. A thread that is being made has its creator's, which are in use."""
        kept = {0, *self._in_use()}
        self._entries = {index: each for index, each in self._entries.items() if index in kept}
        self._indices = {each: index for index, each in self._entries.items()}
        self._sweep_at = len(self._entries) + UNUSED_MAX
