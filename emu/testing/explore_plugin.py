"""The pytest plugin's part for schedules: the marker `emu_explore` and the fixture `explored` (emu/explore).

    @pytest.mark.emu_explore(schedules=1000)
    def test_account(explored):
        explored("./account", "3")

plays that many schedules of the program, and fails the test with the story of the first one that fails.  The seed is 0,
or the first that the command line names (--emu-seed).  plugin.py has pytest load this file, so it imports nothing heavy
before the fixture is used.
"""

import os
import shlex

import pytest

from .plugin import seeds_of

SCHEDULES = 1000  # of a marker that names none
MOST_JOBS = 256
# Of `explored`, as emu.explore.campaign.Plan has them.
OPTIONS = ("strategy", "memory", "patient", "priorities", "races", "max_steps", "rules", "environment")


def _is_count(value, most=1 << 40):
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_time(value):
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9)


ARGUMENTS = {  # of the marker: what it has to be, how that is tested
    "schedules": ("how many, at least 1", _is_count),
    "seconds": ("how long at most, above 0", _is_time),
    "jobs": (f"how many processes, 1 to {MOST_JOBS}", lambda value: _is_count(value, MOST_JOBS)),
}


def pytest_configure(config):
    line = "emu_explore(schedules, seconds, jobs): how many schedules are played, for how long, in how many processes"
    config.addinivalue_line("markers", line)


def asked_by(marker):
    """The arguments of a marker `emu_explore`, {} where there is none; what cannot be is an error."""
    asked = marker.kwargs if marker else {}
    wrong = [repr(value) for value in marker.args] if marker else []
    wrong += [name for name in asked if name not in ARGUMENTS]
    if wrong:
        names = ", ".join(ARGUMENTS)
        pytest.fail(f"pytest.mark.emu_explore takes {names} by name, not {', '.join(wrong)}", pytrace=False)
    for name, value in asked.items():
        what, fits = ARGUMENTS[name]
        if not fits(value):
            pytest.fail(f"pytest.mark.emu_explore: {name} is {what}, not {value!r}", pytrace=False)
    return asked


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("emu_explore")
    asked_by(marker)
    if marker and "explored" not in metafunc.fixturenames:
        line = f"pytest.mark.emu_explore: {metafunc.definition.name} does not use the fixture `explored`"
        pytest.fail(line, pytrace=False)


@pytest.fixture
def explored(request, tmp_path):
    """`explored(program, *arguments, **options)`: plays the marker's schedules, and fails the test when one fails.

    Returns emu.explore.campaign.Found.  Options: `strategy`, `memory`, `patient`, `priorities`, `races`, `max_steps`,
    `rules` and `environment` (a dict), as Plan has them; expect_failure=True: the test fails when no schedule does, and
    what is returned has the failure.
    """
    asked = {"schedules": SCHEDULES, **asked_by(request.node.get_closest_marker("emu_explore"))}
    seed, started_in = seeds_of(request.config, 1)[0], request.config.invocation_params.dir

    def explore(program, *arguments, expect_failure=False, **options):
        from ..errors import MachineError

        if wrong := [name for name in options if name not in OPTIONS]:
            pytest.fail(f"explored takes {', '.join(OPTIONS)}, expect_failure, not {', '.join(wrong)}", pytrace=False)
        found, lines = None, []
        try:
            found, lines = _explore(program, arguments, seed, asked, None if expect_failure else tmp_path, options)
        except MachineError as error:
            refused = str(error)
        if found is None:
            pytest.fail(refused, pytrace=False)
        if expect_failure and found.failure is None:
            pytest.fail(f"{program}: a failure was expected, and none of {found.schedules:,} schedules of seed {seed} "
                        f"failed", pytrace=False)  # fmt: skip
        if lines:
            moved = "" if os.path.samefile(os.curdir, started_in) else f"cd {shlex.quote(os.getcwd())} && "
            pytest.fail("\n".join((*lines, f"again: {moved}emu replay {shlex.quote(_file(tmp_path))}")), pytrace=False)
        return found

    return explore


def _file(directory):
    """The replay file of the failure that ends a test."""
    return str(directory / "failure.replay")


def _explore(program, arguments, seed, asked, directory, options):
    """(Found, lines about a failure): with a directory for the replay file the failure is made simple and told."""
    from ..explore.campaign import Campaign, Plan, prepared
    from ..explore.replay import keep
    from ..explore.shrink import shrink
    from ..explore.story import headline, how_found, told

    options["environment"] = tuple(dict(options.get("environment", ())).items())
    options["rules"] = tuple(options.get("rules", ()))
    with prepared(Plan(str(program), tuple(map(str, arguments)), seed=seed, **options)) as (world, plan):
        campaign = Campaign(plan, asked["schedules"], asked.get("seconds"))
        campaign.play(world, asked.get("jobs", 1))
        failure, lines = campaign.found.failure, []
        if failure and directory:
            simple, _ = shrink(world, failure)
            lines = [headline(plan, failure), f"seed {seed}, {how_found(failure, simple)}", ""]
            lines += [*told(world, failure.number, simple), "", f"replay file: {_file(directory)}"]
            keep(_file(directory), world, plan, failure, simple)
    return campaign.found, lines
