"""From a guest address to decoded words: finding the page, decoding on demand, straddling.

`code` is the host address of a page's decoded words, `i` a parcel (0-2047) in it.
Every word is verified as shm/decoded.py asks: publish, fence, read the bytes again.
"""

from ...hot import hot
from ...limits import DECODED_OFFSET, DECODED_PAGE_BYTES, PAGE_SIZE, PARCELS_PER_PAGE
from ...shm.atomics import fence
from ...shm.exits import ACCESS_FETCH, CAUSE_AGAIN, CAUSE_ILLEGAL
from ...shm.layout import frame_address, machine_at
from ...shm.memory import address_of, call_4, get, load_u16, store_64
from ..decode import decode_in_place
from ..table import FIRST_OP, OP_PAGE_END, OP_REGION, OP_STRADDLE
from ..words import IMM_SHIFT, OP_MASK, plain
from .accesses import FETCH_TLB, TLB_INDEX_MASK, TLB_INDEX_SHIFT

LAST_PARCEL = PARCELS_PER_PAGE - 1


@hot
def find_code(machine, cpu, va):
    """Decoded words of the page of a guest address, 0 after a fetch fault."""
    c = machine_at(machine).cpus[cpu]
    slot = address_of(c) + FETCH_TLB + ((va >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK)
    if get(slot) == va & -PAGE_SIZE:
        return get(slot + 8)
    return call_4(c.fault, machine, cpu, va, ACCESS_FETCH)


@hot
def _bytes_of(machine, code):
    """Host address of the frame that was decoded into `code`."""
    frame = (code - machine - DECODED_OFFSET) // DECODED_PAGE_BYTES
    return frame_address(machine_at(machine), frame)


@hot
def _bits_in_page(host, i):
    """The instruction at a parcel; only its first half when it goes on in the next page."""
    bits = load_u16(host + 2 * i)
    if bits & 3 == 3 and i < LAST_PARCEL:
        bits |= load_u16(host + 2 * i + 2) << 16
    return bits


@hot
def decode_at(machine, code, i):
    """Decode the word of a parcel. Behind the last parcel it is OP_PAGE_END."""
    if i > LAST_PARCEL:
        store_64(code + i * 8, OP_PAGE_END)
        return
    host = _bytes_of(machine, code)
    bits = _bits_in_page(host, i)
    while True:
        if bits & 3 == 3 and i == LAST_PARCEL:
            word = OP_STRADDLE
        else:
            word = decode_in_place(bits, i)
        store_64(code + i * 8, word)
        fence()  # word before bytes; pairs with invalidate's fence between bytes and words
        again = _bits_in_page(host, i)
        if again == bits:
            return
        bits = again


@hot
def plain_word(machine, code, i):
    """The decoded word of a parcel within the page, where translated code may begin: that stays there."""
    bits = _bits_in_page(_bytes_of(machine, code), i)
    if bits & 3 == 3 and i == LAST_PARCEL:
        return OP_STRADDLE
    return decode_in_place(bits, i)


@hot
def check_page(machine, cpu, page, words):
    """Whether a page of guest code is decoded at `words`, after a fetch that missed the TLB; 0 also after a fault."""
    return int(find_code(machine, cpu, page) == words)


@hot
def bits_at(machine, cpu, page, code, i):
    """The instruction at a parcel, also one that straddles two pages; -1 after a fetch fault."""
    bits = _bits_in_page(_bytes_of(machine, code), i)
    if bits & 3 == 3 and i == LAST_PARCEL:
        second = find_code(machine, cpu, page + PAGE_SIZE)
        if second == 0:
            return -1
        bits |= load_u16(_bytes_of(machine, second)) << 16
    return bits


@hot
def decode_straddling(machine, cpu, page, code):
    """The word of the instruction in a page's last parcel, not cached; 0 after a fetch fault, or CAUSE_AGAIN."""
    c = machine_at(machine).cpus[cpu]
    answered = c.tlb_done
    bits = bits_at(machine, cpu, page, code, plain(LAST_PARCEL))
    if bits < 0:
        return 0
    if c.tlb_done != answered:  # this CPU has answered a shoot-down meanwhile, so `code` may be another task's by now
        c.cause = CAUSE_AGAIN
        return 0
    return decode_in_place(bits, plain(LAST_PARCEL))


@hot
def word_at(machine, cpu, pc, code):
    """The word of the instruction at pc, whose page is decoded at `code`, whatever is in its place.

    0 after a fetch fault, or CAUSE_AGAIN.
    """
    i = (pc & (PAGE_SIZE - 1)) >> 1
    word = get(code + i * 8)
    if FIRST_OP <= word & OP_MASK < OP_REGION:
        return word
    word = plain_word(machine, code, i)
    return decode_straddling(machine, cpu, pc & -PAGE_SIZE, code) if word == OP_STRADDLE else word


@hot
def raise_illegal(machine, cpu, pc):
    """Set the trap of an instruction that was decoded but may not be executed."""
    code = find_code(machine, cpu, pc)
    page = pc & -PAGE_SIZE
    bits = bits_at(machine, cpu, page, code, (pc - page) >> 1) if code != 0 else -1
    if bits >= 0:
        c = machine_at(machine).cpus[cpu]
        c.cause = CAUSE_ILLEGAL
        c.trap_value = bits


assert IMM_SHIFT == 32, "OP_ILLEGAL carries 32 bits of instruction"
