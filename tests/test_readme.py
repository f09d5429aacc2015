"""The README's example policy is what it says: it runs programs, and its shares follow its tickets."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.fixture
def lottery(tmp_path):
    [text] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    path = tmp_path / "lottery.py"
    path.write_text(text)
    return str(path)


@pytest.mark.system("alux-2")
def test_the_lottery_scheduler_of_the_readme_runs_programs(boot, seed, lottery):
    with boot(2, lottery, seed=seed) as machine:
        jobs = [machine.spawn("primes", 100_000, 4), machine.spawn("locking", 4, 2000, 20)]
        report = machine.run(limit_s=100)
        assert [job.exit_status for job in jobs] == [0, 0] and report.leaks == {}


def test_its_shares_follow_its_tickets(boot, seed, lottery, tmp_path):
    """Two endless threads on one CPU with 20 and 1 tickets: the draw is seen in the times each was picked."""
    from tests.systems.guests import build_guest

    text = """
    #include <sys/resource.h>
    #include <sys/syscall.h>
    static atomic_long rich, poor;
    static void *run(void *argument) {
        if (argument == &poor)
            setpriority(PRIO_PROCESS, syscall(SYS_gettid), 19);
        for (atomic_long *count = argument;; sched_yield())
            atomic_fetch_add(count, 1);
    }
    int main(void) {
        pthread_t a, b;
        pthread_create(&a, NULL, run, &rich);
        pthread_create(&b, NULL, run, &poor);
        while (rich + poor < 20000)
            nap(1000);
        return rich > 5 * poor ? 0 : 1;
    }
    """
    with boot(1, lottery, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, text))
        machine.run(limit_s=100)
        assert job.exit_status == 0


def test_the_readme_is_short():
    """What a newcomer reads in five minutes; all else has a page of its own."""
    assert len(README.read_bytes()) <= 8192
