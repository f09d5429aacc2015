"""Faults in what policies are told of groups, in what bsd4 and eevdf make of them, and in save areas."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

REGROUPING = "emu/kernel/sched/regrouping.py"
TOLD = "tests/kernel/sched/test_regrouping.py"
CHARGED = f"{TOLD}::test_a_running_thread_is_charged_up_to_the_moment_in_which_it_joins_or_leaves"
BSD4, PLAYED = "emu/policies/bsd4.py", "tests/policies/test_bsd4_groups.py"
EEVDF, SHARED = "emu/policies/eevdf.py", "tests/policies/test_eevdf_groups.py"
BROUGHT = f"{PLAYED}::test_the_first_thread_of_a_group_brings_its_usage_and_who_leaves_takes_the_groups_along"
AT_ONCE = "tests/litmus/test_group_words.py::test_what_several_cpus_book_for_a_group_at_once_is_booked_once_each"
AREA, SPARES = "emu/kernel/thread/save_area.py", "emu/kernel/thread/spares.py"
AREAS = "tests/kernel/thread/test_save_area.py"
OWNERS = "tests/litmus/test_save_areas.py::test_an_area_has_one_owner_and_is_used_again"
CHECKED = f"{AREAS}::test_a_destructor_with_a_lock_held_and_a_word_beyond_the_size_are_caught_by_checking_builds"
IO = "tests/systems/test_async_io.py::test_what_was_submitted_completes_with_a_message"

MUTANTS = [
    Mutant("regroup-untold", REGROUPING, "    if has_hook(m, me, REGROUP):\n        call_hook_3(m, me, REGROUP, me, i, g)\n", "", CHARGED),
    Mutant("regroup-uncharged", REGROUPING, "        charge(m, me, i, mark_time(m, me, me))\n", "        mark_time(m, me, me)\n", CHARGED),
    Mutant("regroup-uncharged-without-locks", REGROUPING, "        charge(m, me, i, local_queue.stamp(m, me, i, me))\n", "", CHARGED),
    Mutant("regroup-without-lock", REGROUPING, "        _tell_and_store(m, me, i, g)\n        unlock_queue(m, me, me)\n", "        unlock_queue(m, me, me)\n        _tell_and_store(m, me, i, g)\n", CHARGED),
    Mutant("regroup-told-afterwards", REGROUPING, "    if has_hook(m, me, REGROUP):\n", "    m.threads[i].kse_group = g + 1\n    if has_hook(m, me, REGROUP):\n", CHARGED),
    Mutant("sleepers-regroup-told", REGROUPING, "state_of(t) != RUNNING or queue_of(t) != me", "state_of(t) == 0", f"{TOLD}::test_threads_that_have_not_begun_or_sleep_change_groups_without_a_word"),
    Mutant("group-begins-untold", REGROUPING, "    if g >= 0:\n        tell_group(m, me, ADD_GROUP, g)\n", "", TOLD),
    Mutant("refused-group-begins", REGROUPING, "    if g >= 0:\n        tell_group(m, me, ADD_GROUP, g)\n", "    tell_group(m, me, ADD_GROUP, g)\n", TOLD),
    Mutant("group-ends-untold", REGROUPING, "    tell_group(m, me, REMOVE_GROUP, g)\n", "", TOLD),
    Mutant("running-thread-joins-untold", "emu/kernel/native/upcalls.py", "            regroup(m, me, i, g)\n", "", "tests/systems/test_on_cpus.py::test_a_policy_shares_a_cpu_by_group_with_words_of_its_own_for_each"),
    # --- bsd4 -----------------------------------------------------------------------------------------
    Mutant("group-charged-by-a-store", BSD4, "        t.policy[EST_NS] = add_to_group(m, group_of(t), GROUP_EST_NS, ran_ns) + ran_ns\n", "        t.policy[EST_NS] = m.groups[group_of(t)].policy[GROUP_EST_NS] + ran_ns\n        m.groups[group_of(t)].policy[GROUP_EST_NS] = t.policy[EST_NS]\n", f"{AT_ONCE}[2-processes-charge]"),
    Mutant("second-moved-by-all-who-look", BSD4, " and swap_in_group(m, g, GROUP_SECOND, before, before + seconds)\n", "\n    if decays:\n        words[GROUP_SECOND] = before + seconds\n", f"{AT_ONCE}[2-processes-forget]"),
    Mutant("decay-by-a-store", BSD4, "        if left_ns == est_ns or swap_in_group(m, g, GROUP_EST_NS, est_ns, left_ns):\n            return left_ns\n", "        words[GROUP_EST_NS] = left_ns\n        return left_ns\n", f"{AT_ONCE}[4-processes-forget]"),
    Mutant("threads-of-a-group-count-each-for-the-load", BSD4, "    if g < 0:\n        return 1\n", "    if g < 1 << 20:\n        return 1\n", f"{PLAYED}::test_a_group_counts_once_for_the_load"),
    Mutant("new-group-begins-with-nothing", BSD4, "    if group_of(t) >= 0:\n        _begin_group(m, group_of(t), t.policy[EST_NS], q.now_ns)\n", "", BROUGHT),
    Mutant("who-joins-brings-nothing", BSD4, "    if group >= 0:\n        _begin_group(m, group, t.policy[EST_NS], now)\n", "", BROUGHT),
    Mutant("who-leaves-owes-nothing", BSD4, "    _look_at(m, t, now)\n    t.policy[HOLDS_TO_NS]", "    t.policy[HOLDS_TO_NS]", BROUGHT),
    Mutant("who-joins-keeps-its-priority", BSD4, "    t.policy[HOLDS_TO_NS] = 0  # its", "    # its", f"{PLAYED}::test_who_joins_a_group_that_has_used_less_gets_its_priority_at_the_next_look"),
    Mutant("each-thread-brings-its-usage", BSD4, "    if swap_in_group(m, g, GROUP_SECOND, 0, now // SECOND_NS + 1):\n        add_to_group", "    swap_in_group(m, g, GROUP_SECOND, 0, now // SECOND_NS + 1)\n    if est_ns > 0:\n        add_to_group", BROUGHT),
    Mutant("group-above-the-limit", BSD4, "        left_ns = min(est_ns, most_ns)\n", "        left_ns = est_ns\n", f"{PLAYED}::test_usage_of_a_group_stays_below_the_limit"),
    # --- eevdf ----------------------------------------------------------------------------------------
    Mutant("group-with-a-weight-for-each-thread", EEVDF, "    return weight if group_of(t) < 0 else _part_of(m, group_of(t), weight)\n", "    return weight\n", f"{SHARED}::test_groups_of_any_size_have_equal_shares_of_a_cpu"),
    Mutant("sleepers-keep-their-part", EEVDF, "    t.policy[ON] = 0\n    _count(m, t, -1)\n", "    t.policy[ON] = 0\n", f"{SHARED}::test_threads_that_sleep_leave_their_part_to_the_others_of_their_group"),
    Mutant("who-wakes-has-no-part", EEVDF, "    _count(m, t, 1)\n", "", f"{SHARED}::test_a_group_counts_its_threads_on_all_cpus"),
    Mutant("who-leaves-is-counted-still", EEVDF, "    _account(m, queue, t)\n    _count(m, t, -1)\n", "    _account(m, queue, t)\n", f"{SHARED}::test_who_joins_and_leaves_while_it_runs_counts_from_there_on"),
    Mutant("who-joins-is-not-counted", EEVDF, "    if group >= 0:\n        add_to_group(m, group, ACTIVE, 1)\n", "", f"{SHARED}::test_who_joins_and_leaves_while_it_runs_counts_from_there_on"),
    Mutant("lag-by-the-former-weight", EEVDF, "        t.policy[LAG] = t.policy[LAG] * t.policy[OWN_WEIGHT] // weight\n", "        pass\n", f"{SHARED}::test_lag_keeps_its_real_length_when_a_thread_wakes_with_another_weight"),
    Mutant("parts-without-end", EEVDF, "min(max(m.groups[g].policy[ACTIVE], 1), MOST_PARTS), LEAST_WEIGHT)", "max(m.groups[g].policy[ACTIVE], 1), 1)", f"{SHARED}::test_no_part_is_less_than_a_64th_or_the_least_weight"),
    # --- save areas -----------------------------------------------------------------------------------
    Mutant("save-area-taken-without-lock", AREA, "    acquire(m, me, lock, lockrank.SAVE_AREAS)\n    at = ", "    at = ", OWNERS),
    Mutant("save-area-given-back-without-lock", AREA, "    acquire(m, me, lock, lockrank.SAVE_AREAS)\n    m.save_arena", "    m.save_arena", OWNERS),
    Mutant("save-area-with-former-words", AREA, "    for k in range(1, words):\n        m.save_arena[at + k] = 0\n", "", f"{AREAS}::test_each_thread_has_the_size_that_was_asked_for_all_words_0_and_its_own"),
    Mutant("save-area-too-small", AREA, "8 * (words_of(c) - 1) < size_bytes", "8 * words_of(c) < size_bytes", f"{AREAS}::test_each_thread_has_the_size_that_was_asked_for_all_words_0_and_its_own"),
    Mutant("save-areas-beyond-the-arena", AREA, "m.fresh_save_word + words <= SAVE_ARENA_WORDS", "words <= SAVE_ARENA_WORDS", f"{AREAS}::test_a_pool_that_is_used_up_refuses_and_is_as_good_as_before_when_one_comes_back"),
    Mutant("save-area-of-an-ended-thread-kept", SPARES, "    if t.save_area != 0:\n        free_save_area(m, me, i)  # before the record is somebody else's\n", "", f"{AREAS}::test_the_pool_grows_once_and_gives_nothing_back"),
    Mutant("record-says-an-area-that-is-free", AREA, "    t.save_area = 0\n    t.save_bytes = 0\n", "", f"{AREAS}::test_the_destructor_has_run_when_the_record_is_anybodys"),
    Mutant("records-recycled-under-locks", SPARES, "    noncritical(m, me)\n", "", CHECKED),
    Mutant("save-area-without-bound", AREA, "    if CHECK and (t.save_area == 0 or k < 0 or 8 * (k + 1) > t.save_bytes):\n", "    if CHECK and t.save_area == 0:\n", CHECKED),
    Mutant("refused-helper-keeps-its-area", "emu/kernel/task/helpers.py", "        free_save_area(m, me, n)\n", "", f"{IO}[errors-one-pool]"),
    Mutant("helper-tells-what-its-registers-say", "emu/kernel/native/aio.py", "    t.x[A0 + 1] = saved(m, t, USER_DATA)\n", "    t.x[A0 + 1] = saved(m, t, USER_DATA) if t.x[18] != -19 else t.x[18]\n", f"{IO}[hostile-one-pool]"),
]  # fmt: skip
