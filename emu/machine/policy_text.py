"""How a person names a policy with its parameters: POLICY[:NAME=VALUE…], such as eevdf:slice_ns=1000000."""

from ..errors import MachineError


def pair(option: str, text: str) -> tuple[str, str]:
    """(name, value) of an option's NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise MachineError(f"{option} {text!r}: expected NAME=VALUE")
    return name, value


def policy_and_parameters(option: str, text: str) -> tuple[str, list[tuple[str, str]]]:
    """(policy, [(name, value), …]) of POLICY[:NAME=VALUE…]; a file's path may have colons before its .py."""
    head, ends, tail = text.partition(".py:")
    if ends:
        name, parameters = f"{head}.py", tail.split(":")
    elif text.endswith(".py"):
        name, parameters = text, []
    else:
        name, *parameters = text.split(":")
    return name, [pair(option, parameter) for parameter in parameters]
