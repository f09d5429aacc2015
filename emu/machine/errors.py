"""What a machine says to a person. By itself, so that what starts first need not import a configuration."""


class MachineError(Exception):
    """Something the user can mend; the message is one line: what, which value, what to do."""
