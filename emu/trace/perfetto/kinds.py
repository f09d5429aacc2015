"""Which kind of event becomes what, on which track: the list to read, or to add to, for a kind.

A kind that is not listed is an instant with all its arguments, on the track of the thread it is about, else of the
CPU or the actor that recorded it.  Slices of sleeps begin with `block` and end with `wake`, on the thread's track.
"""

from dataclasses import dataclass

INSTANT, BEGIN, END, SPAN = "instant", "begin", "end", "span"


@dataclass(frozen=True)
class Shape:
    form: str = INSTANT
    title: str = ""  # "" the kind's own name
    named_by: str = ""  # the argument whose value is the title
    span: str = ""  # SPAN: the argument with its length in ns; it ends when the event was recorded
    category: str = "sched"
    on_cpu: bool = False  # the track of the actor, also where it is about a thread


SHAPES = {
    "block": Shape(BEGIN, named_by="reason", category="sleep"),
    "wake": Shape(END, category="sleep"),
    "call": Shape(SPAN, named_by="call", span="ns", category="call"),
    "host-stall": Shape(SPAN, "the host did not run this CPU", span="ns", category="host", on_cpu=True),
    "paused": Shape(SPAN, "the machine was paused", span="ns", category="host", on_cpu=True),
    "lost": Shape(SPAN, "events lost", span="span_ns", category="host", on_cpu=True),
    "steal": Shape(on_cpu=True),
    "policy": Shape(category="policy", on_cpu=True),
    "ipi-bit": Shape(title="IPI", category="interrupt", on_cpu=True),
    "ipi-message": Shape(title="IPI with a message", category="interrupt", on_cpu=True),
    "interrupt": Shape(category="interrupt", on_cpu=True),
    "send": Shape(category="message"),
    "receive": Shape(category="message"),
    "move": Shape(category="message"),
}
# Tracks and speeds of CPUs, states of threads and wakers say them already.
UNSHOWN = {"switch", "park", "unpark", "name", "exit", "claim", "progress"}
POINTERS = {"address", "mailbox", "completed", "user_thread", "mask", "object"}  # shown in hexadecimal
UNSHOWN_ARGUMENTS = {"waker"}  # the argument "woken by tid" knows more
SHOWN_AS = {("wake", "call"): "call of the waker"}  # a slice's end adds to the arguments of its beginning
INDICES = {"by"}  # thread index + 1, 0 nobody
PARTNERS = {"to", "from"}  # thread index, or ~ of a port


def shape_of(kind):
    return SHAPES.get(kind, Shape())
