"""Messages made by the column are those that the format's own package makes and reads."""

import numpy as np
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos

from emu.trace.perfetto.rows import encode, fixed_64, message, number_bytes, size_of, varint

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(st.tuples(INT64, INT64, st.integers(0, 1 << 62)), min_size=1, max_size=20), st.integers(0, 10))
def test_each_row_is_read_as_the_message_of_its_values(values, width):
    first, second, flows = np.array(values, dtype=np.int64).T
    annotation = message(4, varint(1, 300), varint(4, second, width))
    parts = message(11, varint(30, first), varint(9, 4, width), annotation, fixed_64(47, flows))
    rows = encode(len(values), parts)
    assert rows.shape == (len(values), size_of(parts))
    for row, (one, two, flow) in zip(rows, values):
        packet = protos.TracePacket.FromString(row.tobytes())
        event = packet.track_event
        assert (event.counter_value, event.type, list(event.flow_ids)) == (one, 4, [flow])
        assert [(a.name_iid, a.int_value) for a in event.debug_annotations] == [(300, two)]
        assert not len(UnknownFieldSet(packet)) and not len(UnknownFieldSet(event))


@given(st.integers(0, (1 << 64) - 1))
def test_a_number_takes_the_bytes_that_the_package_gives_it(value):
    assert b"\x08" + number_bytes(value) == (protos.FtraceEvent(timestamp=value).SerializeToString() or b"\x08\0")


def test_a_column_of_small_values_takes_a_byte_each():
    assert size_of(varint(1, np.arange(128))) == 2
    assert size_of(varint(1, np.arange(129))) == 3


def test_no_messages_are_no_bytes():
    assert encode(0, message(1, varint(8, np.empty(0, dtype=np.int64)))).size == 0


def test_a_message_longer_than_127_bytes_says_so():
    values = np.array([5])
    parts = message(11, *(message(4, varint(4, values, 10)) for _ in range(20)))
    event = protos.TracePacket.FromString(encode(1, parts).tobytes()).track_event
    assert [a.int_value for a in event.debug_annotations] == [5] * 20
