"""Signal numbers of gdb's own (gdb/signals.def), which its protocol uses whatever the system, and Linux's."""

_TO_GDB = {
    7: 10, 10: 30, 12: 31, 16: 143, 17: 20, 18: 19, 19: 17, 20: 18, 23: 16, 29: 23, 30: 32, 31: 12, 32: 77, 64: 78,
    **{number: 45 + number - 33 for number in range(33, 64)},
}  # fmt: skip
_TO_LINUX = {theirs: ours for ours, theirs in _TO_GDB.items()}
UNKNOWN = 143


def to_gdb(number):
    return _TO_GDB.get(number, number)


def to_linux(number):
    """0 for a signal that Linux does not have."""
    if number in _TO_LINUX:
        return _TO_LINUX[number]
    return number if 0 < number < 32 and number not in _TO_GDB else 0
