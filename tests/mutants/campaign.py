"""Running mutants: their tests first without the fault, then with it, each for a limited time.

A mutant is killed when a test fails or, twice, does not end in time.  It survives when all pass.  There is no verdict
when its tests fail without it, when it does not compile, or when pytest finds nothing to run: the list's fault.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

from .results import KILLED, NO_VERDICT, SURVIVED, key_of

COMPILE_ERRORS = ("TypingError", "LoweringError", "SyntaxError", "compiling the kernel failed")
FAILED, INTERNAL = 1, (2, 3, 4, 5)  # pytest's statuses


def run_tests(tree, tests, seed, limit_s):
    """(pytest's status, or None when it did not end in time; what it wrote)."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
    process = subprocess.Popen(
        command, cwd=tree.path, env=tree.environment(seed), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with contextlib.suppress(ProcessLookupError):  # all that it started is in its group
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def judge(status, output, limit_s):
    """(verdict, why)."""
    if status is None:
        return KILLED, f"did not end in {limit_s:.0f} s"
    if status == 0:
        return SURVIVED, "all its tests pass"
    compile_error = next((word for word in COMPILE_ERRORS if word in output), None)
    if compile_error:
        return NO_VERDICT, f"does not compile: {compile_error}"
    if status in INTERNAL:
        return NO_VERDICT, f"pytest ends with status {status}: {output.strip().splitlines()[-1:]}"
    failed = re.search(r"^(?:FAILED|ERROR) \S*?([\w.]+::\S+)", output, re.MULTILINE)
    return KILLED, failed.group(1) if failed else f"status {status}"


class Campaign:
    """Runs mutants in a tree and notes verdicts. `trust`: the tests are known to pass without a fault."""

    def __init__(self, tree, results, seed, limit_s, trust=False):
        self._tree, self._results, self._seed, self._limit_s, self._trust = tree, results, seed, limit_s, trust

    def run(self, mutant):
        """Find and note the mutant's verdict."""
        begun = time.monotonic()
        verdict, detail = self._without(mutant.tests) or self._with(mutant)
        return self._results.add(key_of(mutant), verdict, detail, time.monotonic() - begun)

    def _without(self, tests):
        """Why there can be no verdict, None when all tests pass without the fault."""
        for test in () if self._trust else tests.split():
            key = f"without {test}"
            if self._results.present(key) is None:
                begun = time.monotonic()
                status, output = run_tests(self._tree, test, self._seed, self._limit_s)
                if status != 0:
                    return NO_VERDICT, f"{test} fails without the fault: {judge(status, output, self._limit_s)[1]}"
                self._results.add(key, SURVIVED, "", time.monotonic() - begun)
        return None

    def _with(self, mutant):
        with self._tree.mutated(mutant):
            status, output = run_tests(self._tree, mutant.tests, self._seed, self._limit_s)
            if status is None:  # it may have spent its time on compiling, which is done by now
                status, output = run_tests(self._tree, mutant.tests, self._seed, self._limit_s)
            return judge(status, output, self._limit_s)
