"""A thread that hands its CPU over to another one and falls asleep, and one on another CPU that wakes it meanwhile.

Client and server have CPU 0, and change places; in each round CPU 1 ends the client's sleep at any moment from its
beginning on.  Once both have done their part the client is runnable, or runs.
"""

from emu.hot import entry, hot
from emu.kernel.sched.core import block, pick_next, switch, switch_to
from emu.kernel.sched.hand_over import REFUSED, hand_over
from emu.kernel.sched.randomness import random_below
from emu.kernel.sched.waking import make_runnable, start_thread
from emu.kernel.task.records import create_task
from emu.kernel.thread.records import create_thread
from emu.kernel.thread.sleep_word import claim, is_claimed, prepare_sleep, sleep_word
from emu.kernel.thread.states import BLOCKED, SLEEP_RECEIVE, state_of
from emu.shm.atomics import exchange, load_seq_cst
from emu.shm.cpumask import mask_of, store_mask
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, add_word, dawdle, get_word, meet, over, result, set_word, spin, violation

CLIENT, SERVER, WORD, ROUND, WOKEN, HANDED = (OWN + k * LINE for k in range(6))
GOOD, WITHOUT_A_LOOK = range(2)


@hot
def _fall_asleep(m, i):
    """Thread i, which runs on CPU 0, sleeps until somebody claims that."""
    prepare_sleep(m.threads[i], SLEEP_RECEIVE)
    block(m, 0, i)


@hot
def _switch(m, client, server, how):
    if how == GOOD:
        switch_to(m, 0, client, server, True)
        return
    # Control: whether the client was woken on its way is not asked.
    if hand_over(m, 0, client, server, True) == REFUSED:
        make_runnable(m, 0, server)
        block(m, 0, client)


@entry(5)
def hands_over(address, me, workers, count, how):
    m = machine_at(address)
    client, server = get_word(m, CLIENT), get_word(m, SERVER)
    for i in (server, client):
        store_mask(m.threads[i], "affinity", mask_of(0))
        start_thread(m, 0, i)
        pick_next(m, 0)
        if i == server:
            _fall_asleep(m, i)
    meet(m, workers)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        t = m.threads[client]
        m.cpus[0].resched = 0
        claim(m.threads[server], sleep_word(m.threads[server]))  # it gets the client's message
        set_word(m, WORD, prepare_sleep(t, SLEEP_RECEIVE))
        set_word(m, ROUND, done)
        dawdle(random_below(m, me, 12))
        _switch(m, client, server, how)
        if m.cpus[0].current == server:
            add_word(m, HANDED, 1)
        spins = 0
        while get_word(m, WOKEN) != done and not over(m):
            spins = spin(spins)
        if state_of(t) == BLOCKED and is_claimed(load_seq_cst(t, "sleep")) and not over(m):
            violation(m)  # it was woken, and sleeps
            break
        exchange(m.cpus[0], "pending", 0)
        m.cpus[0].kicks = 0
        while m.cpus[0].current != server and not over(m):  # it was refused, or another order was chosen
            if m.cpus[0].current < 0:
                pick_next(m, 0)
            else:
                switch(m, 0, client, True)
        if over(m):
            break
        _fall_asleep(m, server)
        while m.cpus[0].current != client and not over(m):
            pick_next(m, 0)
    return 0


@entry(5)
def wakes(address, me, workers, count, how):
    m = machine_at(address)
    meet(m, workers)
    t = m.threads[get_word(m, CLIENT)]
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        spins = 0
        while get_word(m, ROUND) != done and not over(m):
            spins = spin(spins)
        if over(m):
            break
        dawdle(random_below(m, me, 12))
        if claim(t, get_word(m, WORD)):
            make_runnable(m, me, get_word(m, CLIENT))
        m.cpus[me].kicks = 0
        set_word(m, WOKEN, done)
    return 0


def make_pair(window, words):
    task = create_task(window.address, 0)
    words[CLIENT], words[SERVER] = (create_thread(window.address, 0, task) for _ in range(2))
