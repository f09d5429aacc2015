"""Causes in words: of a preemption, a sleep, a wake-up and a choice of queue, for those who read a trace.

The numbers are in events as kernel/sched/recording.py writes them; their names come from the trace's header, so a
cause that this emu does not know is shown by its name.  `label(thread, time_ns)` names a thread that an event tells by
its index.
"""

from .text import arguments

PREEMPTED = {
    "slice": "its time slice was used up",
    "tick": "the policy's hook `tick` said that it has run long enough",
    "woken": "{by} had become runnable, and the policy's hook `preempts` prefers it",
    "importance": "its nice value or priority was changed",
    "may_not_stay": "it may not run on this CPU any more (its affinity, or the CPU leaves or is exclusive)",
}
PLACED = {
    "chosen": "the policy's hook `select_cpu` chose {queue}",
    "stays": "it stayed with {queue}, where it had been",
    "forced": "{queue} was the first that may run it (the policy had chosen one that may not)",
    "calmest": "{queue} was the calmest of its pool (the policy had chosen one that may not run it)",
    "global": "all threads wait on the global queue",
}
WOKEN = {
    "timer": "its time-out",
    "signal": "a signal, a kill or a suspension",
    "server": "the system server, which has finished its call",
    "supervisor": "the supervisor",
    "kernel": "{actor} itself",
    "resume": "who resumed it",
    "claimed": "somebody, just as it fell asleep (the trace has lost who)",
}
SLEPT = {
    "futex": "on the futex {object:#x}",
    "time": "until a time",
    "server": "for the system server, which waits for something in its call",
    "kernel": "for the system server, which works on its call",
    "suspend": "suspended",
    "stop": "stopped with its task",
    "send": "to send to {partner}",
    "receive": "for a message of anybody's",
    "receive_from": "for a message of {partner}",
    "join": "for the end of {partner}",
    "mail": "for a message in its mailbox",
    "port": "for a message in a port",
    "period": "for its next period",
    "vfork": "until its child executes a program or ends",
}


def preempt_words(trace, event, label):
    """Why the thread of a preempt event had to give way."""
    found = arguments(trace, event)
    by = label(found["by"], int(event["time_ns"])) if "by" in found else "another thread"
    why = found.get("why", "the trace does not say why")
    return PREEMPTED.get(why, str(why)).format(by=by)


def place_words(trace, event, kind):
    """Why the thread of a wake or spawn event waits where it does."""
    found = arguments(trace, event)
    queue = "the global queue" if found.get("queue") == "global" else f"CPU {found.get('queue')}"
    return PLACED.get(found.get("place"), "on the queue of {queue}").format(queue=queue)


def sleep_words(trace, event, label):
    """On what the thread of a block event sleeps."""
    found = arguments(trace, event)
    reason, on = found.get("reason"), found.get("object", 0)
    partner = label(on - 1, int(event["time_ns"])) if on else "nobody"
    words = SLEPT.get(reason, f"waiting ({reason})").format(object=on, partner=partner)
    return words + (f" (in its call {found['call']})" if "call" in found else "")


def waker_words(trace, wakers, k, label):
    """Who has woken the thread of the k-th wake-up, and how."""
    causes = trace.header["values"].get("wake_cause", {})
    cause = causes.get(int(wakers.cause[k]), "")
    calls = trace.header["values"].get("call", {})
    call = calls.get(int(wakers.call[k]), "")
    within = f", in its call {call}" if call else ""
    thread = label(int(wakers.thread[k]), int(wakers.generation[k])) if wakers.thread[k] >= 0 else ""
    if cause == "handed":
        return f"{thread}, which handed its CPU over{within}"
    words = WOKEN.get(cause, "").format(actor=trace.actor_name(int(wakers.actor[k])))
    if thread and words:
        return f"{words}, from {thread}{within}"
    return (
        f"{thread}{within}"
        if thread
        else words or f"{trace.actor_name(int(wakers.actor[k]))}, the trace does not say why"
    )
