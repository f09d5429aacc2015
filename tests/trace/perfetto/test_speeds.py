"""How fast each CPU was: what an exported trace says of the instructions between two progress events."""

import pytest

from emu.trace.perfetto import export
from tests.trace.perfetto.parsed import Parsed
from tests.traces import Story


@pytest.mark.parametrize("chunk", [2, 5, 1000])
def test_a_cpus_speed_is_its_progress_between_two_looks(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(export, "CHUNK_EVENTS", chunk)
    story = Story(tmp_path / "story.trace")
    for time_us, cpu, count in ((100, 0, 1000), (200, 0, 51_000), (250, 1, 10), (400, 0, 51_000), (1250, 1, 600_010)):
        story.add(time_us, cpu, "progress", a=count)
    parsed = Parsed(story.trace(ended=False))
    # From 100 µs on 50,000 instructions in 100 µs, then none in 200 µs; on the other CPU 600,000 in a ms.
    assert parsed.counters["CPU 0 speed"] == [(100_000, 500), (200_000, 0)]
    assert parsed.counters["CPU 1 speed"] == [(250_000, 600)]


def test_a_real_cpu_has_a_speed(boot, tmp_path, seed):
    from emu.trace.file import read_trace

    with boot(1, seed=seed, trace=tmp_path / "trace") as machine:
        machine.spawn("independent", 1, 30_000_000)
        report = machine.run()
    trace = read_trace(machine.trace)
    speeds = Parsed(trace).counters["CPU 0 speed"]
    assert speeds and max(mips for _, mips in speeds) > 1
    progress = trace.of_kind("progress")
    assert 0 < int(progress["a"][-1]) <= report.instructions
