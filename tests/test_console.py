"""What reaches the terminal: our lines and nobody else's; what the libraries said is in a file."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from skeldpo.console import Display

NOISY = """
import logging, os, sys, time, warnings
from skeldpo.cli import run_guarded

def command(display):
    display.tell("our line")
    time.sleep(0.3)
    os.write(2, b"[E 1 1] core_worker.cc:2465: Actor with class name\\n")
    print("(raylet) A worker died")
    sys.stderr.write("Writing model shards: 100%\\n")
    warnings.warn("a library's warning")
    logging.getLogger("ray.data").error("Exception occurred in Ray Data")
    logging.getLogger("skeldpo.pipeline").warning("our warning")
    display.write("a program\\n")
    ERROR

class Ray:
    def shutdown():
        os.write(2, b"the core worker ends\\n")

sys.modules["ray"] = Ray
code = run_guarded(command)
print("what comes after")
sys.exit(code)
"""
FOREIGN = (
    "core_worker.cc", "(raylet)", "Writing model shards", "a library's warning",
    "Exception occurred in Ray Data", "the core worker ends",
)  # fmt: skip


def run_noisy(
    tmp_path: Path, error: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[Path]]:
    """The process, and the log files that it left behind."""
    done = subprocess.run(
        [sys.executable, "-c", NOISY.replace("ERROR", error)],
        env={**os.environ, "TMPDIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done, sorted(tmp_path.glob("skeldpo-*.log"))


def test_a_command_that_ends_well_shows_its_own_lines_alone_and_leaves_no_file(
    tmp_path: Path,
) -> None:
    done, logs = run_noisy(tmp_path, "return 0")
    assert done.returncode == 0
    assert done.stdout == "our line\na program\nwhat comes after\n"
    assert done.stderr == "WARNING skeldpo.pipeline: our warning\n"
    assert logs == []


def test_a_failure_names_the_file_that_has_what_the_libraries_said(tmp_path: Path) -> None:
    done, logs = run_noisy(tmp_path, "raise RuntimeError('an engine died')")
    assert done.returncode == 1
    assert done.stdout == "our line\na program\nwhat comes after\n"
    (log,) = logs
    assert done.stderr.splitlines()[-1] == (
        f"skeldpo: an engine died; what Ray and other libraries said: {log}"
    )
    kept = log.read_text()
    for text in FOREIGN:
        assert text in kept, text
    assert "our line" not in kept


def test_wrong_input_says_nothing_of_the_libraries(tmp_path: Path) -> None:
    done, logs = run_noisy(tmp_path, "raise ValueError('no such file')")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "skeldpo: no such file"
    assert logs == []


def test_a_mistake_of_ours_shows_its_trace(tmp_path: Path) -> None:
    done, logs = run_noisy(tmp_path, "raise KeyError('our own mistake')")
    assert done.returncode == 1
    assert "KeyError: 'our own mistake'" in done.stderr
    assert not any(text in done.stdout + done.stderr for text in FOREIGN)
    assert len(logs) == 1


def test_a_developer_sees_everything(tmp_path: Path) -> None:
    done, logs = run_noisy(tmp_path, "return 0", SKELDPO_TRACEBACK="1")
    shown = done.stdout + done.stderr
    assert all(text in shown for text in FOREIGN if text != "the core worker ends")
    assert logs == []


def test_a_terminal_shows_our_lines_alone_also_while_one_of_them_counts(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    counting = (
        "round 1: measured 1 of 3 problems, 3 of 4 candidates accepted, 8.0 candidates/s, 9 s"
    )
    script = NOISY.replace("our line", f"{counting} left").replace("ERROR", "return 0")
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's end, once the process has ended
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert not [each for each in FOREIGN if each in text]
    assert f"{counting} left" in text  # for good, in one piece
    assert "8.0 \r\ncandidates/s, 9 s left" in text  # while it counts, wrapped at 80 columns
    assert "WARNING skeldpo.pipeline: our warning" in text and "a program" in text
    assert list(tmp_path.iterdir()) == []


def test_bars_of_libraries_are_off() -> None:
    script = """
from skeldpo.cli import run_guarded

def command(display):
    from transformers.utils.logging import tqdm
    display.tell(str([bar.disable for bar in (tqdm(range(3)), __import__("tqdm").tqdm(range(3)))]))

run_guarded(command)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[True, True]\n", "")


def test_log_of_a_job_has_no_control_characters(tmp_path: Path) -> None:
    """Whatever the environment of a Ray job or a CI asks for, a file is no terminal."""
    script = NOISY.replace("our line", "1 of 3, 2 s left").replace(
        "ERROR", "display.table('title', ('a', 'b'), [('1', '2')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path), "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
    )  # fmt: skip
    shown = done.stdout + done.stderr
    assert "1 of 3, 2 s left\n" in done.stdout and "title\n" in done.stdout
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown), ascii(shown)


def test_interrupt_ends_a_command_and_says_how_to_go_on(tmp_path: Path) -> None:
    script = """
import sys, time
from skeldpo.cli import run_guarded
sys.argv = ["/somewhere/bin/skeldpo", "run", "--config", "my file.toml"]

def command(display):
    display.tell("begun")
    time.sleep(60)

sys.exit(run_guarded(command))
"""
    # What a shell starts in the background ignores the signal, and its children do.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == (
        "skeldpo: stopped, what is done is kept; to go on: skeldpo run --config 'my file.toml'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_terminal", [False, True])
def test_lines_that_only_count_take_each_others_place(is_terminal: bool) -> None:
    text = io.StringIO()
    console = Console(file=text, width=80, force_terminal=is_terminal, highlight=False)
    display = Display(console, err=text)
    for line in ("ready", "1 of 3, 2 s so far", "2 of 3, 1 s left", "3 of 3, 0 s left"):
        display.tell(line)
    display.complain("it failed")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    if is_terminal:
        assert shown.split("\n")[-3].strip().endswith("3 of 3, 0 s left")
        assert "1 of 3, 2 s so far\n" not in shown
    else:
        assert shown.splitlines() == [
            "ready", "1 of 3, 2 s so far", "3 of 3, 0 s left", "it failed"
        ]  # fmt: skip
    assert shown.endswith("it failed\n")
