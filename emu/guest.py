"""The one import of the author of a program in Python: what a guest can do. This page is the contract.

    from emu import Machine, guest

    def child(n): ...
    def main(n):
        tid = guest.spawn(child, n)
        guest.join(tid)
        return 0

    with Machine(cpus=2) as machine:
        job = machine.spawn_python(main, 1000)
        machine.run()

A program is a function and all that it calls, without marks.  It is compiled to RISC-V and runs as a task of its own,
like a program in C; nothing of the process that wrote it is reached.  What it returns is the exit status (nothing: 0).

verb                                        what it does, or returns
exit(status)                                ends the program, with all its threads
write("text"), print_int(x)                 to standard output: a text as it stands there, an integer and a line's end
gettid(), yield_(), now_ns(), sleep(ns)     who am I, let others run first, the machine's time, sleep
spawn(function, integer) -> tid             a thread of this task that calls the function, and ends with it
join(tid)                                   waits until that thread has ended
words(n), words([3, 5])                     outside of functions: an array of 64-bit words that all threads share
array[k], array[k] = x, len(array)          plain accesses; an index that is out of range ends the program
load, store(array, k, x)                    atomic, as are the next three: each is seen by all in one order
add, exchange(array, k, x) -> old           fetch and add, fetch and set
compare_exchange(array, k, old, x) -> bool  sets the word if it is `old`; whether it was
lock(array, k), unlock(array, k)            a lock that sleeps (a futex); the word is 0 at first, and the lock's alone
wait(array, k, x), wake(array, k, n)        sleeps while the word is x (its lower 32 bits); wakes n of those: how many
send(tid, word) -> 0 or error               a message to a thread's mailbox; up to four words
receive() -> (sender, word)                 the next message of mine; receive(timeout_ns): sender < 0 when none came
receive_words(), messages(tid)              with all four words: a tuple of five; how many messages wait there
call(number, a0, …, a5)                     any call of Linux or of emu's own (emu/guests/emu.h): its result
address(array, k), peek(at), poke(at, x)    for calls that take addresses; an address is not checked, as in C

There are integers of 64 bits, which wrap, floats, truth values and tuples of these; if, while, for … in range, calls,
also of itself; abs, min, max, len, divmod, int, float, math.sqrt, floor, ceil.  / // % << >> and comparisons are
Python's: a division by zero, a negative shift or an index out of range ends the program with one line and status 1.
x ** n multiplies, for a whole n ≥ 0.  Global names are read when the program is compiled, so numbers are constants, and
what changes is in words.  Not there, and refused with file and line: lists, texts, dictionaries, classes, attributes,
try, with, raise, print, NumPy.
"""

from .program.calls import call, write
from .program.memory import add, address, compare_exchange, exchange, load, peek, poke, store, words
from .program.messages import messages, receive, receive_words, send
from .program.output import print_int
from .program.threads import exit, gettid, join, lock, now_ns, sleep, spawn, unlock, wait, wake, yield_

__all__ = [
    "add",
    "address",
    "call",
    "compare_exchange",
    "exchange",
    "exit",
    "gettid",
    "join",
    "load",
    "lock",
    "messages",
    "now_ns",
    "peek",
    "poke",
    "print_int",
    "receive",
    "receive_words",
    "send",
    "sleep",
    "spawn",
    "store",
    "unlock",
    "wait",
    "wake",
    "words",
    "write",
    "yield_",
]
