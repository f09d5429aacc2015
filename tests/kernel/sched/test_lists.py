"""The run queue's list against a Python list."""

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.testing.bare import bare_window
from emu.testing.held import list_of
from tests.kernel import wrappers as hot

THREADS, QUEUE = 8, 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["append", "remove", "pop"]), st.integers(0, THREADS - 1)), max_size=50))
def test_any_sequence_of_appends_removes_and_pops(steps):
    with bare_window(memory_bytes=4 << 20) as window:
        base, model = window.address, []
        window.machine["threads"]["next"][:THREADS] = window.machine["threads"]["previous"][:THREADS] = -1
        for operation, i in steps:
            if operation == "append" and i not in model:
                hot.append(base, QUEUE, i)
                model.append(i)
            elif operation == "remove" and i in model:
                hot.remove(base, QUEUE, i)
                model.remove(i)
            elif operation == "pop":
                assert hot.pop(base, QUEUE) == (model.pop(0) if model else -1)
            assert list_of(window.machine, QUEUE) == model
        assert list_of(window.machine, 0) == [], "another queue was touched"
