"""Loading a policy: each mistake is one sentence for the person who made it."""

import sys

import pytest

from emu.actor.policies import BUILTIN, REQUIRED, compile_policy, install, load_policy
from emu.errors import MachineError, PolicyError
from emu.kernel.sched.hooks import HOOKS, NAMES
from emu.machine.config import Config
from tests.policies import APPENDS, FIFO


@pytest.fixture
def policy(tmp_path):
    loaded = set(sys.modules)

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    yield write
    from emu.hot import functions

    for name in set(sys.modules) - loaded:
        if name.startswith("emu_policy_"):
            gone = sys.modules.pop(name)
            functions._entries[:] = [e for e in functions._entries if e not in vars(gone).values()]


def test_the_built_in_policies_have_the_required_hooks(window):
    for name in BUILTIN:
        install(window.machine["cpus"][0], load_policy(name))
        hooks = window.machine["cpus"][0]["hooks"]
        assert hooks[NAMES.index("enqueue")] and hooks[NAMES.index("pick")]


def test_a_hook_that_a_policy_does_not_have_is_an_empty_place_in_the_table(window):
    install(window.machine["cpus"][0], load_policy("random"))
    assert window.machine["cpus"][0]["hooks"][NAMES.index("balance")] == 0


def test_a_policy_file_is_loaded_once_as_long_as_it_does_not_change(policy):
    path = policy(FIFO)
    assert load_policy(path) is load_policy(path)
    assert load_policy(policy(FIFO + "\n# changed\n")) is not load_policy(policy(FIFO))


def mistake(name):
    with pytest.raises(PolicyError) as caught:
        load_policy(name)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 300
    return message


def test_an_unknown_name_lists_the_known_ones():
    assert mistake("fifo") == "unknown policy 'fifo': expected " + ", ".join(BUILTIN) + " or the path of a .py file"


def test_a_missing_file():
    assert mistake("nowhere/mine.py") == "policy file 'nowhere/mine.py' does not exist"


@pytest.mark.parametrize("missing", list(REQUIRED))
def test_a_missing_hook(policy, missing):
    assert f"has no @hook function '{missing}'" in mistake(policy(FIFO.replace(f"def {missing}", "def other")))


def test_a_hook_without_its_mark(policy):
    assert "has no @hook function 'pick'" in mistake(policy(FIFO.replace("@hook\ndef pick", "def pick")))


def test_a_hook_with_the_wrong_number_of_arguments(policy):
    message = mistake(policy(FIFO.replace("def pick(m, queue)", "def pick(m)")))
    assert message.endswith(f"hook 'pick' takes 1 arguments, expected {HOOKS['pick']}")


@pytest.mark.parametrize("text", ["import nothing_of_this_name\n", "def pick(m, queue\n", "1 / 0\n"])
def test_a_file_that_cannot_be_executed(policy, text):
    path, loaded = policy(text), set(sys.modules)
    assert mistake(path).startswith(f"policy file {path!r} cannot be loaded: ")
    assert not any(name.startswith("emu_policy_mine_") for name in set(sys.modules) - loaded)


@pytest.mark.parametrize("field, words", [("m.threads[thread].policy", 8), ("m.queues[queue].policy", 192)])
@pytest.mark.parametrize("use", ["{}[WORD] = 1", "thread = {}[WORD]"])
def test_a_word_beyond_the_policys_own_is_refused_with_its_line(policy, field, words, use):
    text = FIFO.replace(APPENDS, f"    {use.format(field)}\n{APPENDS}")
    compile_policy("mine", load_policy(policy(text + f"\nWORD = {words - 1}\n")))
    with pytest.raises(PolicyError) as caught:
        compile_policy("mine", load_policy(policy(text + f"\nWORD = {words}\n")))
    message = str(caught.value)
    assert message.startswith("policy 'mine', line 5: hook 'enqueue' does not compile: ") and "\n" not in message
    assert f"index {words} of a field of {words} words" in message and 'mine.py", line 7' in message


def test_a_machine_says_the_same_in_its_own_error():
    with pytest.raises(MachineError, match="unknown policy 'fifo'"):
        Config.make(2, "fifo", seed=1)


def test_a_file_that_imports_what_has_moved_is_told_where_from(policy):
    message = mistake(policy("\nfrom emu.kernel.hooks import hook\n"))
    assert "line 2: " in message and message.endswith("a policy imports everything that it needs from emu.policy")
