"""Faults in emu/kernel/vm: page tables, unmapping, the map lock, accesses of the kernel to guests; and in the MMU."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

GATHERING, MAPLOCK, PAGETABLE, ADDRESS_SPACE, MOVING, USERCOPY, FRAMES = (
    f"emu/kernel/vm/{name}.py"
    for name in ("gathering", "maplock", "pagetable", "address_space", "moving", "usercopy", "frames")
)
UNMAPS = "tests/litmus/test_unmaps.py"
SPACES = "tests/kernel/test_address_space.py"
WILD = "tests/kernel/test_wild_entries.py"
FILEMAP = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[filemap-inko-1]"

MUTANTS = [
    Mutant("frames-dropped-before-the-shoot-down", GATHERING, '    shoot_down(m, me, load_seq_cst(m.tasks[task], "cpus"))\n', "", f"{UNMAPS}::test_frames_survive_who_unmaps_moves_discards_and_touches_them_at_once"),
    Mutant("gathered-frames-kept", GATHERING, "    c.nr_gathered = 0\n", "    c.nr_gathered = 1\n", SPACES),
    Mutant("gathered-beyond-the-buffer", PAGETABLE, "                if is_full(m, me):\n                    return va, holes\n", "", f"{SPACES}::test_a_range_larger_than_the_buffer_of_gathered_frames_is_replaced_whole"),
    Mutant("map-lock-deaf", MAPLOCK, "        if me < m.nr_cpus:\n            answer_shootdowns(m, me)\n", "", f"{UNMAPS}::test_who_waits_for_the_map_lock_answers_its_holder"),
    Mutant("place-without-the-map-lock", ADDRESS_SPACE, "    lock_map(m, me, task)\n    lock_mm(m, me, task)\n    start = _find_place", "    lock_mm(m, me, task)\n    start = _find_place", f"{UNMAPS}::test_two_threads_never_get_one_place"),
    Mutant("pages-not-checked", PAGETABLE, "    return _named(m, entry, TAG_PAGE)\n", "    return frame_in(entry)\n", WILD),
    Mutant("tables-not-checked", PAGETABLE, "    return _named(m, entry, TAG_TABLE)\n", "    return frame_in(entry)\n", WILD),
    Mutant("frame-beyond-memory-is-live", FRAMES, "    if frame < 0 or frame >= m.nr_frames:\n        return False\n", "", WILD),
    Mutant("free-frame-is-live", FRAMES, "    return word >= ONE_REFERENCE and (word", "    return (word", WILD),
    Mutant("edit-without-memory-is-begun", ADDRESS_SPACE, "    while va < end and not short:\n", "    while va < end:\n", f"{SPACES}::test_any_shortage_of_memory_is_an_error_and_leaks_nothing"),
    Mutant("move-without-memory-is-begun", MOVING, "    if enough:\n        flags", "    if enough or True:\n        flags", f"{SPACES}::test_a_move_without_enough_memory_moves_nothing"),
    Mutant("frame-dropped-twice-unnoticed", FRAMES, "        fail(m, FAIL_DROPPED_FRAME, frame)\n", "", f"{SPACES}::test_a_frame_dropped_once_too_often_fails_the_machine"),
    Mutant("put-over-a-frame", ADDRESS_SPACE, "    if word != 0 and not has_frame(word):\n        result = put_page(m", "    if word != 0:\n        result = put_page(m", f"{UNMAPS}::test_frames_survive_who_unmaps_moves_discards_and_touches_them_at_once"),
    Mutant("kernel-store-keeps-decoded-code", USERCOPY, "                invalidate(m, guest, step)\n", "", "tests/kernel/test_usercopy.py"),
    Mutant("file-write-keeps-decoded-code", USERCOPY, "    invalidate(m, frame_address(m, frame) + offset, count)\n", "", FILEMAP),
    Mutant("kernel-store-across-pages-in-one", USERCOPY, "        step = min(count - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)))\n", "        step = count - done\n", FILEMAP),
    Mutant("past-end-reads-zeroes", ADDRESS_SPACE, "    if word & PAST_END:\n        return BEYOND_FILE\n", "", FILEMAP),
    Mutant("truncated-pages-stay", "emu/machine/guest_memory.py", "                    cut_off_pages(base, self._me, task)\n", "                    pass\n", FILEMAP),
    Mutant("straddling-instruction-goes-on", "emu/isa/fetch.py", "    if c.tlb_done != answered:", "    if c.tlb_done < 0:", "tests/cpu_worker/test_mmu.py::test_an_instruction_across_two_pages_begins_anew_when_the_first_was_unmapped_meanwhile"),
]  # fmt: skip
