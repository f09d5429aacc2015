"""Mount requests of the user: HOST:GUEST or HOST:GUEST:rw."""

import os
from typing import NamedTuple

from ...abi.files import NAME_MAX


class Mount(NamedTuple):
    source: str  # directory of the host
    target: str  # absolute path in the guest, normal form
    writable: bool


def parse_mount(text):
    """A Mount from "HOST:GUEST[:rw|:ro]"; ValueError with one line for the person when it is none."""
    parts = text.split(":")
    mode = parts.pop() if len(parts) > 2 and parts[-1] in ("rw", "ro") else "ro"
    if len(parts) != 2:
        raise ValueError(f"mount {text!r}: expected HOST:GUEST or HOST:GUEST:rw, e.g. ./data:/data:rw")
    source, target = parts
    if not source or not os.path.isdir(source):
        raise ValueError(f"mount {text!r}: {source!r} is not a directory of this host")
    names = [name for name in target.split("/") if name not in ("", ".")]
    if not target.startswith("/") or ".." in names:
        raise ValueError(f"mount {text!r}: the guest's path {target!r} must be absolute and without '..', e.g. /data")
    if any(len(os.fsencode(name)) > NAME_MAX for name in names):
        raise ValueError(f"mount {text!r}: a name of the guest's path is longer than {NAME_MAX} bytes")
    if not names:
        raise ValueError(f"mount {text!r}: the guest's root can not be replaced, choose a directory, e.g. /data")
    if not os.access(source, os.R_OK | os.X_OK):
        raise ValueError(f"mount {text!r}: {source!r} can not be read by this user")
    return Mount(os.path.abspath(source), "/" + "/".join(names), mode == "rw")
