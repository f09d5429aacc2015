"""Whether the frames of a trace file that are not rounds hold what readers rely on: any file may be handed to them.

What a newer emu adds is no fault; what is here must be of the kind that file.py says.
"""

MOST_NS = 1 << 62  # no clock shows more, and differences of two times fit into 64 bits
MOST_CPUS = 1 << 14  # actors' numbers have 16 bits
END_KEYS = {"complete": bool, "ended": bool, "reason": str, "failure": str}
MACHINE_KEYS = {"policy": str, "slice_ns": int, "one_queue": bool, "global_queue": int, "seed": int}
LATER_KEYS = {"blocking_cpus": int}


def header_is_understood(header):
    """The first frame of a file, which is a map: kinds, names of numbers, the machine, its clock."""
    try:
        kinds = all(len(kind) == 4 and all(isinstance(word, str) for word in kind) for kind in header["kinds"])
        fields = all(_is_packed(packed) for packed in header.get("fields", {}).values())
        named = all(_is_table(table) for table in header["values"].values())
        names = all(isinstance(word, str) for pair in header["tables"].items() for word in pair)
        lists = _are_strings(header["masks"]) and _are_strings(header.get("command") or [])
        clock = is_time(header["clock"]["boot_ns"])
        return kinds and fields and named and names and lists and clock and _is_machine(header) and _has_words(header)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def end_is_understood(frame):
    """The last frame of a file, which is a map."""
    try:
        counts = all(_is_number(number) for pair in frame["lost"].items() for number in pair)
        return counts and is_time(frame["end_ns"]) and _are(frame, END_KEYS)
    except (KeyError, TypeError, AttributeError):
        return False


def is_time(value):
    """ns of the machine's clock."""
    return not isinstance(value, (bool, float)) and 0 <= value < MOST_NS


def _is_machine(header):
    machine = header["machine"]
    later = {name: kind for name, kind in LATER_KEYS.items() if name in machine}
    parameters = all(isinstance(value, (int, float)) for value in machine["parameters"])
    cpus = _is_number(machine["cpus"]) and machine["cpus"] <= MOST_CPUS
    return cpus and parameters and _are_strings(machine["hooks"]) and _are(machine, MACHINE_KEYS | later)


def _has_words(header):
    """The tables that readers look into, and a date where there is one."""
    return {"actor", "reason"} <= header["values"].keys() and isinstance(header.get("date", ""), str)


def _is_packed(fields):
    """[[name, bits], …] of one argument."""
    return fields and all(isinstance(name, str) and _is_number(bits) and 0 < bits < 64 for name, bits in fields)


def _is_table(table):
    return all(isinstance(number, int) and isinstance(name, str) for number, name in table.items())


def _are(found, kinds):
    return all(isinstance(found[name], kind) for name, kind in kinds.items())


def _are_strings(found):
    return isinstance(found, list) and all(isinstance(word, str) for word in found)


def _is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_NS
