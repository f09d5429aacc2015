"""How many descriptors of the host guests may hold: for open files of mounts, and for those that they have mapped."""

import resource

from ...abi.errno import ENFILE
from ..errors import LinuxError


class HostDescriptors:
    """How many host descriptors guests hold; the server needs some for itself."""

    RESERVED = 256

    def __init__(self):
        self.used = 0

    def take(self):
        """One more; ENFILE."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if self.used >= max(soft - self.RESERVED, soft // 4):
            raise LinuxError(ENFILE)
        self.used += 1

    def give_back(self):
        self.used -= 1


held_by_guests = HostDescriptors()
