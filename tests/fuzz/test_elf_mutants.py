"""Mutated program images are refused in one line, or are programs like others: nothing breaks, nothing is lost."""

import pytest

from emu.server.elf import ElfError, parse
from tests.fuzz.elf_campaign import ElfCampaign, own_guests
from tests.fuzz.elf_mutants import check_answer, mutant

MUTANTS, RUN = 2000, 40


def test_mutants_are_refused_in_one_line_or_placed_and_reaped_without_a_trace(seed):
    campaign = ElfCampaign(seed)
    campaign.load(MUTANTS)
    assert campaign.refused > MUTANTS / 10 and campaign.placed > MUTANTS / 10 and campaign.full, vars(campaign)


def test_machines_survive_the_mutants_that_are_taken(warm, seed):
    campaign = ElfCampaign(seed)
    campaign.run(RUN)
    assert campaign.ran == RUN


def test_a_seed_stands_for_one_mutant():
    guests = own_guests()
    assert mutant(7, guests) == mutant(7, guests) != mutant(8, guests)


@pytest.mark.parametrize("broken", ["overlap", "outside", "no code"])
def test_the_check_has_power(broken, monkeypatch):
    """Control: a loader that lets one kind through is found out."""
    image = parse(own_guests()[0])
    first = image["segments"][0]
    if broken == "overlap":
        image["segments"].append(first)
    elif broken == "outside":
        first["start"] = 1 << 39
    else:
        image["entry"] = 4096
    monkeypatch.setattr("tests.fuzz.elf_mutants.parse", lambda data: image)
    with pytest.raises(AssertionError):
        check_answer(own_guests()[0])


def test_an_empty_file_is_refused():
    with pytest.raises(ElfError, match="not an ELF file"):
        parse(b"")
