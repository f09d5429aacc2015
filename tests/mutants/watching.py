"""Faults in what watches a machine: pauses, debuggers, snapshots, control from outside, traces and their readers."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

PAUSING, DEBUGGING, STEPPING, INHERIT, EVENTS, BOOKING, RUNQUEUE, WAKING, QUEUES = (
    f"emu/{name}.py"
    for name in (
        "kernel/pausing",
        "kernel/task/debugging",
        "cpu_worker/stepping",
        "kernel/thread/inherit",
        "shm/events",
        "kernel/task/booking",
        "kernel/sched/runqueue",
        "kernel/sched/waking",
        "kernel/sched/queues",
    )
)
PACKETS, SERVER, STUB, TARGET = (f"emu/debug/gdb/{name}.py" for name in ("packets", "server", "stub", "target"))
SNAPSHOT, CONTROL, PAUSES = (f"emu/machine/{name}.py" for name in ("snapshot", "control", "pausing"))
GUEST_MEMORY, UNWIND, LOCKS, GRAPH = (f"emu/debug/{name}.py" for name in ("guest_memory", "unwind", "locks", "graph"))
LEVELS, CONTENTION, TILES, SERIES = (f"emu/trace/report/{name}.py" for name in ("levels", "locks", "tiles", "series"))
PUBLISH, SCREEN, ON_PUBLISH = "emu/live/publish.py", "emu/live/screen.py", "tests/live/test_publish.py"
ON_GRAPH, FIGURES, ROWS = (
    "tests/debug/test_graph.py",
    "tests/trace/report/test_figures.py",
    "tests/trace/report/test_timeline.py",
)
FILE, HISTORY, WAKERS, OUTPUT, WAITS, CHECKER = (
    f"emu/trace/{name}.py" for name in ("file", "history", "wakers", "output", "waits", "check")
)
FLOWS, SCHED, TRACKS = (f"emu/trace/perfetto/{name}.py" for name in ("flows", "sched", "tracks"))
ON_SERVER, ON_PACKETS = "tests/debug/gdb/test_server.py", "tests/debug/gdb/test_packets.py"
SESSION, TOLD = "tests/debug/gdb/test_session.py", "tests/debug/gdb/test_events.py"
NO_PROTOCOL = f"{ON_SERVER}::test_what_is_no_protocol_ends_the_session_in_one_line_and_the_program_goes_on"
MORE_POINTS = f"{ON_SERVER}::test_more_points_than_there_is_room_for_are_refused"
PAUSED = "tests/machine/test_pausing.py"
RACED = "tests/litmus/test_pausing.py"
TOLD_OF = f"{RACED}::test_who_is_told_that_a_cpu_stands_finds_that_it_does_and_no_interrupt_is_slept_through"
SAID_WHY = "tests/kernel/sched/test_recording.py"

MUTANTS = [
    # --- pauses ---------------------------------------------------------------------------------------
    Mutant("pause-without-a-fence", PAUSING, '    fetch_or(m, "paused", why)  # before tlb_active is read; pairs with activate_tlb\n', '    m.paused |= why\n', RACED),
    Mutant("pause-parks-over-an-interrupt", PAUSING, 'if load_seq_cst(c, "pending") == 0:  # that', 'if True:  # that', TOLD_OF),
    Mutant("pause-told-before-it-stands", PAUSING, "    deactivate_tlb(m, me)\n    send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)  # after that: pairs with all_stand\n", "    send_ipi(m, me, SUPERVISOR, IPI_RESCHEDULE)\n    deactivate_tlb(m, me)\n", TOLD_OF),
    Mutant("pause-ends-whatever-else-holds", PAUSING, '"paused", old, old & ~why)', '"paused", old, 0)', "tests/kernel/test_pausing.py"),
    Mutant("pause-uses-up-the-slice", PAUSING, "        c.slice_end_ns += gap\n", "        c.slice_end_ns += 0\n", f"{PAUSED}::test_a_slice_is_as_long_as_without_a_pause"),
    Mutant("pause-kept-when-interrupted", PAUSES, "        except BaseException:\n            self._go_on()", "        except ValueError:\n            self._go_on()", f"{PAUSED}::test_a_pause_that_is_interrupted_is_none"),
    Mutant("ended-while-paused-by-a-stop", PAUSES, 'if self.window.machine["paused"] and not self._failed():', "if self._pauses:", f"{PAUSED}::test_a_machine_in_which_a_thread_has_stopped_for_its_debugger_ends"),
    # --- control from outside -------------------------------------------------------------------------
    Mutant("control-takes-requests-of-any-length", CONTROL, "        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)\n", "", "tests/machine/test_control.py"),
    Mutant("control-serves-without-end", CONTROL, "        for _ in range(AT_ONCE):\n", "        while True:\n", "tests/machine/test_control.py"),
    Mutant("control-takes-the-first-part", CONTROL, "_unpacked(parts[0]) if len(parts) == 1 else None", "_unpacked(parts[0])", "tests/machine/test_control.py"),
    # --- threads under a debugger ---------------------------------------------------------------------
    Mutant("held-thread-goes-on", DEBUGGING, "if gate & TASK_STOPPED == 0 and m.threads[i].debug & DEBUG_HELD == 0:", "if gate & TASK_STOPPED == 0:", f"{TOLD}::test_a_thread_that_is_born_while_others_are_held_is_held_too"),
    Mutant("signal-passed-for-good", DEBUGGING, "        t.debug &= ~DEBUG_PASS\n        return False\n    stop_for_debugger(m, me, i, STOP_SIGNAL", "        return False\n    stop_for_debugger(m, me, i, STOP_SIGNAL", f"{TOLD}::test_a_signal_that_the_program_was_given_says_nothing_of_the_next_one"),
    Mutant("thread-born-beside-held-ones-runs", INHERIT, "new.debug = DEBUG_HELD if t.debug & DEBUG_ALONE else 0", "new.debug = 0", f"{TOLD}::test_a_thread_that_is_born_while_others_are_held_is_held_too"),
    Mutant("stepper-deaf-to-interrupts", STEPPING, '    while left > 0 and load_relaxed(c, "pending") == 0:\n', "    while left > 0:\n", survives="the budget bounds how long it is deaf, and a thread that is stepped through is soon at its end: later, not wrong"),
    Mutant("watched-block-not-aligned", STEPPING, "        low &= -BLOCK_BYTES\n", "        low &= -1\n", f"{TOLD}::test_a_block_of_zeros_is_stored_to_from_its_beginning"),
    Mutant("step-stops-where-it-begins", STEPPING, "begins = steps  # a step", "begins = False  # a step", f"{ON_SERVER}::test_a_step_leaves_the_breakpoint_on_which_it_begins"),
    Mutant("breakpoint-of-nobody-is-a-trap", STEPPING, "            reason = call_4(c.interpret, address_of(m), me, i, ONE)  # it has just been taken away\n", "", f"{TOLD}::test_code_that_is_mapped_twice_stops_where_the_breakpoint_is_set"),
    # --- gdb's packets and the machine ----------------------------------------------------------------
    Mutant("packet-without-end-kept", PACKETS, "if len(self._kept) > MAX_BYTES:", "if len(self._kept) < 0:", f"{NO_PROTOCOL}[endless]"),
    Mutant("wrong-checksums-without-end", PACKETS, "if self._refused > MAX_REFUSED:", "if self._refused < 0:", f"{NO_PROTOCOL}[checksums]"),
    Mutant("wrong-checksums-of-a-day-added-up", PACKETS, "        self._refused = 0\n        if self.acknowledges:", "        if self.acknowledges:", ON_PACKETS),
    Mutant("packets-without-end-kept", SERVER, "if len(self._queue) > MOST_WAITING:", "if len(self._queue) < 0:", f"{NO_PROTOCOL}[flood]"),
    Mutant("second-client-left-waiting", SERVER, "        self._waiting.close()  # any other client is refused\n        self._waiting = None\n", "", f"{ON_SERVER}::test_a_second_client_is_refused_and_the_first_one_goes_on"),
    Mutant("stop-of-a-leaver-stands-for-ever", SERVER, "            elif not self._target.ended:\n                self._target.resume_after_nothing()\n", "", f"{ON_SERVER}::test_the_program_goes_on_when_whoever_stopped_has_left"),
    Mutant("memory-in-packets-of-any-length", STUB, "min(count, PACKET_BYTES // 2 - 8)", "count", f"{ON_SERVER}::test_no_answer_is_longer_than_a_packet"),
    Mutant("watchpoints-beyond-their-number", TARGET, "len(self.watchpoints) == MAX_WATCHPOINTS or size <= 0", "size <= 0", f"{MORE_POINTS}[watch]"),
    Mutant("breakpoints-beyond-their-number", TARGET, "if len(self.breakpoints) == MAX_BREAKPOINTS or not self.peek", "if not self.peek", f"{MORE_POINTS}[break]"),
    Mutant("step-and-watch-of-another-thread-forgotten", TARGET, '        if any(int(threads[i]["debug_stop"]) in (STOP_WATCH, STOP_STEP) for i in chosen):\n            return False\n', "", "tests/debug/gdb/test_target.py"),
    Mutant("left-program-still-debugged", TARGET, "            mark_debugged(self._base, SUPERVISOR, self.index, 0)\n", "", f"{ON_SERVER}::test_a_program_that_was_let_go_stops_at_no_signal"),
    Mutant("next-task-of-the-record-debugged", TARGET, 'same = int(k["generation"]) == HANDLE.get(self._task, "generation") and int(k["state"])', 'same = int(k["state"])', "tests/debug/gdb/test_target.py"),
    # --- hostile memory, snapshots --------------------------------------------------------------------
    Mutant("snapshot-header-of-any-length", SNAPSHOT, "file.read(min(size, MAX_HEADER_BYTES))", "file.read(size)", "tests/machine/test_snapshot.py"),
    Mutant("snapshot-waits-for-a-writer", SNAPSHOT, "flags | os.O_NONBLOCK | os.O_NOCTTY", "flags", "tests/machine/test_snapshot.py"),
    Mutant("snapshot-page-beyond-the-memory", SNAPSHOT, "0 < length <= size - start", "0 < length", "tests/machine/test_snapshot.py"),
    Mutant("addresses-wrap-round", GUEST_MEMORY, "        if not 0 <= va < USER_TOP:\n            return 0\n", "", "tests/debug/test_unwind.py"),
    Mutant("page-table-beyond-the-memory", GUEST_MEMORY, "            if not 0 <= table < self._frames:\n                return 0\n", "", "tests/debug/test_unwind.py"),
    Mutant("stack-goes-down-again", UNWIND, " or self._registers[SP] < sp:", ":", "tests/debug/test_unwind.py"),
    Mutant("lock-held-by-no-actor", LOCKS, "if 0 < holder <= MAX_ACTORS", "if 0 < holder", "tests/debug/test_locks.py"),
    Mutant("pause-is-no-event", PAUSING, "    emit_at(m, me, now, PAUSED, -1, gap, 0)\n", "", f"{PAUSED}::test_a_slice_is_as_long_as_without_a_pause"),
    Mutant("pause-counts-as-a-slice", CHECKER, " - self.waits.paused_ns(t.queue, since_ns)", "", "tests/trace/test_check.py"),
    Mutant("pause-counts-as-a-wait", WAITS, 'elif name in ("host-stall", "paused"):', 'elif name == "host-stall":', "tests/trace/test_waits.py"),
    Mutant("size-of-the-terminal-by-signal-alone", SCREEN, "        changed = _fit(screen) or changed\n", "", "tests/tools/test_top.py"),
    # --- events and their readers ---------------------------------------------------------------------
    Mutant("wait-for-the-reader-forgotten", EVENTS, 'while c.events_limit == c.events_head and load_relaxed(m, "tracing") == TRACING_WAITS:', 'while c.events_limit < c.events_head and load_relaxed(m, "tracing") == TRACING_WAITS:', "tests/litmus/test_eventrings.py::test_no_event_is_lost_where_writers_wait_for_their_reader"),
    Mutant("accounts-kept-without-end", BOOKING, "    if n < MAX_LEFT_THREADS:\n", "    if n >= 0:\n", "tests/machine/test_report_threads.py::test_more_threads_than_are_kept_are_counted"),
    Mutant("cause-of-a-wake-up-serves-later-ones", WAKING, "    m.cpus[me].wake_cause = 0\n", "", f"{SAID_WHY}::test_a_signal_that_ends_a_sleep_is_told_apart_from_a_time_out[inko]"),
    Mutant("missing-rounds-unnoticed", FILE, "if first != expected or not", "if not", "tests/trace/test_file.py"),
    Mutant("late-events-out-of-order", FILE, "            tail[:] = tail[np.argsort(tail[\"time_ns\"], kind=\"stable\")]\n", "            pass\n", "tests/trace/test_file.py"),
    Mutant("file-that-grows-has-no-room", FILE, "        if self._used + len(now) > len(self._events):  # the file has grown meanwhile\n", "        if self._used < 0:\n", "tests/trace/test_file.py"),
    Mutant("failed-round-moves-the-horizon", FILE, '        if not frame["failed"]:\n', "        if True:\n", "tests/trace/test_file.py"),
    Mutant("loss-at-the-end-unnoticed", HISTORY, '            if count > lost["a"][lost["actor"] == actor].sum():', "            if count < 0:", "tests/trace/test_history.py"),
    Mutant("waker-of-another-record", WAKERS, "known = (at >= 0) & (spawns[\"thread\"][spawn] == threads)", "known = at >= 0", "tests/trace/test_wakers.py"),
    Mutant("claimed-wake-keeps-its-sleeps-number", WAKERS, "        call[k] = 0\n", "", "tests/trace/test_wakers.py"),
    Mutant("read-only-file-replaced", OUTPUT, "            os.close(os.open(target, os.O_WRONLY))  # one that may not be written is not replaced either\n", "            pass\n", "tests/trace/test_output.py"),
    Mutant("end-of-another-run-gives-its-state", SCHED, "(next_tids == IDLE) & (prev == chunk.tids[positions])", "(next_tids == IDLE)", "tests/trace/perfetto/test_sched.py"),
    Mutant("thread-wakes-itself", SCHED, "np.isin(causes, self._numbers(UNTOLD, \"thread\")) & (running != chunk.tids[wakes])", "np.isin(causes, self._numbers(UNTOLD, \"thread\"))", "tests/trace/perfetto/test_sched.py::test_a_trace_of_version_1_knows_wakers_by_what_ran"),
    Mutant("spans-overlap", TRACKS, "np.minimum(np.maximum(found[1:], ends[:-1] + 1), ends[1:])", "found[1:]", "tests/trace/perfetto/test_tracks.py"),
    # --- telemetry ------------------------------------------------------------------------------------
    Mutant("topics-without-end", PUBLISH, 'elif message[:1] == b"\\1" and len(self._topics) < MOST_TOPICS:', 'elif message[:1] == b"\\1":', ON_PUBLISH),
    Mutant("sample-over-a-silence", PUBLISH, "            before = None\n", "            pass\n", ON_PUBLISH),
    Mutant("last-subscriber-unnoticed", PUBLISH, "                    self._topics.discard(message[1:])\n", "                    pass\n", ON_PUBLISH),
    # --- who waits for whom, and the report's figures ---------------------------------------------------
    Mutant("mutex-held-by-its-waiter", GRAPH, "owner >= 0 and owner != waiter and", "owner >= 0 and", ON_GRAPH),
    Mutant("mutex-held-in-another-task", GRAPH, " and self._inspector.task_of(owner) == k else -1", " else -1", ON_GRAPH),
    Mutant("mutex-of-glibc-without-holder", GRAPH, "        if word in GLIBC_LOCKED:\n", "        if word == 99:\n", ON_GRAPH),
    Mutant("any-word-is-a-mutex", GRAPH, "        elif not word & WAITERS:\n            return -1\n", "", ON_GRAPH),
    Mutant("joined-however-far-away", GRAPH, "at < len(ends) and ends[at][0] - address <= JOIN_BYTES", "at < len(ends)", ON_GRAPH),
    Mutant("joined-whatever-the-word-says", GRAPH, "if word is not None and word <= LAST_DETACH_STATE else -1", "if word is not None else -1", ON_GRAPH),
    Mutant("partner-that-cannot-be", GRAPH, "        if not -1 <= partner < MAX_THREADS:\n", "        if partner < -1:\n", ON_GRAPH),
    Mutant("holder-that-does-not-exist", GRAPH, "holder if self._inspector.exists(holder) else -1, likely", "holder, likely", ON_GRAPH),
    Mutant("circle-with-its-tail", GRAPH, "found.append(path[path.index(i) :])", "found.append(path)", ON_GRAPH),
    Mutant("mutex-of-a-task-that-cannot-be", GRAPH, ' and k < len(inspector.machine["tasks"])', "", ON_GRAPH),
    Mutant("mutex-before-the-first-task", GRAPH, "right = address >= 0 and rest", "right = rest", ON_GRAPH),
    Mutant("claimed-wake-up-untold", QUEUES, "        record_claim(m, me, now_ns(m), i, sequence)\n", "", f"{SAID_WHY}::test_who_claims_a_sleep_is_told_also_where_the_sleepers_own_cpu_completes_the_wake_up"),
    Mutant("longest-of-a-bin-is-the-first", LEVELS, 'order = np.argsort(share, kind="stable")  # the', "order = np.arange(len(share))  # the", ROWS),
    Mutant("bin-of-two-chunks-has-the-longer-part", LEVELS, "*_summed(np.concatenate(keys), np.concatenate(shares)), most", "np.concatenate(keys), np.concatenate(shares), most", ROWS),
    Mutant("short-run-leaves-no-trace-in-its-bin", LEVELS, "np.ceil(np.minimum(busy, 1) * 255)", "np.floor(np.minimum(busy, 1) * 255)", ROWS),
    Mutant("lock-of-all-tasks", CONTENTION, "        pair += tasks[self.thread].astype(np.int64) * len(known)\n", "", FIGURES),
    Mutant("timed-sleeps-on-locks-left-out", CONTENTION, "np.isin(sleeps.reason & ~timed, futex)", "np.isin(sleeps.reason, futex)", FIGURES),
    Mutant("chain-of-sleeps-that-do-not-meet", CONTENTION, "if len(mine) and overlap.max() > 0 else None", "if len(mine) else None", FIGURES),
    Mutant("chain-without-end", CONTENTION, "k is not None and k not in seen and len", "k is not None and len", FIGURES),
    Mutant("stall-counts-for-idle-time", SERIES, "        pieces = np.diff(coverage.until(cuts)) * inside\n", "        pieces = np.diff(cuts) * inside\n", FIGURES),
    Mutant("run-not-found-is-another", TILES, "(self._sorted[slot] == asked) & (asked >= 0)", "asked >= 0", ROWS),
    Mutant("global-queue-is-stolen-from", TILES, ' & (queue != s.machine["global_queue"])', "", ROWS),
]  # fmt: skip
