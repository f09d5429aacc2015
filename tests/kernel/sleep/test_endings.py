"""What may end a sleep: not everything, while the server works on a trap or a signal."""

import pytest

from emu.abi.errno import ERESTARTSYS
from emu.kernel.sleep import endings as sleeping
from emu.kernel.thread.states import RESTART_CALL, SLEEP_KERNEL, SLEEP_SERVER, SLEEP_SUSPEND
from tests.kernel import wrappers as hot
from tests.kernel.cpus import played


@pytest.mark.system("cz-6")
@pytest.mark.parametrize(("reason", "ends"), [(SLEEP_SERVER, True), (SLEEP_KERNEL, False), (SLEEP_SUSPEND, False)])
def test_an_interrupt_ends_a_served_call_and_leaves_a_trap_and_a_suspend_alone(reason, ends):
    """A trap's pc and a0 are the guest's own: the restart that an interrupted call gets would spoil them."""
    with played(1, "random") as cpus:
        i = cpus.start(0)
        assert cpus.pick(0) == i
        word = hot.sleep(cpus.base, i, reason)
        cpus.threads[i]["x"][10] = 42
        assert hot.block(cpus.base, 0, i) == 1
        assert sleeping.interrupt(cpus.base, 0, i) == int(ends)
        assert (hot.sleep_of(cpus.base, i) == word) is not ends
        assert (int(cpus.threads[i]["x"][10]) == 42) is not ends


@pytest.mark.system("cz-6")
@pytest.mark.parametrize(("done", "result", "restart"), [(5, 5, 0), (0, -ERESTARTSYS, RESTART_CALL)])
def test_an_interrupted_write_returns_what_it_has_written_and_begins_anew_only_where_that_is_nothing(
    done, result, restart
):
    with played(1, "random") as cpus:
        i = cpus.start(0)
        assert cpus.pick(0) == i
        hot.sleep(cpus.base, i, SLEEP_SERVER)
        assert hot.block(cpus.base, 0, i) == 1
        assert sleeping.begin_serving(cpus.base, 0, i) == 1
        sleeping.serve_later(cpus.base, 0, i, RESTART_CALL, 0, done)
        assert sleeping.interrupt(cpus.base, 0, i) == 1
        assert (int(cpus.threads[i]["x"][10]), int(cpus.threads[i]["restart"])) == (result, restart)
