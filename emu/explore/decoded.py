"""Decoded instructions as a part of a world's snapshot, so that no schedule decodes them again."""

import os

import numpy as np

from ..limits import DECODED_PAGE_BYTES, PAGE_SIZE
from ..shm.layout import FRAME, MACHINE
from ..shm.layout.memory import FRAME_CODE, FRAME_REFERENCES_SHIFT


def keep_decoded(window):
    """What a schedule has decoded belongs to the snapshot, where the frame holds the same bytes there."""
    machine, (records, memory, decoded, _) = window.machine, window.descriptors
    words = machine["frames"]["word"][: int(machine["fresh_frame"])]
    for frame in np.flatnonzero(words & FRAME_CODE).tolist():
        at = MACHINE.offset("frames") + frame * FRAME.size + FRAME.offset("word")
        before = int.from_bytes(os.pread(records, 8, at), "little")
        same = os.pread(memory, PAGE_SIZE, frame * PAGE_SIZE) == window.memory(frame).tobytes()
        if before >> FRAME_REFERENCES_SHIFT and same:
            os.pwrite(records, (before | FRAME_CODE).to_bytes(8, "little"), at)
            os.pwrite(decoded, window.decoded(frame).tobytes(), frame * DECODED_PAGE_BYTES)
