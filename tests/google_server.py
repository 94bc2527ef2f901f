"""A server of Google Cloud Storage's interface, in a process of its own: the client waits with
Python's lock in its hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

BUCKET = "runs"
_SERVE = f"""
import http.server, socket, time
from gcp_storage_emulator import server
# As it stands it answers a connection at a time, and the client holds several.
server.server.HTTPServer = http.server.ThreadingHTTPServer
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server.create_server("127.0.0.1", port, in_memory=True, default_bucket="{BUCKET}").start()
print(port, flush=True)
time.sleep(3600)
"""


@contextmanager
def serve_google_storage(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, `gs://` means the server."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            patch.setenv(
                "STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{int(process.stdout.readline())}"
            )
            yield
        finally:
            process.kill()
