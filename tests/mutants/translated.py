"""Faults in emu/isa/translator: translated code that is kept on disk."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

KNOWN, STORE = "emu/isa/translator/known.py", "emu/isa/translator/store.py"
LOADING, KEEPING = "tests/isa/translator/test_known.py", "tests/isa/translator/test_store.py"

MUTANTS = [
    Mutant("known-bytes-not-compared", KNOWN, "if page.data[offset : offset + len(data)] != data:", "if not data:",
           f"{LOADING}::test_another_page_of_a_region_is_compared_too"),
    Mutant("known-region-not-checked", KNOWN, "if number is None or not translator.check(number, region):", "if number is None:",
           f"{LOADING}::test_bytes_that_change_before_the_page_is_marked_make_the_region_dead"),
    Mutant("known-region-does-not-wait", KNOWN, "for page in pages.values()):\n            return _WAITS", "for page in pages.values()):\n            return _DIFFERS",
           f"{LOADING}::test_a_region_waits_for_pages_that_nobody_has_executed_yet"),
    Mutant("known-without-links", KNOWN, "waiting += sorted(pack.links - seen)", "waiting += ()",
           f"{LOADING}::test_pages_that_were_hot_together_are_loaded_together"),
    Mutant("known-targets-forgotten", KNOWN, "if kept.targets:", "if not kept.code:",
           f"{LOADING}::test_the_targets_of_indirect_jumps_are_known_again"),
    Mutant("known-in-memory-for-ever", KNOWN, "            self._packs.clear()\n            self._offered", "            self._offered",
           f"{LOADING}::test_what_is_kept_in_memory_has_a_bound"),
    Mutant("known-fills-the-arena", KNOWN, 'return int(m["nr_regions"]) < MAX_REGIONS // 2 and', "return",
           f"{LOADING}::test_where_room_is_short_only_what_is_hot_is_loaded"),
    Mutant("store-replaces-what-others-added", STORE, "        pack.add(self.load(name))\n", "",
           f"{KEEPING}::test_what_two_machines_add_to_a_pack_is_there_together"),
    Mutant("store-without-bound", STORE, "if total <= self.limit_bytes:", "if total >= 0:",
           f"{KEEPING}::test_what_was_used_longest_ago_goes_first"),
    Mutant("store-removes-what-is-used", STORE, "        with contextlib.suppress(OSError):\n            os.utime(path)\n", "",
           f"{KEEPING}::test_what_was_used_longest_ago_goes_first"),
    Mutant("store-for-any-processor", STORE, "llvm.get_host_cpu_name(), features)", "llvm.get_host_cpu_name())",
           f"{KEEPING}::test_code_for_another_processor_or_of_another_compiler_is_not_looked_at"),
    Mutant("store-for-any-page", STORE, ".encode() + data)", ".encode())",
           f"{KEEPING}::test_a_page_that_differs_in_a_byte_or_lies_elsewhere_has_another_pack"),
    Mutant("store-unchecked", STORE, "content = cache.load(path, name)", "content = path.read_bytes()[51:] if path.is_file() else None",
           f"{KEEPING}::test_a_damaged_file_is_as_if_it_were_not_there"),
]  # fmt: skip
