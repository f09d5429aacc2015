"""Workloads are checked before anything runs: every error is one line with file, line and what was expected."""

import json
import re

import pytest

from emu.errors import WorkloadError
from emu.workload.code import compile_workload
from emu.workload.read import MAX_DEPTH, parse_workload, read_workload


def of(*threads):
    """A workload of one thread a line, beginning in line 2."""
    return '{"threads": [\n' + ",\n".join(threads) + "\n]}"


def doing(*phases):
    """A workload of one thread: its phases one a line, beginning in line 3."""
    return of('{"name": "t", "phases": [\n' + ",\n".join(phases) + "]}")


RUN = '"phases": [{"run": 1}]'
DEEP = '{"run": 1}'
for _ in range(MAX_DEPTH + 1):
    DEEP = f'{{"loop": 2, "phases": [{DEEP}]}}'

MALFORMED = {  # text: (line, words found, words expected)
    "nothing": ("", 1, "not JSON", "expecting value"),
    "no JSON": ('{"threads": [\n{"name": "a",\n}]}', 3, "not JSON", "column 1"),
    "rest": ('{"threads": []}\n{}', 2, "not JSON", "extra data"),
    "a list": ("[]", 1, "the workload is a list", "expected an object"),
    "no threads": ("\n{}", 2, "'threads' is missing", "expected a list"),
    "empty threads": ('{"threads": []}', 1, "'threads' is empty", "expected a list"),
    "unknown key": ('{"thread": []}', 1, "unknown key 'thread'", "expected about, jitter, threads"),
    "twice": (of('{"name": "a",\n"name": "b", ' + RUN + "}"), 2, "'name' is given twice", "expected once"),
    "bad jitter": ('{"jitter": 2, "threads": 1}', 1, "'jitter' is 2", "expected a number from 0 to 1"),
    "thread is text": (of('"a"'), 1, "a thread is 'a'", "expected an object"),
    "no name": (of("{" + RUN + "}"), 2, "'name' is missing", "expected a name"),
    "two of a name": (of('{"name": "a", ' + RUN + "}", '{"name": "a", ' + RUN + "}"), 3, "called 'a'", "another name"),
    "unknown thread key": (of('{"name": "a", "prio": 1, ' + RUN + "}"), 2, "unknown key 'prio'", "priority"),
    "no phases": (of('{"name": "a"}'), 2, "'phases' of 'a' is missing", "expected a list"),
    "no instance": (of('{"name": "a", "instances": 0, ' + RUN + "}"), 2, "is 0", "from 1 to 1000"),
    "instances true": (of('{"name": "a", "instances": true, ' + RUN + "}"), 2, "is true", "a whole number"),
    "too many": (
        of('{"name": "a", "instances": 600, ' + RUN + "}", '{"name": "b", "instances": 600, ' + RUN + "}"),
        1, "more than 1000 threads", "expected fewer",
    ),
    "priority": (of('{"name": "a", "priority": "high", ' + RUN + "}"), 2, "is 'high'", "realtime, normal, low or"),
    "nice": (of('{"name": "a", "priority": 20, ' + RUN + "}"), 2, "is 20", "-20 to 19"),
    "leader": (of('{"name": "a", "leader": 1, ' + RUN + "}"), 2, "'leader' of 'a' is 1", "true or false"),
    "affinity": (of('{"name": "a", "affinity": [-1], ' + RUN + "}"), 2, "a CPU of 'a' is -1", "from 0 to"),
    "no affinity": (of('{"name": "a", "affinity": [], ' + RUN + "}"), 2, "is empty", "expected a list"),
    "no kind": (doing('{"run": 1}', "{}"), 4, "none of its kinds", "expected one of run, sleep"),
    "two kinds": (doing('{"run": 1, "sleep": 1}'), 3, "'run' and 'sleep'", "expected one of"),
    "unknown kind": (doing('{"runs": 1}'), 3, "unknown key 'runs'", "expected run, sleep"),
    "beside": (doing('{"run": 1, "mutex": "m"}'), 3, "unknown key 'mutex' beside 'run'", "expected nothing"),
    "phase is text": (doing('"run"'), 2, "a phase is 'run'", "expected an object"),
    "negative run": (doing('{"run": -5}'), 3, "'run' (µs) is -5", "expected a number from 0"),
    "run text": (doing('{"run": "5"}'), 3, "is '5'", "expected a number"),
    "lock number": (doing('{"lock": 5}'), 3, "'lock' is 5", "expected a name"),
    "yield zero": (doing('{"yield": 0}'), 3, "'yield' is 0", "from 1"),
    "loop zero": (doing('{"loop": 0, "phases": [{"run": 1}]}'), 3, "'loop' is 0", "-1 for ever"),
    "loop alone": (doing('{"loop": 2}'), 3, "'phases' of 'loop' is missing", "expected a list"),
    "deep": (doing(DEEP), 3, "loops nested 9 deep", "expected at most 8"),
    "wait alone": (doing('{"wait": "c"}'), 3, "'mutex' of 'wait' is missing", "expected a name"),
    "wait unlocked": (doing('{"run": 1}', '{"wait": "c", "mutex": "m"}'), 4, "mutex 'm' not held", "expected a 'lock'"),
    "unlock first": (doing('{"unlock": "m"}'), 3, "mutex 'm' not held", "expected a 'lock'"),
    "lock twice": (doing('{"lock": "m"}', '{"lock": "m"}'), 4, "holds already", "expected an 'unlock'"),
    "kept lock": (doing('{"run": 1}', '{"lock": "m"}'), 4, "'lock' of 'm' in 't'", "expected an 'unlock'"),
    "lock in loop": (doing('{"loop": 2, "phases": [{"lock": "m"}]}'), 3, "the loop locks", "expected 'm' held"),
    "fork of nobody": (doing('{"fork": "x"}'), 3, "'fork' names the thread 'x'", "expected one of t"),
    "fork of itself": (doing('{"fork": "t"}'), 3, "in a circle: t → t", "expected an end"),
    "circle": (
        of('{"name": "a", "phases": [{"fork": "b"}]}', '{"name": "b", "phases": [{"fork": "a"}]}'),
        3, "a → b → a", "expected an end",
    ),
    "join first": (
        of('{"name": "a", "phases": [{"join": "b"}, {"fork": "b"}]}', '{"name": "b", ' + RUN + "}"),
        2, "'join' of 'b'", "expected a 'fork' of it before",
    ),
    "endless": (doing('{"loop": -1, "phases": [{"run": 1}]}'), 3, "leader 't' loops for ever", "expected a count"),
    "after endless": (
        of('{"name": "l", "leader": true, ' + RUN + "}",
           '{"name": "a", "phases": [{"loop": -1, "phases": [{"run": 1}]},\n{"run": 1}]}'),
        4, "a phase after a loop for ever", "expected it to be the last",
    ),
    "late leader": (
        of('{"name": "a", "phases": [{"fork": "b"}]}', '{"name": "b", "leader": true, ' + RUN + "}"),
        3, "leader 'b' is started by a 'fork' only", "expected a leader from the beginning",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_file_is_refused_with_file_line_and_what_was_expected(kind, tmp_path):
    text, line, found, expected = MALFORMED[kind]
    file = tmp_path / "mix.json"
    file.write_text(text)
    with pytest.raises(WorkloadError) as error:
        read_workload(file)
    message = str(error.value)
    assert message.startswith(f"{file}:{line}: "), message
    assert found in message and expected in message and "\n" not in message, message


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(WorkloadError, match="cannot be read: No such file"):
        read_workload(tmp_path / "nowhere.json")
    with pytest.raises(WorkloadError, match="cannot be read: Is a directory"):
        read_workload(tmp_path)
    file = tmp_path / "binary.json"
    file.write_bytes(b'{\n"about": "\xff"}')
    with pytest.raises(WorkloadError, match=r"binary\.json:2: not UTF-8"):
        read_workload(file)
    file.write_text("[" * 100_000)
    with pytest.raises(WorkloadError, match="nested too deeply|not JSON"):
        read_workload(file)


def test_defaults_and_what_is_derived():
    a, b = parse_workload(
        of(
            '{"name": "a", "phases": [{"fork": "b"}]}',
            '{"name": "b", "priority": "realtime", "jitter": 0.5, ' + RUN + "}",
        )  # fmt: skip
    ).threads
    assert (a.instances, a.nice, a.realtime, a.affinity, a.jitter) == (1, 0, False, (), 0)
    assert a.leader and b.leader  # nobody is one, so all are
    assert a.started and not b.started
    assert b.realtime and b.jitter == 0.5


def test_an_affinity_has_to_fit_the_machine():
    workload = parse_workload(of('{"name": "a", "affinity": [0, 2], ' + RUN + "}"), "mix.json")
    assert compile_workload(workload, 3, 0).splitlines()[2] == "1 1 1 0 0 5 0 0 0 0 1"
    with pytest.raises(WorkloadError, match=r"mix\.json:2: 'affinity' of 'a' names CPU 2.*CPUs 0 to 1"):
        compile_workload(workload, 2, 0)
    with pytest.raises(WorkloadError, match="expected what the machine has: CPU 0 only"):
        compile_workload(workload, 1, 0)


def test_compiled_form():
    """Times in instructions and ns, names as numbers in the order of their first use, loops around their phases."""
    text = doing(
        '{"loop": 3, "phases": [{"run": 2.5}, {"lock": "m"}, {"wait": "c", "mutex": "m"}, {"unlock": "m"}]}',
        '{"sleep": 7}', '{"signal": "c"}', '{"broadcast": "d"}', '{"barrier": "b"}', '{"yield": 4}',
    )  # fmt: skip
    seed, sizes, thread, *operations = compile_workload(parse_workload(text), 2, 9).splitlines()
    assert seed == "9 1 2 1 1" and sizes == "1" and thread == "1 1 1 0 0 0 0 0 0 0 11"
    assert operations == [
        "[ 3 0", "r 1250 0", "l 0 0", "w 0 0", "u 0 0", "] 0 0",
        "s 7000 0", "n 0 0", "b 1 0", "m 0 0", "y 4 0",
    ]  # fmt: skip


def test_a_barrier_waits_for_all_instances_that_use_it():
    step = '"phases": [{"barrier": "x"}, {"loop": 2, "phases": [{"barrier": "x"}, {"barrier": "y"}]}]'
    text = of(f'{{"name": "a", "instances": 3, {step}}}', f'{{"name": "b", "instances": 2, {step}}}')
    assert compile_workload(parse_workload(text), 1, 0).splitlines()[1] == "5 5"


def test_every_key_of_the_example_in_the_header_is_known():
    from emu.workload import read as workload

    example = re.search(r'\{"jitter".*\]\}\n', workload.__doc__, re.DOTALL)[0]
    assert {t.name for t in parse_workload(example).threads} == {"worker", "ticker"}
    assert json.loads(example)["threads"][1]["leader"]
