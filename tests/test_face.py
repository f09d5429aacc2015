"""The library's face: every public name is there, says its types, and has no catch-all parameters. `make types` checks
tests/typed_user.py against it."""

import inspect
import json
from importlib import resources

import pytest

import emu
from emu.machine.report import CpuReport, JobReport, ProcessReport, Report

CALLS = [emu.Machine, emu.run_workload, emu.compare, emu.check_trace] + [
    member for name, member in inspect.getmembers(emu.Machine, inspect.isfunction) if not name.startswith(("_", "on_"))
]


def test_every_public_name_is_there_once():
    assert emu.__all__ == sorted(set(emu.__all__), key=lambda name: (name[0].islower(), name))
    assert set(emu.__all__) <= set(dir(emu)) and emu._HOMES.keys() == set(emu.__all__)
    for name in emu.__all__:
        assert getattr(emu, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'machin'"):
        emu.machin  # noqa: B018


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_public_calls_name_their_parameters_and_types(call):
    signature = inspect.signature(call)
    for parameter in signature.parameters.values():
        assert parameter.kind is not parameter.VAR_KEYWORD, f"{parameter} hides what there is"
        assert parameter.name == "self" or parameter.annotation is not parameter.empty, parameter
    assert signature.return_annotation is not signature.empty or inspect.isclass(call)


def test_type_checkers_are_told_that_there_are_types():
    assert (resources.files("emu") / "py.typed").is_file()


def report_of(**changes):
    cpu = CpuReport(0, 11, 0.5, 3, 1, 2, 2, 0, 1, 1000, 5.0, 4, 1, 0, 10)
    process = ProcessReport("emu-cpu-0", 11, 0.25, 0.5, 7)
    job = JobReport(0, 1, 5, 6, 1, 0, 0, 1000)
    figures = {
        "cpus": [cpu], "policy": "<mine>.py", "seed": 7, "wall_s": 2.0, "threads_created": 1, "threads_exited": 1,
        "page_faults": 3, "migrations": 2, "instructions": 1000, "involuntary": 0, "run_delay_mean_ns": 6.0,
        "jobs": [job], "processes": [process], "leaks": {"vm": (1, 64)}, "files_left": (1, 2),
    }  # fmt: skip
    return Report(**{**figures, **changes})


def test_a_report_is_of_what_json_knows():
    found = report_of(run_delay_mean_ns=float("nan")).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["leaks"] == {"vm": [1, 64]} and found["files_left"] == [1, 2] and found["run_delay_mean_ns"] is None
    process = {"name": "emu-cpu-0", "process": 11, "cpu_s": 0.25, "waited_s": 0.5, "involuntary": 7}
    assert found["processes"] == [process]


def test_a_notebook_shows_a_report_and_nothing_of_it_is_markup():
    page = report_of(waits=["tid 3 <waits>"], interrupted=True)._repr_html_()
    assert page.startswith("<table>") and page.count("<tr>") == 2 and "1,000" in page
    assert "&lt;mine&gt;.py" in page and "tid 3 &lt;waits&gt;" in page and "<mine>" not in page


def test_what_the_host_withheld_is_the_cpus_share_of_their_time():
    others = [ProcessReport("emu-server", 12, 1.0, 9.0, 0), ProcessReport("supervisor", 1, 0.5, 0.0, 0)]
    report = report_of(processes=[*report_of().processes, *others])
    assert report.withheld_share == 0.25 and report.host_s == 1.75
    assert report_of(processes=[]).withheld_share == 0.0
