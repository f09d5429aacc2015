"""Faults in emu/kernel/vm: page tables, unmapping, the map lock, accesses of the kernel to guests; and in the MMU."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

FAULTS = "emu/kernel/vm/faults.py"
AHEAD = "tests/kernel/vm/test_filling_ahead.py"
SHORTAGE, SHORTAGE_TEST = "emu/server/memory_shortage.py", "tests/systems/test_out_of_memory.py"
KERNEL_PAGES, SLABS = "emu/kernel/vm/kernel_pages.py", "emu/kernel/vm/slabs.py"
RECOVERY = "emu/kernel/vm/slab_recovery.py"
GATHERING, MAPLOCK, PAGETABLE, ADDRESS_SPACE, MOVING, USERCOPY, FRAMES, MAPPING, OBJECTS, AREAS, FILE_OBJECTS, COW = (
    f"emu/{name}.py"
    for name in (
        "kernel/vm/gathering",
        "kernel/vm/maplock",
        "kernel/vm/pagetable",
        "kernel/vm/address_space",
        "kernel/vm/moving",
        "kernel/vm/usercopy",
        "kernel/vm/frames",
        "kernel/vm/mapping",
        "kernel/vm/objects",
        "kernel/vm/areas",
        "kernel/vm/file_objects",
        "kernel/vm/copy_on_write",
    )
)
UNMAPS = "tests/litmus/test_unmaps.py"
OBJECTS_TEST = "tests/kernel/vm/test_objects.py"
SHADOWS = "tests/litmus/test_shadows.py"
SPACES = "tests/kernel/vm/test_address_space.py"
WILD = "tests/kernel/test_wild_entries.py"
FILEMAP = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[filemap-inko-1]"

MUTANTS = [
    Mutant("frames-dropped-before-the-shoot-down", GATHERING, '    shoot_down_task(m, me, task)\n', "", f"{UNMAPS}::test_frames_survive_who_unmaps_moves_discards_and_touches_them_at_once"),
    Mutant("gathered-frames-kept", GATHERING, "    c.nr_gathered = 0\n", "    c.nr_gathered = 1\n", SPACES),
    Mutant("gathered-beyond-the-buffer", PAGETABLE, "                    if is_full(m, me):\n                        return va\n", "", f"{SPACES}::test_a_range_larger_than_the_buffer_of_gathered_frames_is_replaced_whole"),
    Mutant("map-lock-deaf", MAPLOCK, "        if me < m.nr_cpus:\n            answer_shootdowns(m, me)\n", "", f"{UNMAPS}::test_who_waits_for_the_map_lock_answers_its_holder"),
    Mutant("place-without-the-map-lock", ADDRESS_SPACE, "    lock_map(m, me, task)\n    start = find_place", "    start = find_place", f"{UNMAPS}::test_two_threads_never_get_one_place"),
    Mutant("pages-not-checked", PAGETABLE, "    return _named(m, entry, TAG_PAGE)\n", "    return frame_in(entry)\n", WILD),
    Mutant("tables-not-checked", PAGETABLE, "    return _named(m, entry, TAG_TABLE)\n", "    return frame_in(entry)\n", WILD),
    Mutant("frame-beyond-memory-is-live", FRAMES, "    if frame < 0 or frame >= m.nr_frames:\n        return False\n", "", WILD),
    Mutant("free-frame-is-live", FRAMES, "    return word >= ONE_REFERENCE and frame_tag(word)", "    return frame_tag(word)", WILD),
    Mutant("clear-without-records-is-begun", MAPPING, "    if error == 0:\n        forget_areas", "    if error <= 0:\n        forget_areas", f"{OBJECTS_TEST}::test_without_records_for_areas_a_change_is_not_begun"),
    Mutant("move-without-records-is-begun", MOVING, "    if cut_ends(m, me, task, old, old + old_size) < 0:\n", "    if cut_ends(m, me, task, old, old + old_size) > 0:\n", f"{OBJECTS_TEST}::test_without_records_for_areas_a_change_is_not_begun"),
    Mutant("frame-dropped-twice-unnoticed", FRAMES, "        fail(m, FAIL_DROPPED_FRAME, frame)\n", "", f"{SPACES}::test_a_frame_dropped_once_too_often_fails_the_machine"),
    Mutant("put-over-a-frame", FILE_OBJECTS, "    if page_word(m, m.objects[o], page) == 0:\n", "    if page >= 0:\n", f"{SPACES}::test_a_shared_frame_mapped_twice_is_dropped_twice_and_no_more"),
    Mutant("kernel-store-keeps-decoded-code", USERCOPY, "                invalidate(m, guest, step)\n", "", "tests/kernel/vm/test_usercopy.py"),
    Mutant("file-write-keeps-decoded-code", USERCOPY, "    invalidate(m, frame_address(m, frame) + offset, count)\n", "", FILEMAP),
    Mutant("kernel-store-across-pages-in-one", USERCOPY, "        step = min(count - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)))\n", "        step = count - done\n", FILEMAP),
    Mutant("past-end-reads-zeroes", OBJECTS, "        if r.kind == OBJECT_FILE:\n            return (PAST_END if page >= r.limit else NOT_READ), o\n", "", f"{OBJECTS_TEST}::test_a_look_that_fails_maps_nothing"),
    Mutant("truncated-pages-stay", FILE_OBJECTS, "    _edit_mappings(m, me, o, limit, NO_PAGE, EDIT_DROP)\n", "", f"{OBJECTS_TEST}::test_a_file_that_shrinks_loses_the_pages_of_all_its_mappings"),
    Mutant("straddling-instruction-goes-on", "emu/isa/interpreter/fetch.py", "    if c.tlb_done != answered:", "    if c.tlb_done < 0:", "tests/cpu_worker/test_mmu.py::test_an_instruction_across_two_pages_begins_anew_when_the_first_was_unmapped_meanwhile"),
    Mutant("gathered-one-too-many", GATHERING, "return m.cpus[me].nr_gathered >= GATHERED_FRAMES", "return m.cpus[me].nr_gathered > GATHERED_FRAMES", f"{SPACES}::test_a_range_larger_than_the_buffer_of_gathered_frames_is_replaced_whole"),
    Mutant("gathered-frames-still-counted", GATHERING, '    fetch_add(m.tasks[task], "resident", -count)\n', "", f"{SPACES}::test_resident_counts_the_frames_that_a_task_has"),
    Mutant("map-lock-by-store", MAPLOCK, "    while compare_exchange_64(address, 0, me + 1) == 0:  # acquire; pairs with unlock_map\n        if me < m.nr_cpus:\n            answer_shootdowns(m, me)\n        spins = min(backoff(spins), PAUSES + YIELDS)  # short naps: who shoots waits for this CPU's answer\n        if load_relaxed(m, \"failed\") != 0:\n            return\n", "    while load_relaxed(m.tasks[task], \"map_lock\") != 0:\n        if me < m.nr_cpus:\n            answer_shootdowns(m, me)\n        spins = min(backoff(spins), PAUSES + YIELDS)  # short naps: who shoots waits for this CPU's answer\n        if load_relaxed(m, \"failed\") != 0:\n            return\n    store_release_at(address, me + 1)\n", f"{UNMAPS}::test_two_threads_never_get_one_place"),
    Mutant("move-without-the-map-lock", MOVING, "    lock_map(m, me, task)\n    result = -EFAULT\n", "    result = -EFAULT\n", f"{UNMAPS}::test_frames_survive_who_unmaps_moves_discards_and_touches_them_at_once[threads]"),
    Mutant("moved-pages-stay-behind", MOVING, "    edit_pages(m, me, task, start, end, EDIT_DROP, 0)\n", "", SPACES),
    Mutant("mapping-grows-over-its-neighbour", MOVING, "is_free(m, me, task, end, new_size - old_size)", "end > 0", f"{SPACES}::test_a_mapping_grows_over_nobody_elses"),
    Mutant("protect-keeps-old-translations", ADDRESS_SPACE, "    edit_pages(m, me, task, start, va, EDIT_PROTECT, flags)\n    shoot_down_task(m, me, task)\n", "    edit_pages(m, me, task, start, va, EDIT_PROTECT, flags)\n", f"{SPACES}::test_what_an_edit_takes_from_a_page_it_takes_from_the_translations_of_all_cpus"),
    Mutant("entry-that-lags-behind-its-area-is-replaced", FAULTS, "        entry = _follow_area(m, me, task, va, entry)\n", "        entry = 0\n", "tests/kernel/vm/test_address_space.py::test_a_store_between_the_two_steps_of_mprotect_keeps_the_pages_frame"),
    Mutant("ahead-of-who-stores-nothing-comes", FAULTS, "        _fill_ahead(m, me, task, va, area)\n", "        pass\n", AHEAD),
    Mutant("ahead-also-of-shared-memory", FAULTS, "if stores and may_store and area.flags & SHARED == 0:", "if stores and may_store:", AHEAD),
    Mutant("ahead-of-the-area", FAULTS, "while count < before and va + (count + 1) * PAGE_SIZE < area.end:", "while count < before:", AHEAD),
    Mutant("ahead-over-pages-that-are-there", FAULTS, "        if has_frame(lookup(m, root, va + (count + 1) * PAGE_SIZE)):\n            break\n        count += 1\n", "        count += 1\n", AHEAD),
    Mutant("ahead-whatever-was-before", FAULTS, "        if not has_frame(lookup(m, root, va - (before + 1) * PAGE_SIZE)):\n            break\n", "", AHEAD),
    Mutant("ahead-where-memory-is-scarce", FAULTS, "return count if m.nr_free_frames >= m.nr_frames // 4 else 0", "return count", AHEAD),
    Mutant("ahead-against-the-order-of-frames", FAULTS, "step = count - k if from_above else k + 1", "step = k + 1", AHEAD),
    Mutant("ahead-without-the-objects-reference", FAULTS, "        share_frame(m, frame)  # one reference is the object's, one the entry's\n    unlock", "        pass\n    unlock", AHEAD),
    Mutant("ahead-over-what-the-object-has", FAULTS, "allocate_frame(m, me, TAG_PAGE) if found == ZEROES else -1", "allocate_frame(m, me, TAG_PAGE)", "tests/kernel/vm/test_objects.py"),
    Mutant("ahead-is-not-resident", FAULTS, '        return False\n    fetch_add(m.tasks[task], "resident", 1)\n    return True\n', "        return False\n    return True\n", AHEAD),
    Mutant("resolve-believes-the-frame", FAULTS, "        if page_in(m, entry) < 0:\n            return REFUSED\n        return own_page", "        return own_page", WILD),
    Mutant("copy-after-the-lock", USERCOPY, "        word = resolve(m, me, task, at, access)\n        if word > 0:\n            guest = _host(m, word, at)\n            if access == ACCESS_READ:\n                _copy(host + done, guest, step)\n            else:\n                if host == FILL:\n                    fill_bytes(guest, 0, step)\n                else:\n                    _copy(guest, host + done, step)\n                invalidate(m, guest, step)\n        unlock_mm(m, me, task)\n", "        word = resolve(m, me, task, at, access)\n        unlock_mm(m, me, task)\n        if word > 0:\n            guest = _host(m, word, at)\n            if access == ACCESS_READ:\n                _copy(host + done, guest, step)\n            else:\n                if host == FILL:\n                    fill_bytes(guest, 0, step)\n                else:\n                    _copy(guest, host + done, step)\n                invalidate(m, guest, step)\n", f"{UNMAPS}::test_a_store_of_the_server_never_lands_in_a_frame_taken_away_where_one_after_the_lock_does"),
    Mutant("kernel-stores-where-it-may-only-read", USERCOPY, "        word = resolve(m, me, task, at, access)\n", "        word = resolve(m, me, task, at, ACCESS_READ)\n", "tests/kernel/vm/test_usercopy.py"),
    Mutant("fetch-not-looked-up-anew", "emu/cpu_worker/mmu.py", "        entry = _resolve(m, cpu, va, access)  # while it waited, it answered shoot-downs: look again\n", "        pass\n", "tests/cpu_worker/test_mmu.py::test_a_page_that_is_unmapped_while_a_fetch_waits_is_not_cached"),
    Mutant("code-stored-to-without-a-look", "emu/cpu_worker/mmu.py", "    return word & FRAME_CODE != 0\n", "    return word & FRAME_CODE < 0\n", "tests/cpu_worker/test_mmu.py::test_stores_to_a_frame_with_code_are_never_cached"),
    Mutant("first-fetch-leaves-stores-alone", "emu/cpu_worker/mmu.py", "    shoot_down(m, cpu, mask_minus(mask_all(), mask_above(m.nr_cpus - 1)))\n", "", "tests/cpu_worker/test_mmu.py::test_the_first_fetch_takes_writable_translations_away"),
    Mutant("static-page-reclaimed", KERNEL_PAGES, "    if origin == STATIC:\n        p.next = m.free_static_page", "    if origin > BORROWED:\n        p.next = m.free_static_page", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("page-left-in-the-pool", KERNEL_PAGES, "        m.free_granted_page = m.kernel_pages[n].next\n        return n", "        return n", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("grant-survives-its-task", KERNEL_PAGES, "    m.kernel_pages_owed += m.tasks[k].granted\n", "", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("reclaim-of-what-others-granted", KERNEL_PAGES, "found = n >= 0 and m.tasks[k].granted > 0", "found = n >= 0", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("foreign-page-freed", KERNEL_PAGES, " and page_state(m.kernel_pages[n].word) == WHOLE", "", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("object-freed-twice", SLABS, " or (s.used >> at // size_bytes) & 1 == 0", "", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("inner-address-freed", SLABS, " or at % size_bytes != 0", "", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("page-freed-by-kfree", SLABS, "if n < 0 or page_state(load_relaxed(m.kernel_pages[n], \"word\")) != SLAB:", "if n < 0:", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("full-slab-stays-listed", SLABS, "        if used == all_used(cache):\n            _unlist(m, cache, slab)\n", "", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("objects-without-the-lock", KERNEL_PAGES, "    acquire(m, me, field_address(m, \"kmem_lock\"), lockrank.KMEM)", "    pass", "tests/litmus/test_slabs.py::test_no_object_is_given_out_twice_and_all_memory_comes_back"),
    Mutant("recovery-forgets-orphans", RECOVERY, "        drop_frame(m, me, n - STATIC_KERNEL_PAGES)", "        pass", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("recovery-keeps-empty-slabs", RECOVERY, "        if used == 0:\n            give_page(m, me, n)\n        elif used", "        if used", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("recovery-releases-first", "emu/shm/spinlock.py", "    store_release_at(address, me + 1)", "    store_release_at(address, 0)", "tests/kernel/vm/test_kernel_memory.py"),
    Mutant("merge-takes-a-file", OBJECTS, "        if o.kind == OBJECT_FILE or o.references != 1:\n", "        if o.references != 1:\n", f"{OBJECTS_TEST}::test_an_original_with_more_pages_than_are_in_memory_stays_below_a_shadow_that_hides_those"),
    Mutant("file-is-taken-for-ones-own", OBJECTS, "    if r.kind == OBJECT_FILE or r.references > 1:\n", "    if r.references > 1:\n", f"{OBJECTS_TEST}::test_an_original_that_is_no_shadow_and_others_map_is_not_taken"),
    Mutant("merge-of-what-others-have", OBJECTS, "        if o.kind == OBJECT_FILE or o.references != 1:\n", "        if o.kind == OBJECT_FILE:\n", f"{OBJECTS_TEST}::test_random_families_against_a_model"),
    Mutant("chains-are-never-merged", OBJECTS, "            _merge(m, me, r.first_shadow - 1)\n", "            pass\n", f"{OBJECTS_TEST}::test_who_is_left_alone_with_a_chain_gets_its_pages_and_the_chain_goes"),
    Mutant("merge-loses-what-the-shadow-lacks", OBJECTS, "        if r.nr_pages < o.nr_pages:", "        if r.nr_pages >= 0:", survives="the other direction of the same merge: slower, not wrong"),
    Mutant("merged-page-hides-the-shadows", OBJECTS, "        if hidden >= 0:\n            drop_frame(m, me, hidden)\n", "", f"{OBJECTS_TEST}::test_a_merge_keeps_what_the_shadow_hides_and_what_it_does_not"),
    Mutant("own-object-keeps-what-others-left", OBJECTS, "        free_pages(m, me, r, end, NO_PAGE, -1)\n", "", f"{OBJECTS_TEST}::test_new_memory_behind_what_a_fork_has_left_is_zero"),
    Mutant("object-read-without-its-lock", OBJECTS, "    acquire(m, me, _lock(m, m.objects[o].family), lockrank.OBJECT)\n", "    pass\n", f"{SHADOWS}::test_a_copy_of_memory_stays_what_it_was_while_all_copy_store_and_leave"),
    Mutant("own-frame-believes-the-entry", COW, "    if frame_of(word) == frame:\n", "    if frame >= 0:\n", f"{SHADOWS}::test_a_copy_of_memory_stays_what_it_was_while_all_copy_store_and_leave"),
    Mutant("joined-though-they-differ", AREAS, "JOINED = RWX | SHARED | NEEDS_COPY | NEVER_WRITE | LOCKED", "JOINED = SHARED | NEEDS_COPY | NEVER_WRITE | LOCKED", SPACES),
    Mutant("grows-over-what-a-shadow-hides", MAPPING, "m.objects[o].kind == OBJECT_ANONYMOUS and m.objects[o].references == 1", "m.objects[o].references == 1", f"{OBJECTS_TEST}::test_new_memory_behind_what_a_fork_has_left_is_zero"),
    Mutant("unmapped-pages-stay-in-the-object", MAPPING, "            _free_part(m, me, o, first", "            _free_part(m, me, o, 1 + first", f"{OBJECTS_TEST}::test_random_families_against_a_model"),
    Mutant("marks-of-stores-stay", FILE_OBJECTS, "    _edit_mappings(m, me, o, first, end, EDIT_CLEAN)\n", "", "tests/cpu_worker/test_mmu.py::test_a_page_past_a_files_end_is_a_cause_of_its_own"),
    Mutant(
        "rebuilt-objects-forget-the-server",
        "emu/kernel/vm/object_recovery.py",
        "r.references = r.kept",
        "r.references = 0",
        "tests/kernel/vm/test_objects.py::test_objects_are_linked_and_counted_anew_from_their_truth_words",
    ),
    Mutant("who-asks-for-the-last-page-ends", SHORTAGE, "        if holds[largest] == holds[task]:\n", "        if True:\n", SHORTAGE_TEST),
    Mutant("a-second-ends-while-one-does", SHORTAGE, "        if (has_memory & (tasks[\"exiting\"] != 0)).any():\n", "        if False:\n", SHORTAGE_TEST),
    Mutant("a-shortage-is-asked-about-for-ever", SHORTAGE, "        if free > (too_few if asked == asks else 0):\n", "        if free > 0:\n", SHORTAGE_TEST),
    Mutant("too-few-frames-are-few-for-ever", SHORTAGE, "        if free > (too_few if asked == asks else 0):\n", "        if free > 0 and asked != asks:\n", SHORTAGE_TEST),
]  # fmt: skip
