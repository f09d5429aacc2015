"""What a person may ask of a machine, and the one line for what nobody can have."""

import os
import uuid

import pytest

from emu import MachineError
from emu.limits import MAX_CPUS
from emu.machine import config
from emu.machine.config import Config


def refused(words, **options):
    with pytest.raises(MachineError, match=words) as caught:
        Config.make(quiet=True, **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


NUMBERS = {
    "empty": ("", "'' is not a number"),
    "words": ("many", "'many' is not a number"),
    "half": ("1.5", "'1.5' is not a number"),
    "of 65 bits": (str(1 << 63), "'9223372036854775808' has more than 64 bits"),
    "of 30 digits": ("9" * 30, "has more than 64 bits"),
    "of 5,000 digits": ("1" * 5000, r"5002 characters\) is not a number"),
    "no text": ([], "is not a number"),
}


@pytest.mark.parametrize("option", ["cpus", "blocking_cpus", "seed", "max_threads"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_what_is_no_number_of_64_bits_is_refused(option, kind):
    value, words = NUMBERS[kind]
    refused(words, **{option: value})


@pytest.mark.system("inko-6")
@pytest.mark.parametrize("blocking", [-1, 4, 5])
def test_one_cpu_at_least_is_primary(blocking):
    refused(f"{blocking} blocking CPUs of 4: expected 0 to 3, one must be left", cpus=4, blocking_cpus=blocking)
    assert Config.make(cpus=4, blocking_cpus="3", quiet=True).blocking_pool == 0b1110


@pytest.mark.parametrize("kind", NUMBERS)
def test_so_are_parameters_of_policies(kind):
    value, words = NUMBERS[kind]
    refused(f"parameter slice_ns of policy 'eevdf': .*{words}", policy="eevdf", parameters=[("slice_ns", value)])


@pytest.mark.parametrize("variable", ["EMU_CPUS", "EMU_SEED"])
def test_a_variable_is_named_when_it_is_wrong(variable, monkeypatch):
    monkeypatch.setenv(variable, "x")
    refused(f"in {variable} 'x' is not a number")
    monkeypatch.setenv(variable, str(1 << 64))
    refused(f"in {variable} '18446744073709551616' has more than 64 bits")
    monkeypatch.setenv(variable, "")
    assert 1 <= Config.make().cpus <= MAX_CPUS, "an empty one is none"


BAD = {
    "no CPU": ({"cpus": 0}, "0 CPUs: a machine has 1 to"),
    "negative": ({"cpus": -1}, "-1 CPUs: a machine has 1 to"),
    "too many CPUs": ({"cpus": 1000}, "1000 CPUs"),
    "negative seed": ({"seed": -1}, "seed -1: expected 0 to"),
    "no threads": ({"max_threads": 0}, "at most 0 threads"),
    "huge memory": ({"memory": "900G"}, "memory of"),
    "beyond 64 bits": ({"memory": "99999999999G"}, "memory of"),
    "memory of 21 digits": ({"memory": "1" * 21}, "is not a size"),
    "negative memory": ({"memory": "-1M"}, "'-1M' is not a size"),
    "no size": ({"memory": "lots"}, "'lots' is not a size"),
    "empty size": ({"memory": ""}, "'' is not a size"),
    "tiny memory": ({"memory": "4K"}, "memory of 4096 bytes"),
    "topology": ({"topology": "2x"}, "topology '2x': expected"),
    "unknown policy": ({"policy": "fastest"}, "unknown policy 'fastest'"),
    "empty policy": ({"policy": ""}, "unknown policy ''"),
    "policy with a zero": ({"policy": "a\0.py"}, "no file can have this name"),
    "policy not there": ({"policy": "./nowhere.py"}, "does not exist"),
    "policy a folder": ({"policy": "/tmp/.py"}, "does not exist"),
    "unknown parameter": ({"parameters": [("nix", 1)]}, "has no parameter 'nix': it has"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_no_machine_can_have_is_refused(kind):
    options, words = BAD[kind]
    refused(words, **options)


MOUNTS = {
    "nothing": ([""], "expected HOST:GUEST"),
    "not there": (["/no/such/place:/data"], "is not a directory of this host"),
    "a file": (["/etc/passwd:/data"], "is not a directory of this host"),
    "relative": (["{}:data"], "must be absolute"),
    "upwards": (["{}:/data/../x"], "without '..'"),
    "the root": (["{}:/"], "root can not be replaced"),
    "one place twice": (["{}:/data", "{}/a:/data"], "at '/data': the place is taken"),
    "one in another": (["{}:/data", "{}/a:/data/x"], "at '/data/x': it lies in another mount"),
    "one above another": (["{}:/data/x", "{}/a:/data"], "at '/data': the place is taken"),
    "the machine's own": (["{}:/proc/x"], "it lies in another mount or a directory that the machine makes up"),
    "a device's": (["{}:/dev/null"], "at '/dev/null': the place is taken"),
    "a long name": (["{}:/" + "x" * 256], "longer than 255 bytes"),
}


@pytest.mark.parametrize("kind", MOUNTS)
def test_mounts_that_do_not_fit_are_refused_and_leave_no_descriptor(kind, tmp_path):
    (tmp_path / "a").mkdir()
    texts, words = MOUNTS[kind]
    before = os.listdir("/proc/self/fd")
    refused(words, mounts=[text.format(tmp_path) for text in texts])
    assert os.listdir("/proc/self/fd") == before


def test_mounts_beside_each_other_and_in_empty_directories_fit(tmp_path):
    made = Config.make(mounts=[f"{tmp_path}:/data", f"{tmp_path}:/tmp:rw", f"{tmp_path}:/a/b"])
    assert [mount.target for mount in made.mounts] == ["/data", "/tmp", "/a/b"]


def test_where_cores_cannot_be_chosen_cpus_run_unpinned_and_one_line_says_so(monkeypatch, capsys):
    def denied(process, cores):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", denied)
    assert Config.make(cpus=4).pin is False
    assert capsys.readouterr().err.splitlines() == [
        "emu: this host does not let processes choose their cores: CPUs run unpinned"
    ]
    assert Config.make(cpus=4, quiet=True).pin is Config.make(cpus=4, pin=False).pin is False
    assert capsys.readouterr().err == "", "who does not ask for it is not told"


def test_where_the_host_does_not_tell_its_cores_there_are_as_many_as_it_has(monkeypatch):
    def denied(process):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.delenv("EMU_CPUS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", denied)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert Config.make(quiet=True).cpus == 3
    monkeypatch.setattr(os, "cpu_count", lambda: 500)
    assert config.default_cpus() == MAX_CPUS


POLICY = '''
"""mine: nothing. {}"""
from emu.policy import hook


@hook
def enqueue(m, queue, thread, reason):
    return 0


@hook
def pick(m, queue):
    return -1


@hook
def dequeue(m, queue, thread):
    return 0
'''


@pytest.fixture
def policy(tmp_path):
    """A policy that nobody has compiled before."""
    file = tmp_path / "mine.py"
    file.write_text(POLICY.format(uuid.uuid4()))
    return str(file)


def test_a_policy_is_compiled_once_and_a_line_says_so_the_first_time(policy, capsys):
    Config.make(policy=policy)
    assert capsys.readouterr().err == f"emu: compiling policy {policy} (once)…\n"
    Config.make(policy=policy)
    assert capsys.readouterr().err == ""


def test_a_policy_that_cannot_be_kept_is_compiled_all_the_same_and_a_line_says_why(policy, capsys, monkeypatch):
    def full(place, whole):
        raise OSError(28, "No space left on device", str(place))

    monkeypatch.setattr("emu.hot.object_files.store", full)
    assert Config.make(policy=policy).policy == policy
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("emu: compiling policy")
    assert "No space left on device" in second and second.endswith("each process compiles the policy for itself")
