"""Messages between threads of programs in Python: those sent arrive, in order, with who sent them; time-outs end.

Becomes test_messages.py where the kernel has mailboxes (calls 0x1040 to 0x1042).
"""

import pytest

from emu import guest
from emu.actor.policies import BUILTIN

from .runs import numbers, run_python

RING = 5
EAGAIN, ETIMEDOUT, ESRCH = 11, 110, 3
tids = guest.words(RING)


def pong(main):
    while True:
        sender, word = guest.receive()
        if word < 0:
            break
        guest.send(sender, word + 1)


def ping(rounds):
    other = guest.spawn(pong, guest.gettid())
    word = 0
    for _ in range(rounds):
        guest.send(other, word)
        sender, word = guest.receive()
        if sender != other:
            return 1
    guest.send(other, -1)
    guest.join(other)
    guest.print_int(word)
    return 0


@pytest.mark.parametrize("policy", BUILTIN)
def test_a_message_goes_to_and_fro_under_each_policy(policy, warm):
    assert numbers(ping, 300, policy=policy) == [300]


def relay(k):
    while True:
        _, word = guest.receive()
        guest.send(tids[(k + 1) % RING], word - 1 if word > 0 else -1)
        if word <= 0:
            break


def ring(hops):
    for k in range(RING):
        tids[k] = guest.spawn(relay, k)
    guest.send(tids[0], hops)
    for k in range(RING):
        guest.join(tids[k])


def test_a_word_goes_round_a_ring_until_it_is_used_up(warm):
    assert run_python(ring, 1000) == (0, [])


def four_words(_):
    me = guest.gettid()
    guest.print_int(guest.send(me, 1, 2, 3, 4))
    guest.print_int(guest.send(me, 5))
    guest.print_int(guest.messages(me))
    sender, a, b, c, d = guest.receive_words()
    guest.print_int(sender == me)
    guest.print_int(a * 1000 + b * 100 + c * 10 + d)
    sender, a, b, c, d = guest.receive_words(0)
    guest.print_int(a * 1000 + b * 100 + c * 10 + d)
    guest.print_int(guest.receive(0)[0])
    guest.print_int(guest.receive(1_000_000)[0])
    guest.print_int(guest.send(1 << 40, 1))


def test_messages_have_four_words_and_waits_end(warm):
    assert numbers(four_words, 0) == [0, 0, 2, 1, 1234, 5000, -EAGAIN, -ETIMEDOUT, -ESRCH]
