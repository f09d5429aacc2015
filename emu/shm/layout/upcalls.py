"""Kernel-scheduled entities: groups of threads and their upcalls (kernel/upcalls/)."""

from ...limits import GROUP_POLICY_WORDS
from .declare import i64, i64s, line, one, record
from .queues import WAIT_QUEUE

GROUP = record(
    "GROUP",
    i64("task", guard="groups_lock", doc="truth: task + 1 whose group it is; 0 the record is free"),
    i64("nr_upcalls", guard="groups_lock", doc="read without"),
    i64("first_upcall", guard="groups_lock", doc="of its upcalls: index + 1, 0 none"),
    i64("next", guard="groups_lock", doc="of its task's groups, or of the free ones: index + 1, 0 none"),
    i64("previous", guard="groups_lock"),
    i64("nr_threads", guard="atomic", doc="its threads; who counts it down to 0 gives the record back"),
    i64s("policy", GROUP_POLICY_WORDS, guard="atomic", doc="the policy's own words (kse-7)"),
    line("completions"),
    i64("completed", guard="atomic", doc="truth: guest address of the context that was completed last, 0 none"),
    i64("inside", guard="atomic", doc="threads that have to leave their context, and run or could"),
    i64("rising", guard="atomic", doc="threads that are about to enter user space as upcalls"),
    i64("wakeups", guard="atomic", doc="1: the next owner that is released makes its upcall at once"),
    i64("woken", guard="atomic", doc="a hint: thread + 1 that was woken last without an upcall, 0 none"),
    one("released", WAIT_QUEUE, doc="owners that wait for a reason to make an upcall"),
    line("spares"),
    i64("spares_lock"),
    i64(
        "first_spare",
        guard="spares_lock",
        doc="of those that may get an upcall: index + 1",
    ),
    i64("nr_spares", guard="spares_lock", doc="read without"),
)

UPCALL = record(
    "UPCALL",
    i64("owner", guard="its owner", doc="truth: thread + 1 that owns it; 0 the record is free"),
    i64("group", doc="index; fixed"),
    i64("mailbox", doc="guest address, as function, stack and thread pointer are; fixed"),
    i64("function", doc="where it enters user space"),
    i64("stack", doc="the end of its stack"),
    i64("thread_pointer"),
    i64("quantum_ns", unit="ns", doc="an upcall is made when a user thread has run so long; 0: for that, none"),
    i64("flags", guard="its owner", doc="KMF_* of its mailbox, as the kernel has read them last"),
    i64("until_ns", guard="its owner", unit="ns of shm/clock.py", doc="end of the present quantum"),
    i64("wanted", guard="atomic", doc="WANTED_* of kernel/groups/records.py: reasons for an upcall"),
    i64("next", guard="groups_lock", doc="of its group's upcalls, or of the free ones: index + 1, 0 none"),
    i64("previous", guard="groups_lock"),
)
