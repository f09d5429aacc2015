"""Regions: guest code that was translated, and the protocol by which none of it runs once the guest's code has changed.

A region is host code made from guest instructions of up to REGION_PAGES pages (isa/translator/).  REGION.code is its
truth word: the address of its code; the negative of it, and nobody may enter yet; or 0, and nobody may enter any more.
It is entered through decoded words: where the interpreter meets OP_REGION with the region's number, it goes to
REGION.code, or decodes the instruction anew.

Invariant: a region that may be entered was made from the bytes that its frames have now.

    the translator   1 REGION and its code, negative who stores    1 bytes to a frame
                     2 FRAME_TRANSLATED, by fetch_or               2 takes FRAME_TRANSLATED away, by fetch_and
                     3 reads the bytes again                       3 makes all regions of the frame dead
                     4 REGION.code, unless it is dead

Both have full fences between their steps.  If 3 on the left misses the bytes, they were stored after it, so the mark
was there at 2 on the right, or somebody else took it after 2 on the left; whoever took it finds the region, which was
there before the mark.  Decoded words of a region are published last, but there may be one that an older region of this
number has left; so it is step 4, a compare-and-swap, before which nobody enters it.

Who stores goes on only when the regions are dead, also when somebody else has taken the mark and is still looking for
them: MACHINE.forgetting counts those, from before they take a mark until they have found all, and while it is not 0,
everybody looks.

The translator takes no lock and holds no frame.  One that is freed comes back without FRAME_CODE, so at step 2 it looks
whether the frame has that flag and references: then it is, or is again, a frame of code, which takes whoever stores to
it, and whoever frees it, through the steps on the right; and 3 says whether its bytes are those that were translated.
A CPU that is inside a region when it dies goes on there until its next look at the interrupt word,
like a hart whose instruction fetches lag behind until it executes fence.i; so its code stays where it is until all CPUs
have left (kernel/leaving_code.py).
"""

import platform

import llvmlite.binding as llvm

from ..hot import entry, hot, never_inline
from .atomics import compare_exchange, exchange, fence, fetch_add, fetch_and, fetch_or, load_relaxed
from .layout import decoded_address, machine_at
from .layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT, FRAME_TRANSLATED

TRANSLATE_OFF, TRANSLATE_ON, TRANSLATE_SYNC = range(3)  # MACHINE.translating


def can_translate():
    """Whether code can be translated for this host: its convention and relocations are known (cold)."""
    return platform.machine() == "x86_64" and llvm.llvm_version_info >= (19,)


def no_longer_wait(machine):
    """The translator has ended: CPUs that wait for it go on (cold; isa/interpreter/heat.py)."""
    if machine["translating"] == TRANSLATE_SYNC:
        machine["translating"] = TRANSLATE_ON


@hot
def may_be_translated(m, frame_word):
    """Whether who has stored to a frame, and then read its word (acquire), has to call forget_regions."""
    return frame_word & FRAME_TRANSLATED != 0 or load_relaxed(m, "forgetting") != 0


@hot
def forget_regions(m, frame):
    """The frame's bytes have changed, with a full fence behind them: make its regions dead."""
    never_inline()
    fetch_add(m, "forgetting", 1)
    fetch_and(m.frames[frame], "word", ~FRAME_TRANSLATED)
    words = decoded_address(m, frame)
    for r in range(load_relaxed(m, "nr_regions")):
        region = m.regions[r]
        if load_relaxed(region, "code") != 0:
            for k in range(region.nr_pages):
                if region.decoded[k] == words:
                    exchange(region, "code", 0)
    fetch_add(m, "forgetting", -1)


@entry(2)
def mark_translated(address, frame):
    """Step 2 of the translator's; whether the frame is one of code, which somebody holds."""
    word = fetch_or(machine_at(address).frames[frame], "word", FRAME_TRANSLATED)
    fence()  # the mark before the bytes; pairs with the fence in decoded.invalidate
    return int(word & FRAME_CODE != 0 and word >> FRAME_REFERENCES_SHIFT > 0)


@entry(2)
def admit(address, number):
    """Step 4 of the translator's: from now on the region may be entered; 0 where it is dead."""
    region = machine_at(address).regions[number]
    code = load_relaxed(region, "code")
    return int(code < 0 and compare_exchange(region, "code", code, -code))
