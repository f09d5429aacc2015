"""`emu policies [NAME]`: what policies there are, what each suits and where it fails.

Everything is read from the policies' own files (emu/actor/policy_description.py says how
they have to be written), so a file of your own is described as the built-in ones are.
"""

import sys

import click

from emu.tables import print_table

from ..errors import BAD_INPUT


@click.command()
@click.argument("name", required=False)
def policies(name):
    """List the built-in policies, or show NAME (a built-in one or a policy file) in full."""
    from emu.actor.policies import BUILTIN
    from emu.actor.policy_description import describe_policy
    from emu.errors import PolicyError

    try:
        if name:
            _show(describe_policy(name))
        else:
            columns = ("policy", "what it is", "suits", "fails", "parameters")
            print_table(columns, [_row(describe_policy(each)) for each in BUILTIN])
    except PolicyError as error:
        print(f"emu: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def _row(policy):
    parameters = "\n".join(f"{name} = {_value(value)}" for name, (value, _) in policy.parameters.items())
    return policy.name, policy.line, policy.suits, policy.fails, parameters


def _show(policy):
    from emu.kernel.sched.hooks import NAMES

    print(policy.text or f"{policy.name}: its file has no docstring")
    print(f"\nfile: {policy.file}")
    missing = [hook for hook in NAMES if hook not in policy.hooks]
    print(f"hooks: {', '.join(policy.hooks)}")
    print(f"the core's default: {', '.join(missing) or 'none'}")
    print("parameters:" if policy.parameters else "parameters: none")
    for name, (value, meaning) in policy.parameters.items():
        print(f"  {name} = {_value(value)}: {meaning}")


def _value(value):
    return f"{value:_}" if isinstance(value, int) else str(value)
