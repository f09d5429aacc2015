"""The one import of a policy's author: hooks, queues, chance, CPUs, and what they say. This page is the contract.

    from emu.policy import append, hook, pop, remove

A policy is a Python file with functions named after hooks and marked @hook, and helpers marked @hot.  Each gets the
machine `m` and integers, and is compiled.  The core locks, changes states, interrupts and books time; a policy only
keeps an order of threads and answers questions.  A hook runs with the lock of the queue that it is given held (the
six marked * run without a lock).  It takes no lock, changes no state and wakes nobody; words of a queue that it was
not given belong to others, who may be changing them: it may read them (`load_relaxed`), never write them or walk lists
made of them.  `enqueue`, `pick` and `dequeue` are required.

hook          arguments                  what it does, or returns                                           runs on
enqueue       m, queue, thread, reason   the thread, now runnable, joins the queue's order (ENQUEUE_*)      any actor
pick          m, queue                   takes the next thread out of the order; -1: none that may run now  a CPU
dequeue       m, queue, thread           the thread leaves the order without running                        any actor
stopped       m, queue, thread, reason   the thread that ran on CPU `queue` sleeps, exits or moves (STOP_*) a CPU
yielded       m, queue, thread           it gives way by its own wish; `enqueue` follows                    a CPU
tick          m, queue, thread           every 100,000 instructions of the running thread; 1: switch now    a CPU
timeslice     m, queue, thread           how long it may run in ns (without `tick`; else slice_ns)          a CPU
preempts      m, queue, thread, running  1: the thread that just joined shall run before the running one    any actor
select_cpu *  m, thread, me, reason      the queue for a thread that becomes runnable (PLACE_*)             any actor
balance *     m, me, attempt             a queue to take a thread from, -1: give up.  An idle CPU asks      a CPU
                                         with attempt 0, 1, …; a busy one every 4 ms with PERIODIC
add_thread    m, queue, thread           the thread is registered with this scheduler (spawned, moved here) any actor
remove_thread m, queue, thread           it is registered no more (exited or moved away)                    any actor
cpu_online    m, queue                   the CPU begins to take threads; the queue's words are all 0        any actor
cpu_offline   m, queue                   it has given its threads away                                      any actor
add_task *    m, task                    a task begins, before its first thread; its words are all 0        any actor
remove_task * m, task                    it has ended: none of its threads is left                          any actor
add_group *   m, group                   a group of threads (guests/emu_kse.h) begins; its words are all 0  a CPU
remove_group * m, group                  it has ended: none of its threads is left                          any actor
regroup       m, queue, thread, group    the running thread is about to be in this group, -1 in none; its   a CPU
                                         time so far is booked.  Not told of one that begins, sleeps or
                                         exits (`stopped` comes first, and is told why)
hand_over     m, queue, thread           a thread that a message has woken gets the sender's CPU at once,   a CPU
                                         past the order and on what is left of its slice (since
                                         m.cpus[queue].slice_start_ns): note what `enqueue` and `pick` would.
                                         1; 0, or no hook: it waits as others do, and nothing is noted

"Any actor": also the system server, which starts and wakes threads, and the timekeeper, which wakes them.  They are no
CPUs, so `me` of select_cpu may be m.nr_cpus or more: compare it before using it as a queue.  `queue` is a CPU's number,
or GLOBAL_QUEUE.  Not allowed, and refused with the line: functions that call themselves, raise, assert.

What there is to look at and to keep: m.threads[thread].policy and m.queues[queue].policy, POLICY_WORDS (8) and
QUEUE_POLICY_WORDS (192) words of the policy's own, 0 at first; m.tasks[task].policy (task = m.threads[thread].task),
8 words that hooks of several queues may change at the same time, so by `add_to_task`; m.groups[group].policy (group =
group_of(m.threads[thread])), GROUP_POLICY_WORDS (4) of that sort, by `add_to_group` and `swap_in_group`; of a thread
.nice, .realtime and .runtime_ns (time on CPUs, exact at each hook about the thread); m.queues[queue].now_ns, the time;
m.nr_cpus; m.parameters, the values of PARAMETERS.

A thread's group stays the same while it waits; while it runs, it may change when no hook about it is running.  So
group_of is right for the threads that a hook with a lock is given and for those in its queue's order, and the group
exists; for others, and in `select_cpu` and `balance`, it is a hint.

Where a thread may run, and from where a CPU takes, is for the core to keep: is_online, may_run, idle_cpu and may_take
tell a policy beforehand (a CPU takes no threads from the other pool's, thread/affinity.py); else the core chooses anew.

A module may say PARAMETERS = {"name": (default, "what it is")}, all integers (a third entry, a tuple of names, says
what the values 0, 1, … are called: only those are taken, and users may write the names), and QUEUES = "global" when
every runnable thread waits on GLOBAL_QUEUE and CPUs take from there, or "lock-free": then hooks run on their queue's
own CPU and without its lock; `enqueue` and `pick` use `put_local` and `take_local` (others may take from there) and
words of the queue that only its CPU uses; `add_thread` is about a thread that this CPU took from elsewhere, and there
are no dequeue, preempts, remove_thread.

The core checks each answer: a thread that is not runnable on the queue, a queue that does not exist, a thread never
picked: the machine fails, and the message names policy and hook.
"""

from .abi.clocks import SECOND_NS
from .hot import hot, never_inline
from .kernel.sched.cpus import idle_cpu, is_idle, is_online, may_run, may_take
from .kernel.sched.hooks import (
    ENQUEUE_BACK,
    ENQUEUE_MOVE,
    ENQUEUE_PREEMPT,
    ENQUEUE_SPAWN,
    ENQUEUE_WAKE,
    ENQUEUE_YIELD,
    PERIODIC,
    PLACE_PREEMPT,
    PLACE_SPAWN,
    PLACE_WAKE,
    STOP_BLOCK,
    STOP_EXIT,
    STOP_MOVE,
    add_to_group,
    add_to_queue,
    add_to_task,
    emit_policy,
    group_of,
    hook,
    swap_in_group,
)
from .kernel.sched.lists import append, append_to, first, first_of, pop, push, push_to, remove, remove_from
from .kernel.sched.local_queue import available, put_local, take_local
from .kernel.sched.randomness import draw, random_below, random_cpu
from .kernel.thread.states import RUNNABLE, RUNNING, queue_of, state_of
from .limits import BUDGET_INSTRUCTIONS, GLOBAL_QUEUE, GROUP_POLICY_WORDS, POLICY_WORDS, QUEUE_POLICY_WORDS
from .shm.atomics import load_relaxed
from .shm.events import POLICY, emit
from .shm.memory import lowest_bit, wrapping_multiply

__all__ = [
    "BUDGET_INSTRUCTIONS",
    "ENQUEUE_BACK",
    "ENQUEUE_MOVE",
    "ENQUEUE_PREEMPT",
    "ENQUEUE_SPAWN",
    "ENQUEUE_WAKE",
    "ENQUEUE_YIELD",
    "GLOBAL_QUEUE",
    "GROUP_POLICY_WORDS",
    "PERIODIC",
    "PLACE_PREEMPT",
    "PLACE_SPAWN",
    "PLACE_WAKE",
    "POLICY",
    "POLICY_WORDS",
    "QUEUE_POLICY_WORDS",
    "RUNNABLE",
    "RUNNING",
    "SECOND_NS",
    "STOP_BLOCK",
    "STOP_EXIT",
    "STOP_MOVE",
    "add_to_group",
    "add_to_queue",
    "add_to_task",
    "append",
    "append_to",
    "available",
    "draw",
    "emit",
    "emit_policy",
    "first",
    "first_of",
    "group_of",
    "hook",
    "hot",
    "idle_cpu",
    "is_idle",
    "is_online",
    "load_relaxed",
    "lowest_bit",
    "may_run",
    "may_take",
    "never_inline",
    "pop",
    "push",
    "push_to",
    "put_local",
    "queue_of",
    "random_below",
    "random_cpu",
    "remove",
    "remove_from",
    "state_of",
    "swap_in_group",
    "take_local",
    "wrapping_multiply",
]
