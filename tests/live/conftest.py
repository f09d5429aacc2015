"""The machine with a deadlock of the debugger's tests."""

from tests.debug.conftest import deadlocks, stuck  # noqa: F401 (fixtures)
