"""The strings that a vector of pointers in a guest's memory leads to: execve's arguments and variables.

Most of them lie side by side, so whole pages are fetched and a few kept: 100,000 strings cost a few hundred accesses
to guest memory rather than 100,000.  Pages are what memory is mapped by, so no byte beyond a string makes it fail.
"""

import struct

from ..abi.errno import E2BIG, EFAULT
from ..limits import PAGE_SHIFT, PAGE_SIZE, USER_TOP
from .errors import LinuxError

KEPT_PAGES = 256
POINTER_BYTES = 8


def read_strings(read, address, most_bytes, longest):
    """The strings of a vector that ends with a null pointer, as bytes; none where the vector's address is 0.

    `read(address, count)` fetches memory.  EFAULT; E2BIG: they and their pointers are more than `most_bytes`, or one
    of them, with its end, is longer than `longest`.
    """
    if not address:
        return []
    pages, found, left = _Pages(read), [], most_bytes
    for pointer in pages.pointers(address):
        if not pointer:
            return found
        text = pages.string(pointer, longest)
        left -= len(text) + 1 + POINTER_BYTES
        if left < 0:
            raise LinuxError(E2BIG)
        found.append(text)


class _Pages:
    """A guest's memory, page by page."""

    def __init__(self, read):
        self._read = read
        self._kept = {}

    def _page(self, number):
        page = self._kept.get(number)
        if page is None:
            if number >= USER_TOP >> PAGE_SHIFT:
                raise LinuxError(EFAULT)
            if len(self._kept) >= KEPT_PAGES:
                self._kept.clear()
            page = self._kept[number] = self._read(number << PAGE_SHIFT, PAGE_SIZE)
        return page

    def pointers(self, address):
        """The words from an address on, without end."""
        while True:
            start = address % PAGE_SIZE
            whole = (PAGE_SIZE - start) // POINTER_BYTES * POINTER_BYTES
            if whole:
                words = self._page(address >> PAGE_SHIFT)[start : start + whole]
            else:  # one lies across two pages
                whole, number = POINTER_BYTES, address >> PAGE_SHIFT
                words = (self._page(number)[start:] + self._page(number + 1))[:POINTER_BYTES]
            yield from (word for (word,) in struct.iter_unpack("<Q", words))
            address += whole

    def string(self, address, longest):
        number, start = address >> PAGE_SHIFT, address % PAGE_SIZE
        page = self._page(number)
        end = page.find(0, start)
        if end >= 0:
            return page[start:end]
        parts, size = [page[start:]], PAGE_SIZE - start
        while size < longest:
            number += 1
            page = self._page(number)
            end = page.find(0)
            if end >= 0:
                if size + end >= longest:
                    break
                return b"".join((*parts, page[:end]))
            parts.append(page)
            size += PAGE_SIZE
        raise LinuxError(E2BIG)
