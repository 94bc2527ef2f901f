"""What a program can find in its own memory: nothing of PID 1's, of its input, or of other runs;
and how much of it the report says it held."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from sandbox_runs import MEMORY_LIMIT_BYTES, call, pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.container import Sandbox

pytestmark = pytest.mark.docker

SEARCH = """
import re
def hits(pattern):
    found = 0
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps"):
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if "rw" in mode and end - start < 1 << 27:
                memory.seek(start)
                found += len(re.findall(pattern, memory.read(end - start)))
    return found
"""


def test_sequence_number_of_the_report_is_not_in_memory(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 0x1A2B3C4D5E6F7788
    monkeypatch.setattr("skeldpo.sandbox.container.secrets.randbits", lambda bits: number - 1)
    pattern = "".join(f"\\x{byte:02x}" for byte in number.to_bytes(8, "little")[:7])
    code = SEARCH + f'def f(x):\n    x = bytes(x)\n    return hits(rb"{pattern}[\\x1a]") > 0'
    report = call(sandbox, code, "[[]]", str([[*number.to_bytes(8, "little")]]), cpu_limit_s=5)
    assert report.answer_texts == ("false", "true"), "only its own copy is found"


def test_top_level_cannot_see_the_input(sandbox: Sandbox) -> None:
    code = SEARCH + 'N = hits(rb"needl[e]-7")\ndef f(x): return [N, hits(rb"needl[e]-7") > 0]'
    assert call(sandbox, code, '["needle-7"]', cpu_limit_s=5).answer_texts == ("[0,true]",)


def test_answer_of_another_run_is_not_in_memory(sandbox: Sandbox) -> None:
    secret = call(sandbox, "def f(): return 'sec' + 'ret-' + str(90 + 3)", cpu_limit_s=5)
    assert secret.answer_texts == ('"secret-93"',)
    code = SEARCH + 'def f(): return hits(rb"secret-[9]3")'
    assert call(sandbox, code, cpu_limit_s=5).answer_texts == ("0",)


def test_program_of_another_run_is_not_in_memory(sandbox: Sandbox) -> None:
    """The next child is forked while this program is still loaded in PID 1."""
    secret = call(sandbox, "def f(): return 1  # hidden-remark-71", cpu_limit_s=5)
    assert secret.outcome is Outcome.ACCEPTED
    code = SEARCH + 'def f(): return hits(rb"hidden-remark-[7]1")'
    assert call(sandbox, code, cpu_limit_s=5).answer_texts == ("0",)


def test_mean_memory_is_weighted_by_the_time_it_is_held(sandbox: Sandbox) -> None:
    """40 MB over all of the work, over its last quarter, or never."""
    work = "    t = 0\n    for i in range({n}):\n        t += i\n"
    held = "    kept = bytearray(b'x') * (40 << 20)\n"
    n, last = work.format(n=4_500_000), work.format(n=1_500_000)
    programs = {
        "never": f"def f():\n{n}{last}    return t\n",
        "late": f"def f():\n{n}{held}{last}    return len(kept)\n",
        "always": f"def f():\n{held}{n}{last}    return len(kept)\n",
    }
    mean = {}
    for name, code in programs.items():
        report = call(sandbox, code, cpu_limit_s=5, samples_memory=True)
        assert report.outcome is Outcome.ACCEPTED, report
        # The kernel batches its counts of pages: the two may differ by some dozens.
        assert report.mean_memory_bytes < report.peak_memory_bytes + (1 << 20)
        mean[name] = report.mean_memory_bytes / (1 << 20)
    assert 5 < mean["never"] < 40
    assert 30 < mean["always"] - mean["never"] < 41
    assert 6 < mean["late"] - mean["never"] < 20
    untold = call(sandbox, programs["never"], cpu_limit_s=5)
    assert untold.mean_memory_bytes == 0


def test_mean_memory_of_standard_input_programs(sandbox: Sandbox) -> None:
    code = "import sys\nkept = bytearray(b'x') * int(sys.stdin.readline())\n"
    code += "print(sum(range(8_000_000)))\n"
    small, large = (
        pipe(sandbox, code, f"{size << 20}\n", cpu_limit_s=5, samples_memory=True)
        for size in (1, 40)
    )
    assert 25 << 20 < large.mean_memory_bytes - small.mean_memory_bytes < 40 << 20


HOLD = """
def f(n):
    held = bytearray(n)
    for at in range(0, n, 4096): held[at] = 1
    return 1
"""


@contextlib.contextmanager
def memory_above(container_id: str, headroom_bytes: int) -> Iterator[None]:
    """Leaves all containers of the engine so much more memory than they have now, and no room in
    the files that the kernel keeps for them, which it would give up first."""
    client = docker.from_env()
    process_id = client.containers.get(container_id).attrs["State"]["Pid"]
    client.close()
    lines = Path(f"/proc/{process_id}/cgroup").read_text().splitlines()
    paths = dict(line.split(":", 2)[1:] for line in lines)
    if "memory" in paths:
        folder, names = (
            Path("/sys/fs/cgroup/memory"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        )
    else:
        folder, names = Path("/sys/fs/cgroup"), ("memory.max", "memory.current")
    above = (folder / paths.get("memory", paths.get("", "")).lstrip("/")).parent
    if above.name != "docker":
        pytest.skip(f"containers are in {above}, which is not the engine's own")
    limit, usage = (above / name for name in names)
    before = limit.read_text().strip()
    counted = dict(line.split() for line in (above / "memory.stat").read_text().splitlines())
    prefix = "total_" if "total_active_file" in counted else ""
    files = sum(int(counted[f"{prefix}{kind}_file"]) for kind in ("active", "inactive"))
    try:
        limit.write_text(str(int(usage.read_text()) - files + headroom_bytes))
        yield
    finally:
        limit.write_text("-1" if before.isdecimal() else before)


def test_kill_below_the_containers_own_limit_says_nothing_of_the_program(sandbox: Sandbox) -> None:
    """As on a host whose memory is taken by others: the kernel picks the child of the sandbox."""
    fits = f"[{MEMORY_LIMIT_BYTES // 2}]"
    assert call(sandbox, HOLD, fits, cpu_limit_s=5).outcome is Outcome.ACCEPTED
    with memory_above(sandbox.container_id, MEMORY_LIMIT_BYTES // 4):
        report = call(sandbox, HOLD, fits, cpu_limit_s=5)
    assert report.outcome is Outcome.SANDBOX_FAILED, report
    assert "below the container's limit" in report.failure
    assert call(sandbox, HOLD, fits, cpu_limit_s=5).outcome is Outcome.ACCEPTED
    too_much = call(sandbox, HOLD, f"[{2 * MEMORY_LIMIT_BYTES}]", cpu_limit_s=5)
    assert too_much.outcome is Outcome.MEMORY_LIMIT
