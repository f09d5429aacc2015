"""Profiles of real runs: shares by counted instructions, callers, programs; their file."""

import os

import pytest

from emu import MachineError
from emu.machine.profile import Profile, ProfiledProgram, ProfiledStack, Profiler, read_heat
from tests.systems.guests import build_guest

TOLERANCE = 0.03  # five standard deviations of the share of 7000 samples

SHARES = """
#define LOOP(n) \\
    for (long k = 0; k < (n); k++) \\
        __asm__ volatile("addi t0, t0, 1; xor t0, t0, t1; slli t1, t0, 3" ::: "t0", "t1")
__attribute__((noinline)) void three(long n) { LOOP(3 * n); }
__attribute__((noinline)) void one(long n) { LOOP(n); }
/* Blocks of their own: so many instructions, the return included. */
__attribute__((naked)) void leaf_75(void) { __asm__(".rept 74; addi t0, t0, 1; .endr; ret"); }
__attribute__((naked)) void leaf_20(void) { __asm__(".rept 19; addi t0, t0, 1; .endr; ret"); }
"""


@pytest.fixture(scope="session")
def guest(tmp_path_factory):
    """`guest(text, name)`: the path of the ELF of a C text, with the names of its functions."""

    return lambda text, name: build_guest(tmp_path_factory.mktemp("symbols"), text, name)


def shares(profile, program=None):
    return {f.function: f.share for f in profile.functions if program in (None, f.program)}


@pytest.fixture(scope="session")
def shares_guest(guest):
    main = "int main(void) { for (long k = 0; k < 400; k++) { three(100000); one(100000); } return 0; }"
    return guest(SHARES + main, "shares")


def test_functions_have_the_shares_of_their_instructions(boot, seed, shares_guest):
    with boot(1, seed=seed, profile=True) as machine:
        machine.spawn(shares_guest)
        profile = machine.run(limit_s=100).profile
    found = shares(profile)
    assert profile.samples > 5000 and profile.lost_samples == 0
    assert abs(found["three"] - 0.75) < TOLERANCE and abs(found["one"] - 0.25) < TOLERANCE
    assert sum(f.share for f in profile.functions) == pytest.approx(1)
    assert 0.99 < sum(f.instructions for f in profile.functions) / profile.instructions <= 1
    assert profile.functions == sorted(profile.functions, key=lambda f: -f.instructions)
    callers = {(s.caller, s.function) for s in profile.stacks if s.function in ("three", "one")}
    assert callers == {("main", "three"), ("main", "one")}


def test_blocks_are_not_taken_for_those_that_follow_and_a_loop_in_step_with_the_tick_is_seen_whole(boot, seed, guest):
    """100 instructions a turn, a divisor of the tick's distance: 75, 20, and 5 in main, whatever comes after what."""
    main = """
    int main(void) {
        __asm__ volatile("li s2, 8000000; 1: jal ra, leaf_75; jal ra, leaf_20; nop; addi s2, s2, -1; bnez s2, 1b"
                         ::: "s2", "t0", "ra");
        return 0;
    }
    """
    with boot(1, seed=seed, profile=True) as machine:
        machine.spawn(guest(SHARES + main, "leaves"))
        profile = machine.run(limit_s=100).profile
    found = shares(profile)
    assert profile.samples > 5000
    assert abs(found["leaf_75"] - 0.75) < TOLERANCE
    assert abs(found["leaf_20"] - 0.20) < TOLERANCE
    assert abs(found["main"] - 0.05) < TOLERANCE
    [program] = profile.programs
    each = [n for n in program.addresses.values() if n > profile.instructions / 1000]
    assert len(each) == 100 and max(each) < 3 * min(each), "each of the 100 instructions, about as often"


def test_the_threads_of_two_cpus_are_in_one_profile(boot, seed, guest):
    main = """
    static void *run(void *argument) {
        pin(argument == NULL);
        for (long k = 0; k < 200; k++)
            argument ? three(100000) : one(100000);
        return NULL;
    }
    int main(void) {
        pthread_t a, b;
        pthread_create(&a, NULL, run, NULL);
        pthread_create(&b, NULL, run, &a);
        pthread_join(a, NULL);
        return pthread_join(b, NULL);
    }
    """
    with boot(2, seed=seed, profile=True) as machine:
        machine.spawn(guest(SHARES + main, "pair"))
        report = machine.run(limit_s=100)
    found = shares(report.profile)
    assert all(cpu.instructions > 50_000_000 for cpu in report.cpus)
    assert abs(found["three"] - 0.75) < TOLERANCE and abs(found["one"] - 0.25) < TOLERANCE
    assert report.to_dict()["profile"]["functions"][0]["function"] == "three"


def test_samples_belong_to_the_program_that_ran_then(boot, seed, guest, shares_guest):
    """Two children of a fork: one goes on with its parent's program, one executes another, from a mount."""
    main = """
    #include <sys/wait.h>
    int main(int argc, char **argv) {
        if (fork() == 0) {
            for (long k = 0; k < 200; k++)
                three(100000);
            _exit(0);
        }
        if (fork() == 0) {
            execl("/data/shares.elf", "shares", NULL);
            _exit(1);
        }
        int first, second;
        wait(&first);
        wait(&second);
        return first || second || argc != 1 || !argv;
    }
    """
    folder = os.path.dirname(shares_guest)
    with boot(2, seed=seed, profile=True, mounts=[f"{folder}:/data"]) as machine:
        job = machine.spawn(guest(SHARES + main, "parent"))
        profile = machine.run(limit_s=100).profile
        assert job.exit_status == 0
    assert {program.path for program in profile.programs} == {"/bin/parent.elf", "/data/shares.elf"}
    parent, child = shares(profile, "parent.elf"), shares(profile, "shares.elf")
    assert abs(parent["three"] - 6 / 22) < TOLERANCE and "one" not in parent
    assert abs(child["three"] - 12 / 22) < TOLERANCE and abs(child["one"] - 4 / 22) < TOLERANCE


def test_a_stripped_program_is_known_by_its_pages(boot, seed, tmp_path):
    main = "int main(void) { three(10000000); return 0; }"
    with boot(1, seed=seed, profile=True) as machine:
        machine.spawn(build_guest(tmp_path, SHARES + main, "stripped", "-s"))
        profile = machine.run(limit_s=100).profile
    assert profile.functions[0].share > 0.9
    assert int(profile.functions[0].function, 16) % 4096 == 0
    assert all(not stack.caller for stack in profile.stacks)


def test_without_profile_nothing_is_noted(boot, seed):
    with boot(1, seed=seed) as machine:
        machine.spawn("primes", 1_000_000, 1)
        assert machine.run(limit_s=100).profile is None
        assert not machine.window.machine["profiles"]["step"].any()


PROFILE = Profile(
    instructions=1200, samples=3, lost_samples=0, lost_instructions=0, functions=[],
    stacks=[
        ProfiledStack("prog", "main", "<Vec as Index;\n>::at", 1000),
        ProfiledStack("prog", "", "main", 100),
        ProfiledStack("a b 7", "", "0x1000", 5),
    ],
    programs=[ProfiledProgram("/bin/prog", {0x1000: 600, 0x1004: 500}), ProfiledProgram("/tmp/a b 7", {0x1000: 5})],
)  # fmt: skip


def test_the_file_is_folded_stacks_and_read_back(tmp_path):
    path = tmp_path / "profile"
    PROFILE.write(path)
    lines = path.read_text().splitlines()
    assert lines[:3] == ["prog;main;<Vec as Index, >::at 1000", "prog;main 100", "a b 7;0x1000 5"]
    assert all(line.startswith("#emu {") and line.endswith("}") for line in lines[3:]), "no viewer takes it for a stack"
    assert read_heat(path) == PROFILE.programs


def test_a_file_that_cannot_be_written_or_read_is_one_error(tmp_path):
    with pytest.raises(MachineError, match="cannot be written: No such file or directory"):
        PROFILE.write(tmp_path / "nowhere" / "profile")
    with pytest.raises(MachineError, match="cannot be read"):
        read_heat(tmp_path / "nowhere")
    addresses = b'#emu {"program": "/bin/prog", "instructions": {"x": 1}}'
    for text in (b"", b"prog;main 7\n", b"#emu {}\n", b"#emu 7\n", b"#emu {", b"\xff\xfe", addresses):
        (tmp_path / "bad").write_bytes(text)
        with pytest.raises(MachineError, match="has no sample|damaged"):
            read_heat(tmp_path / "bad")


def test_names_that_guests_made_are_shown_as_printable_text(window):
    places = window.machine["profiles"][1]["places"]
    places[5] = (2, 100, 0x1000, 1 << 16, 0)
    profile = Profiler().profile(window.machine, [[b"/tmp/\xff\x1b[2J\n", b"/no/such/file"]])
    assert profile.programs == [ProfiledProgram("/tmp/??[2J?", {0x1000: 100})]
    assert [(f.program, f.function, f.share, f.samples) for f in profile.functions] == [("??[2J?", "0x1000", 1.0, 2)]
