"""Faults in worlds: what is a switch point, what a strategy is asked, weak memory, what makes a schedule repeatable."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

STORES, LOADS, WEAK_RUN, EVENTS, DECIDING, ORDER, SHARED = (
    f"emu/world/{name}.py"
    for name in ("weak_stores", "weak_loads", "weak_run", "events", "deciding", "order", "shared")
)
PRIORITIES, SEARCH = "emu/world/priorities.py", "emu/explore/exhaustive.py"
AXIOMS = "tests/explore/test_exhaustive.py::test_it_finds_what_the_axioms_allow"
IMPORTANT = "tests/explore/test_world.py::test_a_thread_runs_only_where_none_that_could_is_more_important"
WORLD, SEGMENT = "emu/explore/world.py", "emu/shm/segment.py"
SHAPE = "tests/explore/test_litmus.py::test_a_shape_has_all_allowed_outcomes_and_no_other"
DEQUE = "tests/explore/test_litmus.py::test_a_deque_without_its_fence_fails_and_with_it_does_not"
REPEATED = "tests/explore/test_world.py::test_a_schedule_is_the_same_in_every_order_and_in_another_world"
EVERY = "tests/explore/test_exhaustive.py"
TWICE = "tests/explore/test_campaign.py::test_a_schedule_in_which_an_index_of_a_thread_is_used_twice_is_repeated_by_its_switches"


def _shape(name, model="rvwmo"):
    return f"{SHAPE}[{name}-{model}]"


MUTANTS = [
    # --- weak memory ------------------------------------------------------------------------------------
    Mutant(
        "fence-lets-stores-pass",
        WEAK_RUN,
        "        own.epoch += 1\n",
        "        own.epoch += 0\n",
        _shape("MP+fence.w.w+addr"),
    ),
    Mutant(
        "fence-lets-loads-be-early",
        WEAK_RUN,
        "        own.bound = max(own.bound, own.newest)\n",
        "        own.bound = max(own.bound, 0)\n",
        _shape("MP+fence.w.w+fence.r.r"),
    ),
    Mutant(
        "full-fence-drains-nothing",
        WEAK_RUN,
        "        if not drain_turns(m, w, me, i, ANY):\n            return _passes(m, w, me, i)\n        own.bound",
        "        own.bound",
        _shape("SB+fences"),
    ),
    Mutant(
        "fence-lets-loads-be-late",
        WEAK_RUN,
        "    if imm & PRED_R and not load_turns(m, w, me, i, ALL, ALL):\n        return _passes(m, w, me, i)\n",
        "",
        _shape("LB+fence.r.w"),
    ),
    Mutant(
        "address-does-not-order-loads",
        WEAK_RUN,
        "        return _load(m, w, me, i, op, va, rd, own.times[r1])\n",
        "        return _load(m, w, me, i, op, va, rd, 0)\n",
        _shape("MP+fence.w.w+addr"),
    ),
    Mutant(
        "dependence-ends-at-arithmetic",
        WEAK_RUN,
        "            own.times[rd] = max(own.times[r1], own.times[r2])\n",
        "            own.times[rd] = 0\n",
        _shape("MP+fence.w.w+addr"),
    ),
    Mutant(
        "own-stores-are-not-seen",
        STORES,
        "            if b.used != 0 and b.order == order and b.at == at:\n",
        "            if b.used < 0 and b.order == order and b.at == at:\n",
        _shape("CoWR"),
    ),
    Mutant(
        "stores-to-a-word-pass-each-other",
        STORES,
        "(k.model == TSO or o.at == b.at or o.epoch < b.epoch)",
        "(k.model == TSO or o.epoch < b.epoch)",
        _shape("CoWW"),
    ),
    Mutant(
        "tso-stores-pass-each-other",
        STORES,
        "(k.model == TSO or o.at == b.at or o.epoch < b.epoch)",
        "(o.at == b.at or o.epoch < b.epoch)",
        _shape("MP", "tso"),
    ),
    Mutant(
        "loads-of-a-word-go-back", LOADS, "    k.views[place] = max(k.views[place], version.time)\n", "", _shape("CoRR")
    ),
    Mutant(
        "loads-are-never-early",
        LOADS,
        "    if first == newest or draw & 1 != 0:\n",
        "    if first <= newest:\n",
        _shape("MP+fence.w.w+ctrl"),
    ),
    Mutant(
        "loads-are-never-late",
        LOADS,
        "    if chance(k, i, w.threads[i].events, LATE) & 3 != 0:\n",
        "    if chance(k, i, w.threads[i].events, LATE) >= 0:\n",
        _shape("LB"),
    ),
    Mutant(
        "stores-wait-while-pages-go",
        EVENTS,
        "        settle(m, w)\n",
        "        pass\n",
        "tests/explore/test_litmus.py::test_a_store_that_waits_does_not_reach_a_page_that_is_no_longer_there",
    ),
    Mutant(
        "who-waits-without-an-event-goes-on",
        ORDER,
        "        m.cpus[queue].resched = 1\n",
        "        pass\n",
        "tests/explore/test_litmus.py::test_a_store_that_waits_does_not_reach_a_page_that_is_no_longer_there",
    ),
    # --- schedules that repeat --------------------------------------------------------------------------
    Mutant(
        "memory-is-not-restored",
        SEGMENT,
        "        for address, size in self._mapping.mapped[:3]:\n            _libc.madvise(",
        "        for address, size in self._mapping.mapped[2:3]:\n            _libc.madvise(",
        REPEATED,
    ),
    Mutant(
        "chance-is-not-the-number's",
        WORLD,
        'w["random"] = first_state(self.seed, number)',
        'w["random"] = first_state(self.seed, int(w["random"]) & 0xFFFF)',
        REPEATED,
    ),
    Mutant("events-of-an-index-begin-anew", ORDER, "    if thread >= w.nr_threads:", "    if thread >= 0:", TWICE),
    Mutant(
        "granted-threads-ask-again",
        DECIDING,
        "    w.threads[i].granted = int(w.threads[i].kind != NOTHING)\n",
        "    w.threads[i].granted = 0\n",
        "tests/explore/test_strategies.py::test_a_thread_is_asked_once_before_each_event",
    ),
    # --- switch points ----------------------------------------------------------------------------------
    Mutant(
        "no-switch-before-stores",
        EVENTS,
        "    kind = WRITE if access == ACCESS_WRITE or c.atomic == RESERVES else READ\n",
        "    kind = WRITE if c.atomic == RESERVES else READ\n    if access == ACCESS_WRITE:\n        return host\n",
        EVERY,
    ),
    Mutant("nothing-is-shared", SHARED, "        n.shared = 1\n", "        n.shared = 0\n", EVERY),
    Mutant(
        "quiet-calls-are-switch-points",
        EVENTS,
        "    is_quiet = w.all_calls == 0 and",
        "    is_quiet = w.all_calls < 0 and",
        "tests/explore/test_world.py::test_calls_that_nobody_notices_are_no_switch_points_unless_libraries_are_explored",
    ),
    Mutant(
        "a-reservation-may-be-lost-to-a-switch",
        EVENTS,
        "    is_same_event = c.atomic == CONDITIONAL and",
        "    is_same_event = c.atomic > CONDITIONAL and",
        "tests/explore/test_exhaustive.py::test_a_load_reserved_and_its_store_are_one_event",
    ),
    # --- every schedule ----------------------------------------------------------------------------------
    Mutant(
        "who-depends-sleeps-on-in-the-search",
        SEARCH,
        "        return {who: other for who, other in asleep.items() if not other.depends_on(event)}\n",
        "        return dict(asleep)\n",
        AXIOMS,
    ),
    Mutant(
        "waiting-stores-are-no-choice-of-the-search",
        SEARCH,
        "            could[who] = _Event(who, CALL if who == CLOCK else WRITE, at)\n",
        "            pass\n",
        AXIOMS,
    ),
    Mutant(
        "a-bound-that-cut-something-off-is-whole",
        SEARCH,
        "                    if node.preemptions + costs > self._bound:\n                        self.is_whole = False\n",
        "                    if node.preemptions + costs > self._bound:\n",
        "tests/tools/test_teach.py::test_a_bug_is_found_told_mended_and_all_schedules_are_played[dining]",
    ),
    Mutant(
        "two-stores-to-a-word-do-not-depend",
        SEARCH,
        " and WRITE in (self.kind, other.kind))",
        " and self.kind != other.kind)",
        AXIOMS,
    ),
    # --- priorities and time ------------------------------------------------------------------------------
    Mutant(
        "nobody-is-held-back",
        PRIORITIES,
        "        if thread < PSEUDO and m.threads[thread].realtime < top:\n",
        "        if thread < 0:\n",
        IMPORTANT,
    ),
    Mutant("less-important-threads-go-on", PRIORITIES, "    return own == top\n", "    return True\n", IMPORTANT),
    Mutant(
        "a-deadline-that-has-come-is-none",
        WORLD,
        '        if self.machine["queues"][0]["nr_runnable"]:\n            return True\n',
        "",
        IMPORTANT,
    ),
    Mutant(
        "no-time-passes-from-the-snapshot-on",
        WORLD,
        "        self._offer_time()\n        self.first_output",
        "        self.first_output",
        IMPORTANT,
    ),
]
