"""Packets as bytes (debug/gdb/packets.py): pieces, checksums, escapes, limits."""

import pytest

from emu.debug.gdb.packets import INTERRUPT, MAX_BYTES, MAX_REFUSED, Packets, ProtocolError, escape, packet, unescape
from emu.debug.gdb.signals import to_gdb, to_linux


def test_packets_may_come_in_any_pieces():
    whole = packet(b"g") + b"\x03" + packet(b"m10,4")
    for size in range(1, len(whole)):
        packets, found = Packets(), []
        for at in range(0, len(whole), size):
            found += packets.feed(whole[at : at + size])
        assert found == [b"g", INTERRUPT, b"m10,4"] and packets.answers == b"++"


def test_a_wrong_checksum_is_refused_and_the_next_packet_is_taken():
    packets = Packets()
    assert packets.feed(b"$g#00" + packet(b"?")) == [b"?"] and packets.answers == b"-+"


def test_wrong_checksums_count_as_far_as_they_come_in_a_row():
    packets = Packets()
    for _ in range(MAX_REFUSED + 1):
        assert packets.feed(b"$g#00" + packet(b"g")) == [b"g"]


def test_a_packet_that_was_not_understood_is_sent_again():
    packets = Packets()
    packets.last = packet(b"OK")
    assert packets.feed(b"-") == [] and packets.answers == packet(b"OK")


def test_without_acknowledgements_nothing_is_sent_and_no_checksum_is_looked_at():
    packets = Packets()
    packets.acknowledges = False
    assert packets.feed(b"$g#00") == [b"g"] and packets.answers == b""


@pytest.mark.parametrize("data", [b"x", b"\0", b"$" + b"a" * (MAX_BYTES + 1), b"#00"])
def test_what_is_no_packet_is_refused(data):
    with pytest.raises(ProtocolError):
        Packets().feed(data)


def test_escaped_data_comes_back_as_it_was():
    data = bytes(range(256))
    assert unescape(escape(data)) == data and not set(escape(data)) & set(b"#$*")


def test_signals_have_one_number_of_each_kind():
    assert all(to_linux(to_gdb(number)) == number for number in range(1, 65) if number != 16)
    assert (to_gdb(10), to_gdb(11), to_gdb(17), to_gdb(34)) == (30, 11, 20, 46)
    assert to_linux(0) == to_linux(9999) == 0
