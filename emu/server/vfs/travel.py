"""What travels with bytes or messages through AF_UNIX sockets: open files, and who the sender is (unix(7)).

A Travel has a reference of each of its descriptions.  It belongs to the socket that will read it, which drops it when
it is closed.  Sockets can be on their way to each other, so that nothing refers to them but messages, and sockets that
listen to the connections that wait at them: `forgotten` finds those, and they are closed as if by their last close.
"""

import itertools
from collections import Counter

from ...abi.errno import ETOOMANYREFS
from ...kernel.files import for_server
from ...kernel.files.sockets import try_hold
from ..errors import LinuxError

MOST_IN_FLIGHT = 1 << 14  # descriptors on their way in a machine
TRAVEL_BYTES, EACH_BYTES = 512, 64
NOBODY = (0, 65534, 65534)  # what is read of who has sent, where nobody has noted it


class Travel:
    __slots__ = ("_charge", "_files", "credentials", "descriptions")

    def __init__(self, files, descriptions, credentials):
        """The references of the descriptions go over, unless LinuxError: ENOMEM, ETOOMANYREFS."""
        if files.nr_in_flight + len(descriptions) > MOST_IN_FLIGHT:
            raise LinuxError(ETOOMANYREFS)
        self._charge = files.allowance.charge(TRAVEL_BYTES + EACH_BYTES * len(descriptions))
        if descriptions:
            files.send_off(descriptions)
        self._files, self.credentials, self.descriptions = files, credentials, descriptions
        files.nr_in_flight += len(descriptions)

    def take(self):
        """The descriptions, whose references are the caller's from now on."""
        taken, self.descriptions = self.descriptions, []
        self._files.nr_in_flight -= len(taken)
        return taken

    def copy(self):
        """The descriptions, with a further reference of each for the caller (MSG_PEEK)."""
        for description in self.descriptions:
            try_hold(self._files.base, description)
        return list(self.descriptions)

    def rest(self):
        """What travels with the bytes of the same write that are read later; None."""
        try:
            return Travel(self._files, [], self.credentials) if self.credentials else None
        except LinuxError:
            return None  # no memory to remember it

    def drop(self):
        """Nobody will read it."""
        drop_all(self._files, self.take())


def drop_all(files, descriptions):
    """Give back references of descriptions."""
    for description in descriptions:
        for_server.drop_file(files.base, files.me, description)


def forgotten(files):
    """The sockets that can never be used again: nothing refers to them but such sockets."""
    refers_to = {socket: _held_by(socket) for socket in files.sockets_with_travels()}
    counts = Counter(itertools.chain.from_iterable(refers_to.values()))
    references = files.window.machine["descriptions"]["references"]
    doubtful = {each for each in refers_to if int(references[each.description]) == counts[each.description]}
    living = [each for each in refers_to if each not in doubtful]
    while living:
        for description in refers_to[living.pop()]:
            found = files.kept_socket(description)
            if found in doubtful:
                doubtful.remove(found)
                living.append(found)
    return doubtful


def _held_by(socket):
    """The descriptions of which a socket has a reference: of what travels to it, and of connections that wait at it."""
    travelling = itertools.chain.from_iterable(travel.descriptions for travel in socket.travels())
    return [*travelling, *(child.description for child in socket.waiting_connections())]
