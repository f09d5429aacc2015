import pytest

from tests.server.calls.guest import Guest


@pytest.fixture
def guest():
    """A guest without mounts; every frame of its files comes back when all is closed."""
    fresh = Guest()
    yield fresh
    assert fresh.finish() == 0, "frames of file data leaked"
