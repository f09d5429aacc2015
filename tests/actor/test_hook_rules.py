"""What a policy's functions may not do is refused in one line with file, line and function; nothing dies of it."""

import re

import pytest

from emu.actor.hook_rules import broken_rule
from emu.actor.policies import BUILTIN, compile_policy, load_policy
from emu.errors import PolicyError
from tests.policies import FIFO, PICKS

DEPTH = """
@hot
def depth(m, thread):
    if thread < 0:
        return 0
    return 1 + {callee}(m, m.threads[thread].next)
"""
OTHER = "\n@hot\ndef deeper(m, thread):\n    return depth(m, thread)\n"
USES = FIFO.replace(PICKS, "    depth(m, first(m.queues[queue]))\n" + PICKS)
POLICIES = {
    "itself": (USES + DEPTH.format(callee="depth"), "'depth' calls itself (depth → depth): use a loop"),
    "another": (USES + DEPTH.format(callee="deeper") + OTHER, "'depth' calls itself (depth → deeper → depth)"),
    "hook": (FIFO.replace(PICKS, "    pick(m, queue)\n" + PICKS), "'pick' calls itself (pick → pick): use a loop"),
    "raise": (FIFO.replace(PICKS, "    if queue > 9:\n        raise ValueError\n" + PICKS), "'pick' has raise"),
    "mask": (
        FIFO.replace(PICKS, "    if m.threads[0].affinity & 1 == 0:\n        return -1\n" + PICKS),
        "'pick': 'affinity' is a mask of several words: ask may_run of emu.policy",
    ),
    "mask by name": (
        FIFO.replace(PICKS, '    if load_relaxed(m, "online") & 1 == 0:\n        return -1\n' + PICKS).replace(
            "import POLICY", "import load_relaxed, POLICY"
        ),
        "'pick': 'online' is a mask of several words: ask is_online of emu.policy",
    ),
    "assert": (FIFO.replace(PICKS, "    assert queue < 9\n" + PICKS), "'pick' has assert"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_refused_before_it_is_compiled(tmp_path, name):
    text, expected = POLICIES[name]
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    with pytest.raises(PolicyError, match=re.escape(expected)) as caught:
        compile_policy(str(path), load_policy(str(path)))
    assert f"policy {str(path)!r}, line " in str(caught.value) and "\n" not in str(caught.value)


def test_the_line_is_that_of_the_assert(tmp_path):
    path = tmp_path / "asserts.py"
    path.write_text(POLICIES["assert"][0])
    line = 1 + path.read_text().splitlines().index("    assert queue < 9")
    assert broken_rule(load_policy(str(path))).startswith(f"line {line}: ")


@pytest.mark.parametrize("name", BUILTIN)
def test_the_built_in_policies_keep_the_rules(name):
    assert broken_rule(load_policy(name)) == ""
