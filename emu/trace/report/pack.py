"""Columns of numbers as text that a page carries: planes of bytes, compressed, in base64 (page/chunks.js reads them).

A chunk is a line of JSON, {"n": rows, "columns": [[name, planes], …]}, then for each column its planes: the lowest byte
of all rows, the next byte of all rows, and so on, as many as its greatest number needs.  Bytes of one weight resemble
one another, so this compresses better than numbers side by side, and NumPy makes it without a loop over rows.  A column
of zeros has no plane.  Numbers are whole, not negative, and below 2 ** 53, which is what JavaScript holds exactly.
"""

import base64
import json
import zlib

import numpy as np

MOST = (1 << 53) - 1
LEVEL = 6


def pack(columns):
    """The text of some columns {name: array}, all of one length."""
    rows, heads, planes = 0, [], []
    for name, values in columns.items():
        values = np.clip(values, 0, MOST).astype("<u8")
        rows = len(values)
        count = (int(values.max()).bit_length() + 7) // 8 if rows else 0
        heads.append([name, count])
        planes.append(values.view(np.uint8).reshape(rows, 8)[:, :count].T.tobytes())
    head = json.dumps({"n": rows, "columns": heads}, separators=(",", ":")).encode() + b"\n"
    return base64.b64encode(zlib.compress(b"".join([head, *planes]), LEVEL)).decode()
