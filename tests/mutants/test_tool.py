"""The tool itself, on a repository of two files: verdicts, hangs, what is restored, what is resumed."""

import signal
import subprocess
import sys

import pytest

from tests.mutants.campaign import Campaign, judge, run_tests
from tests.mutants.mutant import Mutant
from tests.mutants.results import KILLED, NO_VERDICT, SURVIVED, Results, key_of
from tests.mutants.tree import Busy, Tree, files_below

CODE = "import time\n\n\ndef double(x):\n    return 2 * x\n\n\nPATIENCE_S = 0\n"
TESTS = """
import code_under_test, time
def test_it():
    time.sleep(code_under_test.PATIENCE_S)
    assert code_under_test.double(3) == 6
def test_nothing():
    pass
def test_false():
    assert False
"""


def fault(name, old="2 * x", new="x", tests="tests/test_it.py::test_it"):
    return Mutant(name, "code_under_test.py", old, new, tests)


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    (root / "tests").mkdir(parents=True)
    (root / "code_under_test.py").write_text(CODE)
    (root / "tests" / "test_it.py").write_text(TESTS)
    return root


@pytest.fixture
def tree(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("EMU_CACHE_DIR", str(tmp_path / "user's cache"))
    with Tree(repository, tmp_path / "copy") as tree:
        yield tree


@pytest.fixture
def campaign(tree):
    results = Results(tree.folder / "results.jsonl", tree.digest)
    return Campaign(tree, results, seed=1, limit_s=30), results


def test_verdicts(campaign, repository):
    campaign, results = campaign
    assert campaign.run(fault("killed"))["verdict"] == KILLED
    assert "test_it" in results.present(key_of(fault("killed")))["detail"]
    assert campaign.run(fault("survives", tests="tests/test_it.py::test_nothing"))["verdict"] == SURVIVED
    wrong = campaign.run(fault("wrong test", tests="tests/test_it.py::test_false"))
    assert wrong["verdict"] == NO_VERDICT and "without the fault" in wrong["detail"]
    assert (repository / "code_under_test.py").read_text() == CODE


def test_tests_that_hang_are_ended_in_time(tree):
    with tree.mutated(fault("hangs", "PATIENCE_S = 0", "PATIENCE_S = 1000")):
        assert run_tests(tree, "tests/test_it.py::test_it", 1, 1) == (None, "")
    assert judge(None, "", 3) == (KILLED, "did not end in 3 s")


def test_what_does_not_compile_or_finds_no_test_is_no_verdict():
    assert judge(4, "no tests ran", 1)[0] == judge(2, "SyntaxError", 1)[0] == NO_VERDICT
    assert judge(1, "numba.core.errors.TypingError: …\nFAILED tests/x.py::test_y", 1)[0] == NO_VERDICT
    assert judge(1, "FAILED tests/x.py::test_y - assert 1", 1) == (KILLED, "x.py::test_y")


def test_the_copy_is_restored_also_after_an_interruption_and_a_kill(tree, repository, tmp_path):
    copied = tree.path / "code_under_test.py"
    with pytest.raises(KeyboardInterrupt), tree.mutated(fault("x")):
        assert copied.read_text() == CODE.replace("2 * x", "x")
        raise KeyboardInterrupt
    assert copied.read_text() == CODE
    copied.write_text("as a run that was killed has left it")
    (tree.path / "gone.py").write_text("")
    tree.__exit__()
    with Tree(repository, tmp_path / "copy") as again:
        assert copied.read_text() == CODE and again.digest == tree.digest
        assert list(files_below(again.path)) == list(files_below(repository))


def test_bytecode_of_an_earlier_run_is_not_taken_for_this_ones(tree, repository, tmp_path):
    with tree.mutated(fault("wrong", new="9 * x")):
        assert run_tests(tree, "tests/test_it.py::test_it", 1, 30)[0] == 1
    tree.__exit__()
    with Tree(repository, tmp_path / "copy") as again, again.mutated(fault("right", new="x + 3")):
        assert run_tests(again, "tests/test_it.py::test_it", 1, 30)[0] == 0


def test_one_run_at_a_time(tree, repository):
    with pytest.raises(Busy, match="another run"), Tree(repository, tree.folder):
        pass


def test_verdicts_are_kept_for_the_same_sources_and_the_same_mutant(tmp_path):
    path, mutant = tmp_path / "results", fault("x")
    Results(path, "sources").add(key_of(mutant), KILLED, "", 1.0)
    path.write_text(path.read_text() + '{"key": "cut o')  # the run was killed
    assert Results(path, "sources").present(key_of(mutant))["verdict"] == KILLED
    assert Results(path, "others").present(key_of(mutant)) is None
    assert Results(path, "others").latest(key_of(mutant))["verdict"] == KILLED
    assert Results(path, "sources").present(key_of(fault("x", new="3 * x"))) is None


def test_ctrl_c_ends_what_runs_and_reports(tmp_path):
    """Of the project's own list, since the command has no other."""
    program = "import sys; from tests.mutants.__main__ import main; sys.exit(main(['--only', 'heap-not-sifted']))"
    environment = {"EMU_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert "heap-not-sifted" in run.stdout.read(len("1/1 heap-not-sifted"))
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130 and "1 not run" in output
