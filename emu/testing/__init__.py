"""What races are tested with, by the project itself and by you. A pytest plugin comes along (plugin.py).

    import pytest

    @pytest.mark.emu(cpus=[1, 2, 4], policies=["inko", "mine.py"], seeds=3)
    def test_all_primes_are_found(machine):
        job = machine.spawn("primes", 10_000, 4)
        machine.run(limit_s=60)
        assert job.exit_status == 0

    def test_my_policy_survives(stress_policy):
        stress_policy("mine.py")

Crew            processes that each run one compiled function on a bare shared machine, all at once
stress_policy   every operation of the scheduler's core at once, under a policy, with seeds: what is wrong afterwards
check_machine   indexes recomputed from the truth words of a machine at rest, and compared
must_fail       a control, a protocol broken on purpose, has to show its violation
"""

from importlib import import_module

_HOMES = {
    "Crew": "crew",
    "check_machine": "checks",
    "must_fail": "controls",
    "stress_policy": "stress",
}
__all__ = sorted(_HOMES)


def __dir__():
    return list(__all__)


def __getattr__(name):
    """Import on first use: pytest loads this package in every project that emu is installed beside."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu.testing' has no attribute {name!r}")
    return getattr(import_module(f"emu.testing.{_HOMES[name]}"), name)
