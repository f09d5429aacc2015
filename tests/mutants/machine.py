"""Faults in emu/machine and emu/isa."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

SERVER, ACCESSES, FETCH = "emu/server/process.py", "emu/isa/interpreter/accesses.py", "emu/isa/interpreter/fetch.py"
TASKS = "emu/server/tasks.py"
WATCHDOG = "emu/machine/watchdog.py"
DECODED = "emu/shm/decoded.py"
DECODING = "tests/litmus/test_decoding.py::test_a_decoded_word_is_that_of_the_bytes_or_forgotten_where_without_a_fence_it_is_not"

MUTANTS = [
    Mutant("server-no-look-after-blocked", SERVER, "if waits_for_thread(self.base, i):", "if i < 0:", "tests/systems/test_interrupts.py::test_a_signal_for_a_thread_whose_call_the_server_is_about_to_block_is_taken"),
    Mutant("server-generator-not-seeded", SERVER, 'random.Random(config["seed"])', "random.Random()", "tests/systems/test_interrupts.py::test_what_guests_see_of_chance_comes_from_the_seed"),
    Mutant("server-keeps-a-dead-tasks-files", "emu/kernel/task/reaping.py", "    drop_table(m, me, k)\n    give", "    give", "tests/systems/test_leaving_threads.py::test_a_dead_tasks_files_are_closed"),
    Mutant("supervisor-looks-before-it-takes", "emu/machine/watching.py", "        take_pending(base, SUPERVISOR)\n        if done():\n            return\n", "        if done():\n            return\n        take_pending(base, SUPERVISOR)\n", "tests/systems/test_interrupts.py::test_what_is_done_just_after_the_supervisor_has_looked_does_not_let_it_sleep"),
    Mutant("sc-keeps-its-reservation", ACCESSES, "    mine = c.reservation == host\n    c.reservation = 0\n", "    mine = c.reservation == host\n", "tests/isa/test_memory.py"),
    Mutant("sc-anywhere", ACCESSES, "mine = c.reservation == host", "mine = c.reservation != 0", "tests/isa/test_memory.py"),
    Mutant("sc-by-store", ACCESSES, "return 1 - compare_exchange_64(host, c.reserved_value, value)", "store_64(host, value)\n        return 0", "tests/litmus/test_memory_model.py::test_store_conditional_fails_after_a_store_of_another_cpu"),
    Mutant("store-keeps-decoded-code", ACCESSES, "            store_8(host, value)\n        invalidate(m, host, size)\n", "            store_8(host, value)\n", "tests/isa/test_memory.py"),
    Mutant("store-across-pages-keeps-decoded-code", ACCESSES, "        invalidate(m, second, size - here)\n", "", "tests/isa/test_memory.py"),
    Mutant("decoded-not-verified", FETCH, "        if again == bits:\n            return\n", "        if again == again:\n            return\n", DECODING),
    Mutant("decoded-no-fence", FETCH, "        fence()  # word before bytes", "        # word before bytes", DECODING),
    Mutant("invalidate-no-fence", DECODED, "    fence()  # bytes before mark", "    # bytes before mark", "tests/litmus/test_decoding.py::test_the_first_fetch_sees_the_bytes_or_their_writer_sees_its_mark_where_without_a_fence_neither_does"),
    Mutant("reservation-kept-by-shoot-down", "emu/kernel/vm/shootdown.py", "        flush_tlb(m, cpu)\n        c.reservation = 0\n", "        flush_tlb(m, cpu)\n", survives="an sc translates its address anew and compares host addresses, so it notices without this that a mapping was taken away"),
    Mutant("misaligned-atomic", ACCESSES, "    if va & (size - 1) != 0:\n        c.cause = CAUSE_MISALIGNED_AMO", "    if va < 0:\n        c.cause = CAUSE_MISALIGNED_AMO", "tests/isa/test_traps.py"),
    Mutant("job-records-keep-their-generation", "emu/kernel/task/records.py", "    j.generation += 1\n    j.next_free = m.free_job", "    j.next_free = m.free_job", "tests/machine/test_jobs.py"),
    Mutant("job-accounts-not-reset", "emu/kernel/task/records.py", '    exchange(j, "slices", 0)\n', "", "tests/machine/test_jobs.py"),
    Mutant("unplaced-jobs-keep-their-record", TASKS, "            tasks.recycle_job(self.base, SERVER, job)\n            raise", "            raise", "tests/machine/test_jobs.py"),
    Mutant("forked-child-keeps-the-lifeline", "emu/machine/children.py", "        _forkserver.forget()\n        _forkserver._process.returncode = 0", "        _forkserver._process.returncode = 0", survives="the pidfd of the supervisor ends everything as well"),
    Mutant("forked-child-keeps-the-memory", "emu/machine/machine.py", "            self.window.abandon()\n", "            pass\n", "tests/machine/test_kills.py::test_a_scripts_end_leaves_nothing_even_while_a_process_that_it_forked_lives"),
    Mutant("forked-child-leaves-the-machine", "emu/machine/machine.py", "if self._state in (BOOTING, RUNNING) and self._owner == os.getpid():", "if self._state in (BOOTING, RUNNING):", "tests/machine/test_ownership.py"),
    Mutant("answers-without-numbers", "emu/machine/asking.py", "                self._take_answer(reply)\n", "                self._answers[number] = reply\n", "tests/machine/test_ownership.py::test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_the_next"),
    Mutant("interrupted-spawn-keeps-its-job", "emu/machine/asking.py", "                undo(*reply[\"result\"])\n", "                pass\n", "tests/machine/test_jobs.py"),
    Mutant("call-not-repeated", "emu/machine/asking.py", "                remind()\n", "                pass\n", "tests/systems/test_calls.py"),
    Mutant("leaving-cpu-takes-no-message", "emu/cpu_worker/process.py", 'if window.machine["cpus"][cpu]["parked"] == MESSAGE_COMING:  # its sender', 'if cpu < 0:  # its sender', "tests/cpu_worker/test_process.py"),
    Mutant("no-signals-while-a-process-ends", "emu/machine/cpus.py", "            self._at_safe_point()\n            self._check()\n            process.join(LOOK_S)", "            process.join(LOOK_S)", "tests/systems/test_hotplug.py::test_ctrl_c_is_heeded_while_a_cpu_that_has_left_waits_for_its_wake_up_to_arrive"),
    Mutant("who-does-not-wait-for-a-removal-waits-for-its-end", "emu/machine/cpus.py", "            if wait:\n                self._await_end", "            if cpu >= 0:\n                self._await_end", "tests/systems/test_hotplug.py::test_a_wake_up_of_a_cpu_that_leaves_arrives_however_late"),
    Mutant("garbage-keeps-windows", "emu/shm/segment.py", "                    gc.collect()", "                    pass", "tests/shm/test_segment.py"),
    Mutant("leaving-cpu-drops-its-wake-ups", "emu/cpu_worker/process.py", "mail.close(LINGER_MS if window.machine[\"failed\"] else DELIVERED)", "mail.close(LINGER_MS)", "tests/systems/test_hotplug.py::test_a_wake_up_of_a_cpu_that_leaves_arrives_however_late"),
    Mutant("call-waits-for-its-payload", "emu/cpu_worker/process.py", "        while more:\n", "        while True:\n            self._socket.setsockopt(zmq.RCVTIMEO, 100)\n", "tests/systems/test_calls.py"),
    Mutant("children-heed-the-supervisors-signals", "emu/machine/forkserver.py", "    ignore_supervisors_signals()\n    supervisor", "    supervisor", survives="they stay blocked, as they were started"),
    Mutant("children-start-with-signals", "emu/machine/children.py", "            with started_ignoring():\n                self._process", "            if True:\n                self._process", "tests/machine/test_kills.py::test_signals_to_the_group_never_reach_a_child"),
    Mutant("second-signal-waits-for-the-first", "emu/commands/ending.py", "    if _ends:\n        return  # called within the call that ends the process\n", "", "tests/tools/test_ctrl_c.py::test_a_second_signal_while_the_first_ends_the_process_does_not_hold_it_up"),
    Mutant("one-cpu-that-was-held-up-is-enough", WATCHDOG, "if not reasons or not all(reasons.values()):", "if not reasons or not any(reasons.values()):", "tests/machine/test_watchdog.py"),
    Mutant("thread-that-runs-now-and-then-starves", WATCHDOG, "seen = {(int(i), int(threads[\"slices\"][i]), int(threads[\"generation\"][i])) for i in runnable}", "seen = {(int(i), 0, int(threads[\"generation\"][i])) for i in runnable} if len(runnable) else set(self._waiting)", "tests/machine/test_watchdog.py"),
    Mutant("holder-that-comes-again-hangs", WATCHDOG, "progress = (holder, int(times[queue]))", "progress = (holder, 0)", "tests/machine/test_watchdog.py"),
    Mutant("host-blamed-for-ever", WATCHDOG, "                self._waiting[key] = (now, self._processes(key[0]))\n", "", "tests/machine/test_watchdog.py"),
]  # fmt: skip
