"""Files that show whether they are whole: a checksum of the name and the content stands before the content.

The compile cache keeps machine code in such files.  Code that was cut short by a full disk or a power cut, that has a
flipped bit or belongs to another function would crash the process that runs it, so `read` answers only with what
`write` wrote under this name, and else with None: the caller makes it anew.

A file is written beside its place, through to the disk, and then renamed: other processes find it whole or not at all,
and after a power cut it is whole or missing.  Who can do without the file writes it with `durable=False`: then nobody
waits for the disk, and after a power cut it may also be there and not whole, which `read` sees.
"""

import contextlib
import hashlib
import os
import tempfile

_MAGIC = b"emu checked file 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size


def _digest(name, content):
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def read(path, name):
    """The content that was written under this name; None when it is missing, unreadable or not what was written."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            whole = file.read() or b""
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST_BYTES
    content = whole[start:]
    return content if whole[:start] == _MAGIC + _digest(name, content) else None


def _open_at_once(path, flags):
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO in its place is no reason to wait


def write(path, name, content, durable=True):
    """Put content there under a name, with its folder if that is missing. OSError when that is not possible."""
    _make_folder(path.parent, durable)
    descriptor, new = tempfile.mkstemp(dir=path.parent, suffix=".new")
    try:
        with open(descriptor, "wb") as file:
            file.write(_MAGIC + _digest(name, content) + content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    if durable:
        _sync_folder(path.parent)


def _make_folder(folder, durable):
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        if durable:
            _sync_folder(folder.parent)


def _sync_folder(folder):
    """Make the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
