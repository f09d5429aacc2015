"""Guests in containers: what is not granted cannot be done, and limits hold however threads race (cz-17)."""

import pytest

from emu.guests import build
from emu.testing.checks import check_machine
from tests.guests.programs import SOURCES


@pytest.mark.system("cz-17")
@pytest.mark.parametrize("cpus", [1, 4])
def test_guests_in_containers_do_what_their_capabilities_allow_and_nothing_is_left_of_them(boot, seed, tmp_path, cpus):
    program = tmp_path / "capabilities"
    build.compile_c(SOURCES / "capabilities.c", program)
    with boot(cpus, "inko", seed=seed) as machine:
        job = machine.spawn(str(program))
        machine.run(limit_s=120)
        assert job.exit_status == 0, machine.output.read_text()
        assert machine.output.read_text().endswith("ok capabilities\n")
        check_machine(machine.window, "inko")
