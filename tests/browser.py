"""A headless Chromium over the DevTools protocol: pages in windows of a width and a scheme."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 60.0
HEIGHT_PX = 900
"""Of the window: an image of all of a long page takes longer than all else."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # it refuses one to root, and shows our own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
"""What a page may say of itself: nothing is expected."""
WIDTHS = "[window.innerWidth, document.documentElement.scrollWidth]"
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A page in a window: widths in pixels of the window, of the page, and of the page with every
    <details> open; a PNG of what the window shows; what the console said."""

    window_px: int
    page_px: int
    unfolded_px: int
    png: bytes
    complaints: tuple[str, ...]


class Browser:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._events: list[dict[str, Any]] = []
        self._last_id = 0
        for name in ("Page.enable", "Runtime.enable", "Log.enable"):
            self._ask(name)

    def look(self, page: Path, *, width: int, scheme: str) -> Look:
        """Loads a file as a window of that width and a user of that colour scheme see it; all that
        is folded is open afterwards."""
        self._events.clear()
        size = {"width": width, "height": HEIGHT_PX, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", features=features)
        self._ask("Page.navigate", url=page.as_uri())
        self._wait_for("Page.loadEventFired")
        window_px, page_px = self.value(WIDTHS)
        shot = self._ask("Page.captureScreenshot")
        self.value(OPEN_ALL)
        _, unfolded_px = self.value(WIDTHS)
        said = [event["params"] for event in self._events if event["method"] in COMPLAINTS]
        return Look(
            window_px=window_px,
            page_px=page_px,
            unfolded_px=unfolded_px,
            png=base64.b64decode(shot["data"]),
            complaints=tuple(json.dumps(each) for each in said),
        )

    def value(self, expression: str) -> Any:
        """Of JavaScript in the page."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        asked = {"id": self._last_id, "method": method, "params": params}
        self._connection.send(json.dumps(asked))
        while True:
            said = self._read()
            if said.get("id") == self._last_id:
                assert "result" in said, (method, said)
                return dict(said["result"])

    def _wait_for(self, name: str) -> None:
        while not any(event["method"] == name for event in self._events):
            self._read()

    def _read(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._connection.recv(timeout=ANSWERS_WITHIN_S))
        if "method" in said:
            self._events.append(said)
        return said


def find_browser() -> str:
    """Debian's chromium, or what else is of that kind; "" if there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), "")


@contextmanager
def open_browser(program: str, folder: Path) -> Iterator[Browser]:
    """Starts it with its profile in a folder of the test's own."""
    log = folder / "chromium.log"
    with log.open("w") as lines:
        command = [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        process = subprocess.Popen(command, stdout=lines, stderr=lines)
    try:
        place = _tab(folder / "profile" / "DevToolsActivePort", process, log)
        with connect(place, max_size=None, proxy=None) as connection:
            yield Browser(connection)
    finally:
        process.terminate()
        process.wait(timeout=STARTS_WITHIN_S)


def _tab(port_file: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    """The address of the blank tab that it starts with."""
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        if port_file.exists() and port_file.read_text().strip():
            port = int(port_file.read_text().split()[0])
            session = requests.Session()
            session.trust_env = False  # no proxy between us and this machine
            tabs = session.get(f"http://127.0.0.1:{port}/json", timeout=ANSWERS_WITHIN_S).json()
            pages = [tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"]
            if pages:
                return str(pages[0])
        time.sleep(0.1)
    raise RuntimeError(f"chromium did not start: {log.read_text()[-2000:]}")
