"""Queues of typed messages (msgop(2)): first in first out within what a receiver asks for."""

import time

from ...abi.errno import E2BIG, EIDRM, ENOMEM, ENOMSG
from ...abi.ipc import MSG_EXCEPT, MSG_NOERROR, MSGMNB, MSGMNI
from ..errors import LinuxError
from .keys import OBJECT_BYTES, IpcKeys, IpcObject

MESSAGE_BYTES = 192  # beside its data


class MessageQueue(IpcObject):
    def __init__(self, mode, who, allowance):
        super().__init__(mode, who, allowance.charge(OBJECT_BYTES, ENOMEM))
        self.messages = []  # (type, data)
        self.size = 0  # bytes of data
        self.most_bytes = MSGMNB
        self.sent_s = self.received_s = 0
        self.sender = self.receiver = 0

    def check_exists(self):
        """EIDRM."""
        if self.removed:
            raise LinuxError(EIDRM)

    def has_room(self, count):
        return self.size + count <= self.most_bytes and len(self.messages) < self.most_bytes

    def put(self, kind, data, pid):
        """Add a message, for which there is room. ENOMEM."""
        self.charge.resize(self.charge.size + MESSAGE_BYTES + len(data))
        self.messages.append((kind, data))
        self.size += len(data)
        self.sent_s, self.sender = int(time.time()), pid
        self.changes += 1

    def choose(self, kind, flags):
        """Position of the message that a receiver of this type gets, None when there is none."""
        positions = range(len(self.messages))
        if kind == 0:
            return 0 if self.messages else None
        if kind < 0:  # the lowest type up to -kind, the oldest of it
            low = [p for p in positions if self.messages[p][0] <= -kind]
            return min(low, key=lambda p: self.messages[p][0], default=None)
        wanted = bool(flags & MSG_EXCEPT)
        return next((p for p in positions if (self.messages[p][0] != kind) == wanted), None)

    def look(self, position, most, flags):
        """(type, data) of a message as a receiver with so much room gets it. E2BIG, ENOMSG."""
        if not 0 <= position < len(self.messages):
            raise LinuxError(ENOMSG)
        kind, data = self.messages[position]
        if len(data) > most and not flags & MSG_NOERROR:
            raise LinuxError(E2BIG)
        return kind, data[:most]

    def take(self, position, pid):
        """Remove a message."""
        _, data = self.messages.pop(position)
        self.size -= len(data)
        self.charge.resize(self.charge.size - MESSAGE_BYTES - len(data))
        self.received_s, self.receiver = int(time.time()), pid
        self.changes += 1


class MessageQueues(IpcKeys):
    """All queues of a machine."""

    def __init__(self, allowance):
        super().__init__(MSGMNI)
        self._allowance = allowance

    def get_queue(self, key, flags, who):
        """msgget."""
        return self.get(key, flags, who, lambda: MessageQueue(flags, who, self._allowance))
