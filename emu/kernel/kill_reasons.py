"""Why a task was killed: numbers with names (alux-8)."""

NAMES = ("", "exited", "asked by the user", "fatal signal", "unhandled fault", "unowned memory", "machine failed")
(
    KILL_NONE, KILL_EXITED, KILL_ASKED, KILL_SIGNAL, KILL_FAULT, KILL_UNOWNED_MEMORY, KILL_MACHINE_FAILED,
) = range(len(NAMES))  # fmt: skip
