"""What options mean, the same in every command, and how a person is told that one is wrong: in one line.

`Emu` is the group of all commands, `WithSubcommands` a command that has some of its own, `ProgramCommand` one that ends
with a program and that program's own arguments.
"""

import errno
import os
import sys

import click

from emu.errors import BAD_INPUT


class Emu(click.Group):
    """A click group whose errors are one line and status 2."""

    def main(self, args=None, prog_name=None, **extra):
        try:
            status = super().main(args, prog_name, standalone_mode=False, **extra)
        except getattr(click.exceptions, "NoArgsIsHelpError", ()) as error:
            error.show()
            sys.exit(BAD_INPUT)
        except click.ClickException as error:
            print(f"emu: {_one_line(error)}", file=sys.stderr)
            sys.exit(BAD_INPUT)
        sys.exit(status if isinstance(status, int) else 0)


def _one_line(error):
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context else ""
    return f"{text[:1].lower()}{text[1:].rstrip('.')}{hint}"


class WithSubcommands(click.Command):
    """A command by itself, or with one of its subcommands as the first word: `emu trace FILE`, `emu trace open FILE`.

    A file that has a subcommand's name is given as ./NAME.
    """

    def __init__(self, *args, subcommands=(), **given):
        super().__init__(*args, **given)
        self.subcommands = {command.name: command for command in subcommands}

    def make_context(self, info_name, args, parent=None, **extra):
        if args and args[0] in self.subcommands:
            return self.subcommands[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_epilog(self, ctx, formatter):
        with formatter.section("Subcommands"):
            rows = [(f"{ctx.command_path} {name}", c.get_short_help_str()) for name, c in self.subcommands.items()]
            formatter.write_dl(rows)


class ProgramCommand(click.Command):
    """A command with PROGRAM and ARGUMENTS: it tells when some of these look like options of its own.

    They are passed on all the same. Nothing is said of what follows a `--`.
    """

    def parse_args(self, ctx, args):
        given = list(args)
        rest = super().parse_args(ctx, args)
        found = self._looks_like_ours(given, ctx.params["arguments"])
        if found:
            names = ", ".join(found)
            print(
                f"emu: note: what follows PROGRAM is passed to it, also {names}; put emu's options before PROGRAM "
                "(or -- there, if this is meant)",
                file=sys.stderr,
            )
        return rest

    def _looks_like_ours(self, given, arguments):
        before_program = given[: len(given) - len(arguments) - 1]
        if before_program[-1:] == ["--"]:
            return []
        ours = {name for option in self.params if isinstance(option, click.Option) for name in option.opts}
        until = arguments.index("--") if "--" in arguments else len(arguments)
        names = (word.partition("=")[0] for word in arguments[:until])
        return list(dict.fromkeys(name for name in names if name in ours))


def numbers(option, text):
    """The words of an option's A,B,…; the same twice is refused where they are used."""
    found = [word.strip() for word in text.split(",")]
    if not all(found):
        from emu import MachineError  # late: what it brings along takes a while to import

        raise MachineError(f"{option} {text!r}: expected numbers with commas between them")
    return found


def check_writable(option, path):
    """MachineError now, not after a long run, when a file cannot be written. Nothing is left where none was."""
    from emu import MachineError

    existed = os.path.lexists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o666))
        if not existed:
            os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENXIO:  # a FIFO: its reader may come later
            raise MachineError(f"{option} {path}: cannot be written: {error.strerror}") from None
