"""Controls: a test that hammers a protocol means something only if it fails on a broken one."""

ATTEMPTS = 20  # on a busy host the processes of a control may seldom run at the same time


def must_fail(control, attempts=ATTEMPTS):
    """Call a control until it shows its violation: until it raises AssertionError, or returns something true.

    `control` takes the number of the attempt, for a seed.  AssertionError when no attempt shows anything: then the test
    that it belongs to cannot tell a broken protocol from a sound one.  Returns what the control raised or returned.
    """
    for attempt in range(attempts):
        try:
            shown = control(attempt)
        except AssertionError as violation:
            return violation
        if shown:
            return shown
    name = getattr(control, "__name__", repr(control))
    raise AssertionError(f"control {name} showed no violation in {attempts} attempts")
