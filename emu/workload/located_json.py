"""JSON whose objects know the line they begin on, for errors that say where.

It is the standard decoder with its Python scanner, because that one calls the decoder's function for
reading an object, and the C scanner does not.  A key given twice is an error.
"""

import json
from json.decoder import JSONObject
from json.scanner import py_make_scanner


class Located(dict):
    """A JSON object; `line` is where its brace stands."""

    line = 0


class _Decoder(json.JSONDecoder):
    def __init__(self, refuse):
        super().__init__(object_pairs_hook=lambda pairs: pairs)
        self._refuse = refuse
        self.parse_object = self._object
        self.scan_once = py_make_scanner(self)

    def _object(self, text_and_end, *arguments):
        text, end = text_and_end
        pairs, after = JSONObject(text_and_end, *arguments)
        found = Located(pairs)
        found.line = text.count("\n", 0, end) + 1
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            self._refuse(found.line, f"{twice!r} is given twice, expected once")
        return found, after


def parse_located(text, refuse):
    """The value of a JSON text, objects as Located; `refuse(line, what)` raises the caller's error."""
    try:
        return _Decoder(refuse).decode(text)
    except json.JSONDecodeError as error:
        refuse(error.lineno, f"not JSON: {error.msg[0].lower()}{error.msg[1:]} at column {error.colno}")
    except RecursionError:
        refuse(1, "nested too deeply")
