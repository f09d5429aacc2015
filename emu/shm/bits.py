"""Words that hold several small numbers: declared once, and read and made in one way everywhere.

    WHERE = bits("state:8 queue:16")
    where_state, where_queue = WHERE.getters()   # hot functions of a word
    pack_where = WHERE.packer()                  # a hot function of one number each, in order
    WHERE.get(word, "queue")                     # cold: of an integer or a whole NumPy array
    WHERE.pack(state=RUNNING, queue=3)           # cold

Fields are listed from the lowest bit upwards.  The last one may be open (`generation:*`): it has all bits that are
left, and keeps its sign.  Packing checks no number: the caller has to keep each within its field's width.
"""

from dataclasses import dataclass

from ..hot import hot


@dataclass(frozen=True)
class Bits:
    """The fields of a word: {name: (shift, bits)}, bits 0 for the open one."""

    fields: dict

    def shift(self, name):
        return self.fields[name][0]

    def mask(self, name):
        """A field's greatest value, all of its bits set, not shifted into place; -1 for the open field."""
        return (1 << self.fields[name][1]) - 1 if self.fields[name][1] else -1

    def get(self, word, name):
        """A field of an integer, or of each word of an array."""
        return (word >> self.shift(name)) & self.mask(name)

    def pack(self, **numbers):
        """A word of these fields, the others 0."""
        return sum(number << self.shift(name) for name, number in numbers.items())

    def getters(self):
        """A hot function of a word for each field, in order."""
        return tuple(_getter(self.shift(name), self.mask(name)) for name in self.fields)

    def packer(self):
        """A hot function that takes the numbers of the two or three fields, in order, and returns the word."""
        shifts = [shift for shift, _ in self.fields.values()]
        return _pack_two(*shifts) if len(shifts) == 2 else _pack_three(*shifts)


def bits(text):
    """The declaration of a packed word: "name:bits name:bits …", lowest first, in all at most 64 bits."""
    fields, at = {}, 0
    for part in text.split():
        name, _, width = part.partition(":")
        count = 0 if width == "*" else int(width)
        if name in fields or at >= 64 or at + count > 64:
            raise ValueError(f"packed word {text!r}: {name!r} does not fit")
        fields[name] = (at, count)
        at = 64 if width == "*" else at + count
    return Bits(fields)


def _getter(shift, mask):
    @hot
    def get(word):
        return (word >> shift) & mask

    return get


def _pack_two(first, second):
    @hot
    def pack(a, b):
        return a << first | b << second

    return pack


def _pack_three(first, second, third):
    @hot
    def pack(a, b, c):
        return a << first | b << second | c << third

    return pack
