"""Watching a machine: a sample every so often, until its supervisor is gone."""

import os
import time

import psutil

from .sample import Rates, take

LOOK_S = 0.1  # between two looks whether it is still there, while a long interval runs


class Lifetime:
    """Whether a machine is there: its supervisor's process, and the machine in it."""

    def __init__(self, inspector):
        self._directory, self._process = inspector.directory, None
        try:
            self._process = psutil.Process(inspector.pid)
        except psutil.Error:
            self._process = None

    def is_over(self):
        try:
            gone = self._process is None or not self._process.is_running() or not os.path.exists(self._directory)
            return gone or self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return True


def intervals(inspector, period_s):
    """Rates over one interval after the other; ends when the machine has."""
    lifetime, before = Lifetime(inspector), take(inspector)
    due_s = time.monotonic()
    while True:
        due_s += period_s
        if pause(lifetime, due_s - time.monotonic()):
            return
        after = take(inspector)
        yield Rates(before, after)
        before = after


def pause(lifetime, seconds):
    """Wait so long, or until the machine has ended; whether it has."""
    due_s = time.monotonic() + seconds
    while (left_s := due_s - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOK_S))
        if lifetime.is_over():
            return True
    return False
