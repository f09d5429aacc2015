"""Faults in the translator, in its protocols with CPUs, and in the windows of guest memory."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

REGIONS, DECODED, WINDOWS, TLB, LEAVING, MMU = (
    f"emu/{name}.py"
    for name in (
        "shm/regions",
        "shm/decoded",
        "kernel/vm/windows",
        "kernel/vm/tlb",
        "kernel/leaving_code",
        "cpu_worker/mmu",
    )
)
TRANSLATOR, REGION_CODE, FORMING, HEAT, ENGINE, FETCH, ACTOR, FAULTS, MACHINE_CODE = (
    f"emu/{name}.py"
    for name in (
        "isa/translator/translator",
        "isa/translator/region_code",
        "isa/translator/regions",
        "isa/interpreter/heat",
        "isa/interpreter/threaded",
        "isa/interpreter/fetch",
        "actor/translator",
        "cpu_worker/host_faults",
        "isa/translator/machine_code",
    )
)
STORES = "tests/litmus/test_regions.py::test_after_a_store_no_region_of_older_bytes_may_be_entered"
DROPS = "tests/litmus/test_regions.py::test_of_a_frame_that_was_dropped_no_region_may_be_entered"
PUBLISHING, EXACT, FORM = (f"tests/isa/translator/test_{n}.py" for n in ("publishing", "exactness", "regions"))
PLAYED = "tests/kernel/vm/test_windows.py"
TURNING = "tests/litmus/test_windows.py::test_no_page_of_a_window_is_used_after_it_was_taken_away"
LEAVES = "tests/kernel/test_leaving_code.py"
SYSTEMS = "tests/systems/test_translator.py"
MAPPINGS = f"{SYSTEMS}::test_pages_that_are_unmapped_protected_discarded_moved_or_forked_are_so_for_hot_code"
REWRITTEN = f"{SYSTEMS}::test_code_that_is_rewritten_is_new_after_a_fence"
ARENA = f"{SYSTEMS}::test_an_arena_that_is_always_full_is_reclaimed_under_load"
HEATING, WORK = "tests/isa/translator/test_heat.py", "tests/actor/test_translator.py"
LOCKED = "on x86-64 the read-modify-write before it is a full fence"

MUTANTS = [
    # --- shm/regions.py, decoded.py
    Mutant("store-does-not-look-for-marks", REGIONS, "return frame_word & FRAME_TRANSLATED != 0 or load_relaxed", "return frame_word < 0 or load_relaxed", STORES),
    Mutant("store-does-not-wait-for-who-looks", REGIONS, 'return frame_word & FRAME_TRANSLATED != 0 or load_relaxed(m, "forgetting") != 0', "return frame_word & FRAME_TRANSLATED != 0", STORES),
    Mutant("who-looks-is-not-counted", REGIONS, '    fetch_add(m, "forgetting", 1)\n', '    fetch_add(m, "forgetting", 0)\n', STORES),
    Mutant("who-looks-is-counted-after-the-mark", REGIONS, '    fetch_add(m, "forgetting", 1)\n    fetch_and(m.frames[frame], "word", ~FRAME_TRANSLATED)\n', '    fetch_and(m.frames[frame], "word", ~FRAME_TRANSLATED)\n    fetch_add(m, "forgetting", 1)\n', survives="the moment between the two steps is a few nanoseconds long, and no test was seen to hit it"),
    Mutant("regions-are-not-made-dead", REGIONS, '                    exchange(region, "code", 0)\n', "                    pass\n", STORES),
    Mutant("regions-that-are-not-admitted-are-passed-over", REGIONS, '        if load_relaxed(region, "code") != 0:\n', '        if load_relaxed(region, "code") > 0:\n', PUBLISHING),
    Mutant("only-the-first-page-of-a-region-counts", REGIONS, "            for k in range(region.nr_pages):\n", "            for k in range(1):\n", f"{PUBLISHING}::test_another_page_of_a_region_that_is_rewritten_makes_it_dead"),
    Mutant("region-is-not-marked", REGIONS, 'word = fetch_or(machine_at(address).frames[frame], "word", FRAME_TRANSLATED)', 'word = fetch_or(machine_at(address).frames[frame], "word", 0)', STORES),
    Mutant("mark-and-bytes-without-a-fence", REGIONS, "    fence()  # the mark before the bytes; pairs with the fence in decoded.invalidate\n", "", survives=LOCKED),
    Mutant("marked-frame-need-not-be-code", REGIONS, "word & FRAME_CODE != 0 and word >> FRAME_REFERENCES_SHIFT > 0", "word >> FRAME_REFERENCES_SHIFT > 0", PUBLISHING),
    Mutant("marked-frame-need-not-be-held", REGIONS, "word & FRAME_CODE != 0 and word >> FRAME_REFERENCES_SHIFT > 0", "word & FRAME_CODE != 0", PUBLISHING),
    Mutant("admitted-by-a-store", REGIONS, 'compare_exchange(region, "code", code, -code)', 'exchange(region, "code", -code) < 0', survives="the moment between the two steps is a few nanoseconds long, and no test was seen to hit it"),
    Mutant("stored-code-keeps-its-regions", DECODED, "    if may_be_translated(m, word):\n        forget_regions(m, frame)\n    offset", "    offset", STORES),
    Mutant("dropped-frame-keeps-its-regions", DECODED, '    if may_be_translated(m, load_acquire(m.frames[frame], "word")):\n        forget_regions(m, frame)\n    fill', "    fill", DROPS),
    Mutant("stored-bytes-and-mark-without-a-fence", DECODED, "    fence()  # bytes before mark and words; pairs with the first fetch's mark and the decoder's fence\n", "", "tests/litmus/test_decoding.py"),
    # --- translator.py
    Mutant("region-may-be-entered-before-it-is-checked", TRANSLATOR, 'record["code"] = -place  #', 'record["code"] = place  #', PUBLISHING),
    Mutant("code-is-not-read-again", TRANSLATOR, " and all(bytes(self.window.memory(page.frame)) == page.data for page in pages)", "", PUBLISHING),
    Mutant("bytes-are-read-again-before-the-mark", TRANSLATOR, "        marked = [mark_translated(self.window.address, page.frame) for page in pages]\n        if all(marked) and all(bytes(self.window.memory(page.frame)) == page.data for page in pages):\n", "        same = all(bytes(self.window.memory(page.frame)) == page.data for page in pages)\n        marked = [mark_translated(self.window.address, page.frame) for page in pages]\n        if all(marked) and same:\n", PUBLISHING),
    Mutant("whose-the-frame-is-does-not-matter", TRANSLATOR, "        if all(marked) and all(", "        if marked and all(", DROPS),
    Mutant("refused-region-lives", TRANSLATOR, '        self.machine["regions"][number]["code"] = 0\n        return False', "        return False", PUBLISHING),
    Mutant("number-is-counted-after-the-region", TRANSLATOR, '        m["nr_regions"] = number + 1\n        record["code"] = -place  # not to be entered until it is checked\n', '        record["code"] = -place\n        m["nr_regions"] = number + 1\n', survives="the mark comes after both, and nobody needs to find the region before it"),
    Mutant("cleared-word-is-replaced", TRANSLATOR, "return old != 0 and compare", "return compare", f"{PUBLISHING}::test_no_word_is_put_where_one_was_cleared_meanwhile"),
    Mutant("arena-without-an-end", TRANSLATOR, "if number == MAX_REGIONS or at + len(code) > ARENA_BYTES:", "if number == MAX_REGIONS:", PUBLISHING),
    Mutant("numbers-without-an-end", TRANSLATOR, "if number == MAX_REGIONS or at", "if at", PUBLISHING),
    Mutant("another-entry-is-taken-for-this-one", TRANSLATOR, ' or region["entry"] != pc:', ":", PUBLISHING),
    Mutant("dead-region-counts-as-there", TRANSLATOR, ' or region["code"] <= 0 or', " or", PUBLISHING),
    # --- guards, and looks at budget and interrupts
    Mutant("dead-region-is-entered", ENGINE, 'alive = code.when(builder.icmp_signed("<=", entry, I64(0)))', 'alive = code.when(builder.icmp_signed("==", entry, I64(0)))', PUBLISHING),
    Mutant("region-of-another-page-is-entered", REGION_CODE, 'both = self.define(f"and i1 {same}, {here}")', 'both = self.define(f"or i1 {here}, {here}")', EXACT),
    Mutant("region-at-another-address-is-entered", REGION_CODE, "f\"icmp eq i64 {pc}, {self.region.entry}\"", "f\"icmp ne i64 {pc}, -1\"", EXACT),
    Mutant("page-that-was-missing-is-not-compared", REGION_CODE, 'f"icmp ne i64 {found}, 0"', 'f"icmp ne i64 {found}, -1"', f"{EXACT}::test_a_region_of_two_pages_is_not_entered_where_the_second_is_another_one"),
    Mutant("region-rounds-to-nearest-whatever-is-wanted", REGION_CODE, "self.branch_if(nearest, on, \"other\", ALWAYS)", "self.go_to(on)", EXACT),
    Mutant("region-does-not-look-at-interrupts", HEAT, '    if load_relaxed(c, "pending") != 0:\n        return 0\n', "", f"{EXACT}::test_an_interrupt_that_is_pending_stops_a_region_soon"),
    Mutant("region-does-not-look-at-its-budget", REGION_CODE, 'f"icmp sle i64 {left}, 0"', 'f"icmp eq i64 {left}, {1 << 62}"', f"{EXACT}::test_every_budget_stops_at_the_same_place_with_the_same_state"),
    Mutant("region-gets-more-than-its-budget", HEAT, "    given = min(get(limit) - get(budget), TRANSLATED_SLICE)\n", "    given = TRANSLATED_SLICE\n", f"{EXACT}::test_random_budgets_one_after_the_other_stop_at_the_same_places"),
    Mutant("region-looks-at-no-jump-forward-into-a-page", FORMING, "return target <= pc or (target ^ pc) & -PAGE_SIZE != 0", "return target <= pc", f"{EXACT}::test_every_budget_stops_at_the_same_place_with_the_same_state"),
    Mutant("region-looks-at-no-jump-backward", FORMING, "return target <= pc or (target ^ pc) & -PAGE_SIZE != 0", "return (target ^ pc) & -PAGE_SIZE != 0", f"{EXACT}::test_every_budget_stops_at_the_same_place_with_the_same_state"),
    Mutant("call-behind-an-auipc-is-believed", REGION_CODE, "            if last.far_target >= 0:  # compared", "            if last.far_target < -1:  # compared", f"{EXACT}::test_a_jump_to_the_second_half_of_a_call_goes_where_the_register_says"),
    Mutant("trap-counts-what-it-did-not-do", REGION_CODE, 'f"sub i64 {self.left_at_first}, {self.done}") if self.done', 'f"sub i64 {self.left_at_first}, {self.done + 1}") if self.done', f"{EXACT}::test_a_trap_in_the_middle_of_a_loop_is_precise"),
    Mutant("half-of-an-instruction-is-executed", FETCH, "    if bits & 3 == 3 and i == LAST_PARCEL:\n        return OP_STRADDLE\n    return decode", "    return decode", EXACT),
    Mutant("auipc-of-another-register", FORMING, ' or before.rd != jump.rs1 or', " or", f"{FORM} {EXACT}"),
    Mutant("region-where-nobody-has-been", FORMING, "        if page is None or page.words[(pc & (PAGE_SIZE - 1)) >> 1] == 0:\n", "        if page is None:\n", FORM),
    Mutant("region-of-more-pages-than-a-record-has", FORMING, "if len(self.pages) == REGION_PAGES:", "if len(self.pages) > REGION_PAGES:", FORM),
    Mutant("outside-symbols-are-linked", MACHINE_CODE, "    if section not in placed:\n", "    if section < 0:\n", "tests/isa/translator/test_machine_code.py"),
    # --- windows
    Mutant("changes-are-counted-first", WINDOWS, '    n = t.nr_changes + 1\n    at = 2 * (n % CHANGES)\n    t.changes[at] = start\n    t.changes[at + 1] = end\n    fetch_add(t, "nr_changes", 1)', '    n = fetch_add(t, "nr_changes", 1) + 1\n    at = 2 * (n % CHANGES)\n    t.changes[at] = start\n    t.changes[at + 1] = end\n    fetch_add(t, "nr_changes", 0)', TURNING),
    Mutant("change-noted-by-a-store", WINDOWS, '    fetch_add(t, "nr_changes", 1)  # a full fence: before TASK.cpus is read\n', '    store_relaxed(t, "nr_changes", n)\n', survives="forget_kept, between it and the mask, is a full fence as well"),
    Mutant("changes-are-not-noted", WINDOWS, '    fetch_add(t, "nr_changes", 1)  # a full fence', '    fetch_add(t, "nr_changes", 0)  # a full fence', PLAYED),
    Mutant("shot-down-cpu-does-not-follow", TLB, "    follow_changes(m, cpu)\n    _empty(c)\n", "    _empty(c)\n", TURNING),
    Mutant("follows-before-its-bit-is-set", TLB, '    set_cpu(m.tasks[task], "cpus", me)  # before the first lookup; pairs with the mask\'s reader in shootdown.py\n    use_window(m, me, task)\n', '    use_window(m, me, task)\n    set_cpu(m.tasks[task], "cpus", me)\n', TURNING),
    Mutant("who-comes-back-does-not-follow", WINDOWS, "        c.space_task[k] = task + 1\n    follow_changes(m, me)\n", "        c.space_task[k] = task + 1\n", PLAYED),
    Mutant("other-task-has-the-window-of-the-first", WINDOWS, "    if c.space_task[k] != task + 1:\n        _empty(c, k)\n", "    if c.space_task[k] != task + 1:\n", PLAYED),
    Mutant("code-epoch-is-not-looked-at", WINDOWS, "    if c.space_epoch[k] != epoch:\n", "    if c.space_epoch[k] < 0:\n", PLAYED),
    Mutant("first-fetch-begins-no-epoch", MMU, '        fetch_add(m, "code_epoch", 1)', '        fetch_add(m, "code_epoch", 0)', "tests/cpu_worker/test_mmu.py"),
    Mutant("overwritten-changes-are-followed", WINDOWS, '    while n <= now and load_seq_cst(t, "nr_changes") < seen + CHANGES:\n', "    while n <= now:\n", PLAYED),
    Mutant("changes-overwritten-meanwhile-are-followed", WINDOWS, '        if load_seq_cst(t, "nr_changes") < seen + CHANGES:\n            _unmap(c, k, start, end)\n            n += 1\n', "        _unmap(c, k, start, end)\n        n += 1\n", survives="between the loop's own look and the reads are a few nanoseconds, and no test was seen to hit them"),
    Mutant("lost-changes-leave-the-rest", WINDOWS, "    if n <= now:\n        _empty(c, k)\n", "", PLAYED),
    Mutant("change-and-count-without-a-fence", WINDOWS, "        fence()  # the record before the count: a writer overwrites it first, and counts then\n", "", survives="on x86-64 loads are made in order"),
    Mutant("windows-outgrow-the-hosts-limit", WINDOWS, "    if c.nr_space_mappings >= SPACE_MAPPINGS:\n        _begin_anew(m, c)\n", "", PLAYED),
    Mutant("windows-are-never-given-up", WINDOWS, "    if now - c.space_since_ns < HASTE_NS:\n", "    if now < 0:\n", PLAYED),
    Mutant("code-may-be-stored-to-in-a-window", MMU, "may_store = first & (W | DIRTY) == W | DIRTY and not _is_code(m, frame_in(first))", "may_store = first & (W | DIRTY) == W | DIRTY", REWRITTEN),
    Mutant("read-only-page-may-be-stored-to-in-a-window", MMU, "may_store = first & (W | DIRTY) == W | DIRTY and not _is_code(m, frame_in(first))", "may_store = not _is_code(m, frame_in(first))", "tests/cpu_worker/test_mmu.py"),
    Mutant("another-cpus-first-fetch-is-not-waited-for", MMU, ' and (word & FRAME_WRITTEN == 0 or load_acquire(m, "marking") == 0):', ":", "tests/cpu_worker/test_mmu.py"),
    Mutant("first-fetch-says-that-it-waits-after-its-mark", MMU, '    fetch_add(m, "marking", int(word & FRAME_CODE == 0))  # before the mark; pairs with load_acquire above\n    waits = fetch_or(f, "word", FRAME_CODE) & FRAME_WRITTEN != 0\n', '    waits = fetch_or(f, "word", FRAME_CODE) & FRAME_WRITTEN != 0\n    fetch_add(m, "marking", int(word & FRAME_CODE == 0))\n', survives="the moment in between is a few instructions long, and a CPU must look at the frame just then"),
    # --- leaving code
    Mutant("reclaimed-under-cpus", ACTOR, "            waiting = [cpu for cpu in waiting if not has_left(base, cpu, requests[cpu])]\n", "            waiting = []\n", ARENA),
    Mutant("cpus-are-not-told-to-leave", LEAVING, "        send_ipi(m, me, cpu, IPI_CODE)\n", "        pass\n", LEAVES),
    Mutant("asleep-cpu-is-waited-for", LEAVING, ' or load_seq_cst(c, "tlb_active") == 0)', ")", LEAVES),
    Mutant("answer-to-an-older-request", LEAVING, 'load_acquire(c, "code_done") >= request', 'load_acquire(c, "code_done") > 0', LEAVES),
    Mutant("left-while-a-shoot-down-is-answered", "emu/kernel/vm/shootdown.py", "        flush_tlb(m, cpu)\n        c.reservation = 0\n", "        flush_tlb(m, cpu)\n        c.code_done = c.code_request\n        c.reservation = 0\n", survives="a shoot-down is answered within translated code only where a host fault of it has to make a page private"),
    Mutant("reclaimed-regions-live", ACTOR, '        m["regions"]["code"][: int(m["nr_regions"])] = 0\n', "", ARENA),
    # --- host faults
    Mutant("way-out-of-another-access", FAULTS, "            return entry + 4 + load_s32(entry + 4)", "            return first + 4 + load_s32(first + 4)", MAPPINGS),
    Mutant("region-of-another-access", FAULTS, "        if m.regions[middle].place <= at:", "        if m.regions[middle].place < at - (1 << 20):", MAPPINGS),
    # --- what is hot
    Mutant("translated-places-are-counted", HEAT, "    if get(ip) & OP_MASK == OP_REGION:\n        return min(rest, TRANSLATED_SLICE)\n", "", HEATING),
    Mutant("where-translated-code-jumps-is-not-counted", ENGINE, 'enter(code, code.state["e"], code.state["left"], count_in_page)', 'enter(code, code.state["e"], code.state["left"])', HEATING),
    Mutant("translator-is-told-once", HEAT, "(before < HOT and after >= HOT) or (before < WORTH and after >= WORTH)", "before < HOT and after >= HOT", HEATING),
    Mutant("translator-is-told-late", HEAT, "(before < HOT and after >= HOT) or (before < WORTH and after >= WORTH)", "before < WORTH and after >= WORTH", HEATING),
    Mutant("translated-whether-worth-it-or-not", ACTOR, 'if self._load(n) or h["count"] < self._worth:', "if self._load(n):", WORK),
    Mutant("unknown-places-are-looked-at-again-and-again", ACTOR, "                self._unknown[n] = ip\n", "", WORK),
    Mutant("unknown-place-hides-the-next-one", ACTOR, 'self._unknown == heat["ip"]', "self._unknown != 0", WORK),
    Mutant("hottest-before-what-is-known", ACTOR, "        hot = self._perhaps_known()\n        return hot if hot is not None else", "        return", WORK),
    Mutant("nothing-is-loaded-while-llvm-works", ACTOR, "            hot = self._perhaps_known()\n            if hot is not None:\n", "            hot = None\n            if hot is not None:\n", WORK),
    Mutant("cpus-that-wait-wait-until-it-is-worth-it", ACTOR, "self._worth = HOT if waits else WORTH", "self._worth = WORTH", WORK),
    Mutant("made-too-late-is-lost", TRANSLATOR, "        self.on_made(region, targets, code, fixups, count)  # also where the guest has ended meanwhile\n        number = self.place(region, code, fixups, count)\n        if number is None or not self.check(number, region):\n            return False\n", "        number = self.place(region, code, fixups, count)\n        if number is None or not self.check(number, region):\n            return False\n        self.on_made(region, targets, code, fixups, count)\n", WORK),
]  # fmt: skip
