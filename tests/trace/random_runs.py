"""A made-up machine that does what it likes, within the rules: for tests that compare two ways to read its trace."""

import numpy as np

from emu.kernel.sched.recording import PREEMPT_WOKEN, WAKE_THREAD
from emu.kernel.thread.states import SLEEP_FUTEX
from emu.limits import SERVER
from emu.shm.events import CALLED, PLACED, PREEMPTED, SLEEPS, SPAWNED, WOKEN
from tests.traces import Story

FUTEX_CALL = 99  # 98 + 1


def random_story(path, seed, cpus=3, threads=6, steps=400):
    random = np.random.default_rng(seed)
    story, now = Story(path, cpus=cpus), 1000
    where = {}  # thread: (state, since, queue)
    runs, last_ran = dict.fromkeys(range(cpus)), {}
    for thread in range(threads):
        now += int(random.integers(1, 50))
        queue = int(random.integers(cpus))
        story.add(now, SERVER, "spawn", thread, a=queue, b=SPAWNED.pack(task=1, waker=0))
        where[thread] = ("waits", now, queue)
    for _ in range(steps):
        now += int(random.integers(1, 50))
        cpu, thread = int(random.integers(cpus)), int(random.integers(threads))
        state, since, queue = where[thread]
        if runs[cpu] is not None:
            thread, last_ran[cpu] = runs[cpu], runs[cpu]
            _stop(story, random, now, cpu, thread, where)
            runs[cpu] = None
        elif state == "sleeps":
            waker = last_ran.get(cpu, -1) + 1
            word = WOKEN.pack(old_queue=queue, waker=waker, call=FUTEX_CALL)
            story.add(now, cpu, "wake", thread, a=PLACED.pack(queue=cpu, cause=WAKE_THREAD), b=word)
            where[thread] = ("waits", now, cpu)
        elif state == "waits" and queue != cpu:
            story.add(now, cpu, "migrate", thread, a=cpu, b=queue)
            where[thread] = ("waits", since, cpu)
        elif state == "waits":
            story.add(now, cpu, "switch", thread, a=(now - since) * 1000, b=cpu)
            where[thread], runs[cpu] = ("runs", now, cpu), thread
        if random.random() < 0.1:
            story.add(now + 0.5, int(random.integers(cpus)), "host-stall", a=int(random.integers(1, 60)) * 1000)
        if random.random() < 0.1:
            word = CALLED.pack(call=int(random.integers(1, 4)), failed=int(random.integers(2)))
            story.add(now + 0.7, cpu, "call", thread, a=word, b=int(random.integers(1, 9)) * 100)
    return story


def _stop(story, random, now, cpu, thread, where):
    kind = ("preempt", "yield", "block")[random.integers(3)]
    word = cpu
    if kind == "block":
        word = SLEEPS.pack(reason=SLEEP_FUTEX, call=FUTEX_CALL, object=0x1000 + int(random.integers(3)))
    elif kind == "preempt":
        word = PREEMPTED.pack(slice_ns=5000, why=PREEMPT_WOKEN, by=int(random.integers(3)))
    story.add(now, cpu, kind, thread, a=(now - where[thread][1]) * 1000, b=word)
    where[thread] = ("sleeps" if kind == "block" else "waits", now, cpu)
