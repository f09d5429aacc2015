"""Served Linux calls on who the calling thread is: users, groups, capabilities (credentials(7))."""

import struct

from ...abi.errno import EINVAL, EPERM
from ..credentials import MAX_GROUPS
from ..errors import LinuxError
from .registry import Int32, Pointer, UInt32, served

UNCHANGED = 0xFFFFFFFF  # -1: leave this id as it is
ALL_CAPABILITIES = (1 << 41) - 1
CAPABILITY_WORDS = {0x19980330: 1, 0x20071026: 2, 0x20080522: 2}  # by version; the last is the one to use
LATEST = 0x20080522


@served("getuid")
def getuid(call):
    return call.credentials.uid


@served("geteuid")
def geteuid(call):
    return call.credentials.euid


@served("getgid")
def getgid(call):
    return call.credentials.gid


@served("getegid")
def getegid(call):
    return call.credentials.egid


def _change(call, **ids):
    call.credentials = call.credentials._replace(**ids)
    return 0


def _set_all(call, wanted, prefix):
    """setuid, setgid: all ids for the privileged, else the effective one, to the real or saved."""
    who = call.credentials
    real, _, saved, _ = _ids(who, prefix)
    if wanted == UNCHANGED:
        raise LinuxError(EINVAL)
    if who.privileged:
        return _set(call, prefix, wanted, wanted, wanted)
    if wanted not in (real, saved):
        raise LinuxError(EPERM)
    return _set(call, prefix, real, wanted, saved)


def _ids(who, prefix):
    """(real, effective, saved, of files) of users ("u") or groups ("g")."""
    return tuple(getattr(who, f"{kind}{prefix}id") for kind in ("", "e", "s", "fs"))


def _set(call, prefix, real, effective, saved):
    names = (f"{kind}{prefix}id" for kind in ("", "e", "s", "fs"))
    return _change(call, **dict(zip(names, (real, effective, saved, effective))))


@served("setuid")
def setuid(call, wanted: UInt32):
    return _set_all(call, wanted, "u")


@served("setgid")
def setgid(call, wanted: UInt32):
    return _set_all(call, wanted, "g")


def _set_two(call, prefix, real, effective):
    """setreuid, setregid. The saved id follows the effective one when the real one is set or left behind by it."""
    who = call.credentials
    old_real, old_effective, saved, _ = _ids(who, prefix)
    new_real = old_real if real == UNCHANGED else real
    new_effective = old_effective if effective == UNCHANGED else effective
    if not who.privileged and (
        new_real not in (old_real, old_effective) or new_effective not in (old_real, old_effective, saved)
    ):
        raise LinuxError(EPERM)
    if real != UNCHANGED or effective != UNCHANGED and effective != old_real:
        saved = new_effective
    return _set(call, prefix, new_real, new_effective, saved)


@served("setreuid")
def setreuid(call, real: UInt32, effective: UInt32):
    return _set_two(call, "u", real, effective)


@served("setregid")
def setregid(call, real: UInt32, effective: UInt32):
    return _set_two(call, "g", real, effective)


def _set_three(call, prefix, wanted):
    who = call.credentials
    old = _ids(who, prefix)[:3]
    if not who.privileged and any(each not in (UNCHANGED, *old) for each in wanted):
        raise LinuxError(EPERM)
    return _set(call, prefix, *(before if each == UNCHANGED else each for before, each in zip(old, wanted)))


@served("setresuid")
def setresuid(call, real: UInt32, effective: UInt32, saved: UInt32):
    return _set_three(call, "u", (real, effective, saved))


@served("setresgid")
def setresgid(call, real: UInt32, effective: UInt32, saved: UInt32):
    return _set_three(call, "g", (real, effective, saved))


def _get_three(call, prefix, addresses):
    for address, value in zip(addresses, _ids(call.credentials, prefix)):
        call.write(address, struct.pack("<I", value))
    return 0


@served("getresuid")
def getresuid(call, real_at: Pointer, effective_at: Pointer, saved_at: Pointer):
    return _get_three(call, "u", (real_at, effective_at, saved_at))


@served("getresgid")
def getresgid(call, real_at: Pointer, effective_at: Pointer, saved_at: Pointer):
    return _get_three(call, "g", (real_at, effective_at, saved_at))


def _set_for_files(call, prefix, wanted):
    """Returns the former id: a caller finds out whether the new one was accepted only by asking again."""
    who = call.credentials
    before = _ids(who, prefix)
    if wanted != UNCHANGED and (who.privileged or wanted in before):
        _change(call, **{f"fs{prefix}id": wanted})
    return before[3]


@served("setfsuid")
def setfsuid(call, wanted: UInt32):
    return _set_for_files(call, "u", wanted)


@served("setfsgid")
def setfsgid(call, wanted: UInt32):
    return _set_for_files(call, "g", wanted)


@served("getgroups")
def getgroups(call, size: Int32, address: Pointer):
    groups = call.credentials.groups
    if size < 0 or 0 < size < len(groups):
        raise LinuxError(EINVAL)
    if size:
        call.write(address, struct.pack(f"<{len(groups)}I", *groups))
    return len(groups)


@served("setgroups")
def setgroups(call, size: Int32, address: Pointer):
    if not call.credentials.privileged:
        raise LinuxError(EPERM)
    if not 0 <= size <= MAX_GROUPS:
        raise LinuxError(EINVAL)
    groups = struct.unpack(f"<{size}I", call.read(address, 4 * size)) if size else ()
    return _change(call, groups=tuple(sorted(groups)))


def _capabilities(who):
    """(effective, permitted): all or nothing."""
    permitted = ALL_CAPABILITIES if 0 in (who.uid, who.euid, who.suid) else 0
    return (ALL_CAPABILITIES if who.privileged else 0), permitted


def _capability_words(call, header):
    version = struct.unpack("<I", call.read(header, 4))[0]
    if version not in CAPABILITY_WORDS:
        call.write(header, struct.pack("<I", LATEST))
    return CAPABILITY_WORDS.get(version)


@served("capget")
def capget(call, header: Pointer, data: Pointer):
    words = _capability_words(call, header)
    if words is None:
        if data:
            raise LinuxError(EINVAL)
        return 0
    if data:
        effective, permitted = _capabilities(call.credentials)
        sets = ((effective >> 32 * k & 0xFFFFFFFF, permitted >> 32 * k & 0xFFFFFFFF, 0) for k in range(words))
        call.write(data, b"".join(struct.pack("<III", *each) for each in sets))
    return 0


@served("capset")
def capset(call, header: Pointer, data: Pointer):
    """A program can gain no capability, and keeps those that it gives up: only its user id decides here."""
    words = _capability_words(call, header)
    if words is None:
        raise LinuxError(EINVAL)
    effective, permitted = _capabilities(call.credentials)
    for k, (some_effective, some_permitted, _) in enumerate(struct.iter_unpack("<III", call.read(data, 12 * words))):
        if some_effective & ~(some_permitted & effective >> 32 * k) or some_permitted & ~(permitted >> 32 * k):
            raise LinuxError(EPERM)
    return 0
