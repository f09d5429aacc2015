"""The pytest plugin: fixtures `machine`, `crew`, `stress_policy` and `emu_seed`, the marker `emu`, options for seeds.

    @pytest.mark.emu(cpus=[1, 2, 4], policies=["inko", "mine.py"], seeds=20)
    def test_something(machine): ...

runs the test on each of these machines under each seed.  The seeds are 0, 1, … by default, so that a test has the same
cases in every process of pytest-xdist; --emu-seed N runs one only, and --emu-seeds N that many.  A test that fails
prints its seed and the command that runs that case again.

pytest loads this file in every project that emu is installed beside: it imports nothing heavy before a fixture is used.
"""

import argparse
import shlex

import pytest

ARGUMENTS = ("cpus", "policies", "seeds")  # of the marker
pytest_plugins = ["emu.testing.explore_plugin"]  # the marker `emu_explore`: one more file of this plugin
SEEDS = 1  # of a marker that names none
END_S = 60  # for guests that are left when a test is over


def at_least(least):
    """The type of an option that is a whole number and not below this one."""

    def read(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return number

    return read


def pytest_addoption(parser):
    group = parser.getgroup("emu")
    group.addoption("--emu-seed", type=at_least(0), metavar="N", help="run tests of emu under this seed only")
    group.addoption("--emu-seeds", type=at_least(1), metavar="N", help="run each test of emu under this many seeds")


def pytest_configure(config):
    line = "emu(cpus, policies, seeds): machines that the test runs on, policies, and how many seeds for each"
    config.addinivalue_line("markers", line)


def seeds_of(config, default):
    """The seeds to try, as the command line says."""
    if (one := config.getoption("emu_seed")) is not None:
        return [one]
    return list(range(config.getoption("emu_seeds") or default))


def asked_by(marker):
    """The arguments of a marker `emu`, {} where there is none; a test that asks for nothing that can be is an error."""
    asked = marker.kwargs if marker else {}
    wrong = [repr(value) for value in marker.args] if marker else []
    wrong += [name for name in asked if name not in ARGUMENTS]
    if wrong:
        pytest.fail(f"pytest.mark.emu takes {', '.join(ARGUMENTS)} by name, not {', '.join(wrong)}", pytrace=False)
    for name in ("cpus", "policies"):
        if name in asked and not (isinstance(asked[name], (list, tuple, range)) and asked[name]):
            pytest.fail(f"pytest.mark.emu: {name} is a list of one or more, not {asked[name]!r}", pytrace=False)
    seeds = asked.get("seeds", SEEDS)
    if not isinstance(seeds, int) or seeds < 1:
        pytest.fail(f"pytest.mark.emu: seeds is how many, at least 1, not {seeds!r}", pytrace=False)
    return asked


def pytest_generate_tests(metafunc):
    if "emu_case" not in metafunc.fixturenames:
        return
    asked = asked_by(metafunc.definition.get_closest_marker("emu"))
    cases = [
        (cpus, policy, seed)
        for cpus in asked.get("cpus", [2])
        for policy in asked.get("policies", ["inko"])
        for seed in seeds_of(metafunc.config, asked.get("seeds", SEEDS))
    ]
    names = [f"{cpus}-cpus-{policy}-seed-{seed}" for cpus, policy, seed in cases]
    metafunc.parametrize("emu_case", cases, ids=names, indirect=True)


@pytest.fixture
def emu_case(request):
    """(CPUs, policy, seed) of this run of the test."""
    return request.param


@pytest.fixture
def emu_seed(emu_case):
    """The seed of this run of the test."""
    return emu_case[2]


@pytest.fixture
def machine(emu_case, tmp_path):
    """A booted Machine; what its guests print is in `machine.output`, a path.

    At the end guests that are left run to their end; then nothing may have leaked, and every index must agree with
    the truth words (check_machine).
    """
    from emu import Machine

    from . import check_machine

    cpus, policy, seed = emu_case
    output = tmp_path / "output"
    with open(output, "wb") as file:
        with Machine(cpus, policy, seed=seed, stdout=file.fileno(), quiet=True) as booted:
            booted.output = output
            yield booted
            if booted.window is not None and not booted.window.machine["failed"]:
                booted.run(limit_s=END_S)
                if policy_is_known(policy):
                    check_machine(booted.window, policy)
        assert booted.leaks == {}, f"kernel allocations were not freed: {booted.leaks}"


def policy_is_known(policy):
    """Whether checks.py knows how this policy keeps its order."""
    from ..actor.policies import BUILTIN

    return policy in BUILTIN


@pytest.fixture
def crew(emu_seed, tmp_path):
    """`crew(workers, policy=…)`: processes on a bare machine, an emu.testing.Crew; they are gone at the test's end."""
    import contextlib

    from ..machine.children import start_forkserver
    from . import Crew

    start_forkserver()
    with contextlib.ExitStack() as stack:
        yield lambda workers, **options: stack.enter_context(
            Crew(workers, emu_seed, directory=str(tmp_path), **options)
        )


@pytest.fixture
def stress_policy(request):
    """`stress_policy(path, cpus=…, balanced=…)` of emu.testing, under the seeds that the command line names, else the
    call (`seeds`, `first_seed`), else the marker (`seeds`)."""

    def stress(path, **options):
        from . import stress

        seeds = options.pop("seeds", asked_by(request.node.get_closest_marker("emu")).get("seeds", stress.SEEDS))
        first = options.pop("first_seed", 0)
        if (one := request.config.getoption("emu_seed")) is not None:
            first, seeds = one, 1
        else:
            seeds = request.config.getoption("emu_seeds") or seeds
        stress.stress_policy(path, first_seed=first, seeds=seeds, **options)

    return stress


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "emu_case" in getattr(item, "funcargs", {}):
        seed = item.funcargs["emu_case"][2]
        case = shlex.quote(item.nodeid)  # its seed is among the cases only when the command line names it
        report.sections.append(("replay", f"seed {seed}: pytest {case} --emu-seed {seed}"))
