"""Faults in descriptor tables, open files and pipes."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

PIPE = "emu/kernel/files/pipe.py"
TABLE = "emu/kernel/files/table.py"
CALLS = "emu/kernel/linux/files.py"
PIPES = "tests/litmus/test_pipes.py"
SLEEPS = f"{PIPES}::test_a_reader_does_not_sleep_over_a_write_or_the_last_close"
RECORDS = f"{PIPES}::test_records_of_several_writers_arrive_whole_and_in_order"
CLOSES = f"{PIPES}::test_of_two_closes_of_one_descriptor_one_works"
PROGRAMS = "tests/guests/test_programs.py::test_program_finds_nothing_wrong[pipes-inko-2]"
TABLES = "tests/kernel/files/test_files.py"
SOCKETS = (
    "tests/litmus/test_sockets.py::test_a_socket_is_closed_once_a_lost_write_is_told_and_what_travels_is_not_read_over"
)
TRAVELS = "tests/server/calls/test_sockets.py"

SERVERS = "tests/systems/test_file_server.py"
DESCRIPTIONS = "emu/kernel/files/descriptions.py"
SAME = f"{SERVERS}::test_files_are_the_same_on_a_file_server_and_on_the_machines_own_file_system[2-inko]"

MUTANTS = [
    Mutant("closed-file-put-where-nobody-looks", DESCRIPTIONS, '    there = load_seq_cst(server, "is_listed") != 0 and tid_of(m, n) == tid', "    there = tid_of(m, n) == tid", "tests/litmus/test_closed_files.py"),
    Mutant("file-server-that-leaves-keeps-closed-files", "emu/kernel/task/exiting.py", "    forget_closed(m, me, i)\n", "", f"{TABLES}::test_a_file_server_that_leaves_takes_nothing_of_its_files_along"),
    Mutant("signals-end-calls-on-files", "emu/kernel/sleep/endings.py", " or t.faulting >= CALL_FORWARDED\n", "\n", SAME),
    Mutant("opened-file-is-noted-late", "emu/kernel/ipc/transfer.py", "        m.descriptions[receiver.held_file - 1].object = receiver.fault_answer\n", "        pass\n", SAME),
    Mutant("call-on-a-file-holds-nothing", "emu/kernel/linux/forwarding.py", "    if not held:\n        hold_description(m, d)", "    if held < 0:\n        hold_description(m, d)", SAME),
    Mutant("working-directory-is-not-looked-for-again", "emu/kernel/linux/forwarding.py", "    if result == -EBADF and _has_moved(m, me, t, number):\n", "    if result == -EBADF and t.pc == 0:\n", SAME),
    Mutant("childs-working-directory-is-not-held", TABLE, "        hold_description(m, c.directory - 1)\n", "        pass\n", SAME),
    Mutant("reader-of-the-working-directory-holds-nothing", "emu/kernel/files/directory.py", "    if d >= 0:\n        hold_description(m, d)\n", "    if d >= 0 and d < 0:\n        hold_description(m, d)\n", SAME),
    Mutant("path-in-a-page-that-is-not-there-is-the-machines", "emu/kernel/linux/forwarding.py", "    if number != GETCWD and (_lacks_string", "    if number != GETCWD and not is_served and (_lacks_string", f"{SERVERS}::test_a_path_in_a_page_that_has_not_been_read_yet_says_whose_it_is_once_it_has"),
    Mutant("timer-is-looked-at-before-its-news", "emu/server/vfs/timer_file.py", "Blocked(None, on=watch)", "Blocked(None, on=self.node)", "tests/server/vfs/test_late_news.py"),
    Mutant("signals-are-looked-at-before-their-news", "emu/server/vfs/signal_file.py", "Blocked(None, on=watch)", "Blocked(None, on=self.node)", "tests/server/vfs/test_late_news.py"),
    Mutant("pipe-write-wakes-nobody", PIPE, "    wakes |= sleepers(p, n > 0 or turns != 0, turns", "    wakes |= sleepers(p, False, turns", SLEEPS),
    Mutant("pipe-close-wakes-nobody", PIPE, "    wakes = tell_of_change(p) | WAKE_READERS | WAKE_WRITERS\n", "    wakes = tell_of_change(p)\n", SLEEPS),
    Mutant("pipe-small-write-in-pieces", PIPE, "    elif n < (want if whole else 1):\n", "    elif n < 1:\n", RECORDS),
    Mutant("pipe-two-writers-at-once", PIPE, "    elif p.writing != 0:\n", "    elif p.writing < 0:\n", RECORDS),
    Mutant("pipe-slot-freed-under-its-writer", PIPE, "        if p.write_end <= slot_end - PAGE_SIZE + RING_BYTES:", "        if p.write_end >= 0:", PROGRAMS),
    Mutant("close-without-the-tables-lock", TABLE, "    lock_table(m, me, f)\n    word = _word(m, f, fd)\n    if word != 0:\n        _clear_word(m, f, fd)\n    unlock_table(m, me, f)\n", "    word = _word(m, f, fd)\n    if word != 0:\n        _clear_word(m, f, fd)\n", CLOSES),
    Mutant("copied-table-holds-nothing", TABLE, "        if word != 0:\n            hold_description(m, description_of(word) - 1)\n    c.taken", "    c.taken", f"{TABLES}::test_many_descriptors_are_found_copied_and_given_back"),
    Mutant("closed-descriptor-stays-taken", TABLE, "    f.taken = min(f.taken, fd)\n", "", f"{TABLES}::test_many_descriptors_are_found_copied_and_given_back"),
    Mutant("server-closes-orphans-after-the-call", "emu/server/process.py", "            self._close_orphans()\n            if request == NOTHING:", "            if request == NOTHING:", "tests/server/test_orphans.py"),
    Mutant("waiting-call-holds-no-file", CALLS, "        t.held_file = d + 1 if held else 0\n        return BLOCK if", "        if held:\n            drop_description(m, me, d)\n        return BLOCK if", PROGRAMS),
    Mutant("interrupted-call-keeps-its-file", "emu/cpu_worker/asking.py", "            let_go(m, me, i)  # the call has ended, or begins anew\n", "            pass\n", PROGRAMS),
    Mutant("socket-held-after-its-last-close", "emu/kernel/files/sockets.py", "    while references > 0:\n", "    while references >= 0:\n", f"{SOCKETS}[holder]"),
    Mutant("socket-closed-without-a-reset", "emu/kernel/files/socket_ends.py", "        if unread and is_connected(role):\n", "        if unread < 0 and is_connected(role):\n", f"{SOCKETS}[closer]"),
    Mutant("socket-reset-forgets-a-write-under-way", PIPE, "    unread = 1 if p.tail != p.head or p.writing != 0 else 0", "    unread = 1 if p.tail != p.head else 0", f"{SOCKETS}[closer]"),
    Mutant("socket-byte-marked-when-it-is-there", "emu/kernel/files/pipe_io.py", "    if moved > 0:\n        _mark_next_byte(m, me, p)  # before readers see it\n    end_writing(m, me, p, moved)\n", "    end_writing(m, me, p, moved)\n    if moved > 0:\n        _mark_next_byte(m, me, p)\n", f"{SOCKETS}[marker]"),
    Mutant("socket-reader-passes-a-mark", PIPE, "        if p.mark != 0 and i != AT_MARK:\n", "        if p.mark < 0 and i != AT_MARK:\n", f"{SOCKETS}[marker]"),
    Mutant("socket-keeps-what-it-will-not-read", "emu/server/vfs/socket.py", "            sockets.close_output(self._files.base, self._files.me, self._former_output)\n        self.drop_travels()\n", "            sockets.close_output(self._files.base, self._files.me, self._former_output)\n", TRAVELS),
    Mutant("sockets-in-their-own-messages-stay", "emu/server/vfs/table.py", "        if found and self.nr_in_flight and self._drop_forgotten():\n", "        if found and self.nr_in_flight < 0 and self._drop_forgotten():\n", f"{TRAVELS}::test_files_in_messages_are_closed_with_the_socket_that_nobody_reads"),
    Mutant("connections-that-wait-hold-nothing", "emu/server/vfs/travel.py", "    return [*travelling, *(child.description for child in socket.waiting_connections())]", "    return [*travelling]", f"{TRAVELS}::test_a_socket_that_listens_and_is_in_a_message_to_a_connection_that_waits_at_it_is_closed"),
    Mutant("sockets-that-travel-further-are-dropped", "emu/server/vfs/travel.py", "            if found in doubtful:\n", "            if found is None:\n", f"{TRAVELS}::test_sockets_in_a_message_to_a_living_socket_stay"),
    Mutant("listener-closed-without-word", "emu/server/vfs/socket.py", "                sockets.reset(self._files.base, self._files.me, child.description)\n", "", f"{TRAVELS}::test_who_connects_waits_for_room_and_goes_on_when_one_is_accepted_or_refused"),
    Mutant("killed-thread-keeps-its-file", "emu/kernel/task/exiting.py", "    let_go(m, me, i)\n", "", PROGRAMS),
]  # fmt: skip
