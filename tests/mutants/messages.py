"""Faults in mailboxes, ports and channels."""
# ruff: noqa: E501  (texts as they stand)

from .mutant import Mutant

MAILBOX, HANDLES, PORT, CHANNEL, SELECT, MOVED, RING, EXITING, EXECUTE, REAPING, ENDINGS = (
    f"emu/kernel/{name}.py"
    for name in (
        "ipc/mailbox", "ipc/handles", "ipc/port", "ipc/channel", "ipc/select", "ipc/moved", "ipc/ring",
        "task/exiting", "task/execute", "task/reaping", "sleep/endings",
    )
)  # fmt: skip
MAIL = "tests/kernel/ipc/test_mailbox.py"
MAILS = "tests/litmus/test_mailboxes.py"
SLEPT_OVER = f"{MAILS}::test_no_receiver_sleeps_over_a_message_where_one_that_does_not_look_again_or_whose_sender_looks_early_does"
STREAM = f"{MAILS}::test_each_senders_messages_come_whole_once_and_in_order_whatever_ends_the_receivers_sleeps[locked]"
NEXT_OWNER = f"{MAILS}::test_no_sender_reaches_the_thread_that_has_the_record_next_and_no_page_is_left"
PORTS = "tests/kernel/ipc/test_ports.py"
CHANNELS = "tests/litmus/test_channels.py"
ASLEEP = f"{CHANNELS}::test_nobody_sleeps_over_a_message_where_one_that_does_not_look_again_under_the_lock_does"
ONCE = f"{CHANNELS}::test_each_message_is_received_once_whatever_ends_the_sleeps_and_in_order_by_one[1-locked]"
NEXT_PORT = f"{CHANNELS}::test_no_sender_reaches_the_port_that_has_the_record_next_and_no_record_or_page_is_left"
GUESTS = "tests/systems/test_channels.py"
MAIL_GUESTS = "tests/systems/test_mailboxes.py"

MUTANTS = [
    # --- mailboxes ------------------------------------------------------------------------------------
    Mutant("mailbox-not-looked-at-again", MAILBOX, '    if load_seq_cst(b, "count") != 0:  # nothing', "    if b.head < 0:  # nothing", SLEPT_OVER),
    Mutant("mailbox-sleep-read-before-the-message", MAILBOX, '    error = _put(m, me, i, b, tid, sender)\n    word = load_seq_cst(m.threads[n], "sleep")  # after the count; pairs with prepare_sleep in _sleep\n', '    word = load_seq_cst(m.threads[n], "sleep")\n    error = _put(m, me, i, b, tid, sender)\n', SLEPT_OVER),
    Mutant("mailbox-counted-before-it-is-written", MAILBOX, "    store_64(place, sender)\n", '    fetch_add(b, "count", 1)\n    fetch_add(b, "count", -1)\n    store_64(place, sender)\n', STREAM),
    Mutant("mailbox-without-its-senders-lock", MAILBOX, "    lock_mailbox(m, me, b)\n    error = _put", "    error = _put", STREAM),
    Mutant("mailbox-of-whoever-has-the-record", MAILBOX, '    if load_relaxed(b, "tid") != tid:\n        return -ESRCH\n    if b.room', '    if load_relaxed(b, "tid") == 0:\n        return -ESRCH\n    if b.room', NEXT_OWNER),
    Mutant("mailbox-closed-without-lock", MAILBOX, '    lock_mailbox(m, me, b)\n    store_relaxed(b, "tid", 0)\n    unlock_mailbox(m, me, b)\n', '    store_relaxed(b, "tid", 0)\n', NEXT_OWNER),
    Mutant("mailbox-left-open", EXITING, "    close_mailbox(m, me, i)\n", "", MAIL),
    Mutant("mailbox-survives-exec", EXECUTE, "    clear_mailbox(m, me, i)\n", "", MAIL_GUESTS),
    Mutant("mailbox-claims-any-sleep", MAILBOX, "    if word > 0 and reason_of(word) == SLEEP_MAIL and claim(m.threads[n], word):", "    if word > 0 and claim(m.threads[n], word):", MAIL),
    Mutant("mailbox-waits-anew-after-a-needless-wake-up", MAILBOX, "    t.resume_deadline_ns = deadline_ns\n", "", MAIL),
    Mutant("mailbox-deadline-outlives-its-call", ENDINGS, "        t.restart = 0\n        t.resume_deadline_ns = 0\n        finish(m, me, i, -EINTR)", "        t.restart = 0\n        finish(m, me, i, -EINTR)", PORTS),
    Mutant("mailbox-taken-never-cleared", MAILBOX, '    store_relaxed(b, "taken", 0)  # before the count, so that nobody counts them off twice; see _waiting\n', "", MAIL),
    Mutant("mailbox-room-below-zero", MAILBOX, "        if b.room <= 0:\n            return -EAGAIN\n", "        if b.room == 0:\n            return -EAGAIN\n", MAIL),
    Mutant("mailbox-counts-what-was-taken", MAILBOX, '    return count - load_acquire(b, "taken")\n', "    return count\n", MAIL),
    # --- ports and channels ---------------------------------------------------------------------------
    Mutant("port-unlocked-before-the-queue-is-joined", CHANNEL, "        word = join_natively(m, me, i, p.queue, deadline_ns)\n    unlock_port(m, me, p)\n", "        unlock_port(m, me, p)\n        word = join_natively(m, me, i, p.queue, deadline_ns)\n        return result, unit\n    unlock_port(m, me, p)\n", f"{ASLEEP}[one]"),
    Mutant("port-news-read-late", SELECT, '    if load_relaxed(k, "select_news") == news:\n', "    if news >= 0:\n", f"{ASLEEP}[several]"),
    Mutant("port-message-tells-nobody", CHANNEL, "            append_message(m, p, staged + k * size, size)\n        news = news_of(m, me, p)\n", "            append_message(m, p, staged + k * size, size)\n", PORTS),
    Mutant("port-last-channel-tells-nobody", PORT, "        if p.channels == 0:\n            news = news_of(m, me, p)\n", "", PORTS),
    Mutant("port-closing-tells-nobody", PORT, "        news = news_of(m, me, p)\n        p.owner = 0\n", "        p.owner = 0\n", PORTS),
    Mutant("channel-of-another-generation", HANDLES, " and c.generation == end_generation(handle) and load_relaxed", " and load_relaxed", PORTS),
    Mutant("port-of-another-task", HANDLES, "    if p.generation == end_generation(handle) and p.owner == task + 1:", "    if p.generation == end_generation(handle) and p.owner != 0:", PORTS),
    Mutant("port-emptied-while-it-is-open", PORT, "        p.owner = 0\n    unlock_port(m, me, p)\n    if not mine:", "    unlock_port(m, me, p)\n    if not mine:", NEXT_PORT),
    Mutant("ports-of-a-dead-task-stay", REAPING, "    note_peak(m, k)\n    drop_ends(m, me, k)\n", "    note_peak(m, k)\n", PORTS),
    Mutant("ports-survive-exec", EXECUTE, "    drop_ends(m, me, k)\n", "", GUESTS),
    Mutant("ring-pages-kept", RING, "    _drop_pages(m, me, p, p.head >> PAGE_SHIFT, head >> PAGE_SHIFT)\n", "", PORTS),
    Mutant("ring-half-made-room", RING, "            _drop_pages(m, me, p, first, page)\n            return False\n", "            return False\n", PORTS),
    Mutant("buffer-not-looked-at", CHANNEL, "    if not _may_fill(m, me, task, va, room):\n        return -EFAULT, 0, 0\n", "", PORTS),
    # --- pages that move ------------------------------------------------------------------------------
    Mutant("moved-pages-stay-mapped", MOVED, "    edit_locked(m, me, task, va, va + size, EDIT_DROP, 0, -1, 0)\n", "    unlock_mm(m, me, task)\n", PORTS),
    Mutant("moved-pages-not-put-back", CHANNEL, "        put_back(m, me, task, a)\n", "", PORTS),
    Mutant("moved-pages-of-a-closed-port-kept", PORT, "            drop_areas(m, me, load_word(m, p, p.head + HEADER_BYTES) - 1)\n", "", PORTS),
    Mutant("moved-pages-not-separate", MOVED, "    if o < 0 or area.flags & NEEDS_COPY:\n        return True\n", "    if o >= -1:\n        return True\n", PORTS),
    Mutant("moved-pages-not-the-first-any-more", CHANNEL, "        if is_moved(header) and message_size(header) == size:\n", "        if header != 0:\n", survives="a first message that moves is taken with map_lock held, and only by threads of the one task: it is the first still"),
    Mutant("moved-files-pages", MOVED, "    return kind == OBJECT_ANONYMOUS or kind == OBJECT_SHADOW  #", "    return kind >= OBJECT_ANONYMOUS  #", GUESTS),
]  # fmt: skip
