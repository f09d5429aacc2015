"""`emu`, with a signal at a named step of its start or its end: python -m tests.kills.steps STEP HOW -- ARGUMENTS

A step is a function, and `HOW` is a list of signals such as TERM or group:INT,group:INT that the process sends itself
when the function is about to be called for the first time.  Functions are found by a profile hook, so nothing
of emu knows of it.  Prints the step to the file in EMU_TEST_STEP when it gets there.
"""

import os
import signal
import sys

STEPS = {
    # start
    "first import": "subcommands:<module>",
    "import click": "click/__init__:<module>",
    "import the machine": "machine/machine:<module>",
    "import zmq": "zmq/__init__:<module>",
    "forkserver": "children:__init__",
    "configuration": "config:make",
    "program": "loader:read_program",
    "recorder": "tracing:__init__",
    "cache": "warmup:ensure_warm",
    "directory": "directory:make_directory",
    "window": "segment:create",
    "mail": "mail:__init__",
    "server": "children:start",
    "handing over": "socket:send_fds",
    "process number": "children:_read",
    "signals held": "held_signals:_hold",
    "spawn": "machine:spawn",
    "close": "watching:_wait_for_schedulers",
    "sleep": "watching:_sleep",
    # end
    "report": "report:make_report",
    "leave": "ownership:_left",
    "shut down": "machine:_shut_down",
    "stop": "machine:_stop_all",
    "wait for the end": "children:end_all",
    "recorder's end": "tracing:finish",
    "unmap": "segment:destroy",
    "remove": "directory:remove_directory",
    "print": "run:print_summary",
}


def main():
    step, how, _, *arguments = sys.argv[1:]
    sys.argv[:] = ["emu", *arguments]
    file, name = STEPS[step].split(":")

    def hook(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_name == name and code.co_filename.endswith(f"{file}.py"):
            sys.setprofile(None)
            with open(os.environ["EMU_TEST_STEP"], "w") as reached:
                reached.write(step)
            for word in how.split(","):
                kind, _, number = word.rpartition(":")
                (os.killpg if kind else os.kill)(os.getpid(), getattr(signal, f"SIG{number}"))

    from emu.commands.cli import main as command

    sys.setprofile(hook)
    command()


if __name__ == "__main__":
    main()
