"""Why a task was killed: numbers with names (alux-8)."""

NAMES = (
    "", "exited", "asked by the user", "fatal signal", "unhandled fault", "unowned memory", "machine failed",
    "failed inside emu", "bad KSE mailbox",
)  # fmt: skip
(
    KILL_NONE, KILL_EXITED, KILL_ASKED, KILL_SIGNAL, KILL_FAULT, KILL_UNOWNED_MEMORY, KILL_MACHINE_FAILED,
    KILL_INTERNAL, KILL_MAILBOX,
) = range(len(NAMES))  # fmt: skip
