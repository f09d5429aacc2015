"""CALL interrupts: the interrupt and its payload take different ways, and either may be late."""

import os

import pytest

from emu import MachineError
from emu.actor.mail import address
from emu.machine import asking
from tests.systems.test_rust import finish

LATE = 3  # rounds before the payload arrives


def hold_back_payload(machine, monkeypatch, repeat):
    """The payload of the next call arrives after LATE interrupts; without `repeat` only the first of them is real.

    It arrives no sooner than a round after that first one was taken, however busy the host is.
    """
    late = machine._directory / "late"
    monkeypatch.setattr(asking, "call_address", lambda *_: address(machine._directory, "late"))
    interrupt = machine._interrupt_for_call
    rounds, taken = [], []

    def counted(cpu):
        rounds.append(cpu)
        if repeat or (len(rounds) > 1 and not machine.window.machine["cpus"]["pending"][cpu]):
            taken.append(len(rounds))
        if len(taken) == LATE:
            os.symlink(machine._directory / f"call-{cpu}-{machine._processes[cpu].pid}", late)
        if len(rounds) == 1 or repeat:
            interrupt(cpu)

    monkeypatch.setattr(machine, "_interrupt_for_call", counted)
    return rounds


def test_a_payload_that_comes_long_after_its_interrupt_is_executed(boot, seed, monkeypatch):
    with boot(2, seed=seed) as machine:
        job = machine.spawn("sleepers", 2, 50)
        rounds = hold_back_payload(machine, monkeypatch, repeat=True)
        assert machine.call(0, "ping", 7) == 7 and len(rounds) >= LATE
        finish(machine)
        assert job.exit_status == 0


def test_control_without_a_second_interrupt_it_is_not_and_only_that_request_fails(boot, seed, monkeypatch):
    with boot(2, seed=seed) as machine:
        with monkeypatch.context() as patch:
            hold_back_payload(machine, patch, repeat=False)
            patch.setattr(asking, "REPLY_TIMEOUT_MS", 1500)
            with pytest.raises(MachineError, match="CPU 0 did not answer within 1 s"):
                machine.call(0, "ping", 7)
        assert machine.call(0, "ping", 8) == 8
        job = machine.spawn("exitcode", 5)
        finish(machine)
        assert job.exit_status == 5


def test_calls_reach_every_cpu_while_cpus_come_and_go(boot, seed):
    with boot(1, "bsd4", seed=seed) as machine:
        job = machine.spawn("sleepers", 4, 300)
        for n in range(6):
            cpu = machine.add_cpu()
            assert cpu == 1 and machine.call(cpu, "ping", n) == n
            assert machine.call(cpu, "where")["process"] == machine._processes[cpu].pid
            machine.remove_cpu(cpu)
            with pytest.raises(MachineError, match="CPU 1 cannot be called"):
                machine.call(cpu, "ping")
        finish(machine)
        assert job.exit_status == 0
