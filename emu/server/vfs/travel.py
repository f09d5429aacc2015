"""What travels with bytes or messages through AF_UNIX sockets: open files, and who the sender is (unix(7)).

A Travel has a reference of each of its descriptions.  It belongs to the socket that will read it, which drops it when
it is closed.  Sockets can be on their way to each other, so that nothing but messages refers to them: `forgotten`
finds those, and they are closed as if by their last close.
"""

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
    """The sockets that can never be used again: nothing refers to them but what is on its way to such sockets."""
    sockets = files.sockets_with_travels()
    counts = {}
    for socket in sockets:
        for travel in socket.travels():
            for description in travel.descriptions:
                counts[description] = counts.get(description, 0) + 1
    references = files.window.machine["descriptions"]["references"]
    doubtful = {each for each in sockets if int(references[each.description]) == counts.get(each.description, 0)}
    living = [each for each in sockets if each not in doubtful]
    while living:
        for travel in living.pop().travels():
            for description in travel.descriptions:
                found = files.kept_socket(description)
                if found in doubtful:
                    doubtful.remove(found)
                    living.append(found)
    return doubtful
