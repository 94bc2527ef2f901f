"""One property of the sandbox a test; after every program a canary must be accepted.

Needs a Docker engine. The programs run on the last sandbox core, in one container for all tests,
with the shortest limits that make their point. Programs that attack are in
test_hostile_programs.py.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time

import pytest
from sandbox_runs import CPU_LIMIT_S, MEMORY_LIMIT_BYTES, call, pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.container import RunRequest, Sandbox
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.sandbox.guest.supervise import OUTPUT_LIMIT_BYTES, Counters
from skeldpo.sandbox.image import SandboxImage
from skeldpo.sandbox.protocol import Channel
from skeldpo.sandbox.sweep import LABEL, sweep_stale_containers
from skeldpo.values import decode, encode

pytestmark = pytest.mark.docker

# Ordinary programs


def test_function_answers_every_input_in_canonical_json(sandbox: Sandbox) -> None:
    code = "def f(a, b):\n    return {'sum': a + b, 'all': (a, {b, 1}), 2 > 1: None}"
    report = call(
        sandbox, "def f(a, b):\n    return {'s': (a, {b, 1}), 'a': 'é'}", "[1, 2]", "[3, 1]"
    )
    assert report.outcome is Outcome.ACCEPTED, report.failure
    assert report.answer_texts == (
        '{"s":{"$tuple":[1,{"$set":[1,2]}]},"a":"\\u00e9"}',
        '{"s":{"$tuple":[3,{"$set":[1]}]},"a":"\\u00e9"}',
    )
    assert call(sandbox, code, "[1, 2]").answer_texts == (
        '{"$dict":[["sum",3],["all",{"$tuple":[1,{"$set":[1,2]}]}],[true,null]]}',
    )
    assert 0 < report.cpu_time_ns <= report.total_cpu_time_ns
    assert 4 << 20 < report.peak_memory_bytes < MEMORY_LIMIT_BYTES


def test_method_entry_point_gets_a_fresh_object_per_call(sandbox: Sandbox) -> None:
    code = (
        "class Solution:\n    def __init__(self): self.n = 0\n"
        "    def add(self, k):\n        self.n += k\n        return self.n"
    )
    report = sandbox.run(
        RunRequest(
            language="python",
            kind="function",
            code=code,
            entry_point="Solution.add",
            input_texts=("[1]", "[2]"),
            cpu_limit_s=CPU_LIMIT_S,
        )
    )
    assert report.answer_texts == ("1", "2")


def test_stdio_runs_as_main_once_per_input(sandbox: Sandbox) -> None:
    code = (
        "import sys\nif __name__ == '__main__':\n"
        "    print(sum(map(int, sys.stdin.read().split())))\n    sys.exit(0)"
    )
    report = pipe(sandbox, code, "1 2", "3 4")
    assert (report.outcome, report.answer_texts) == (Outcome.ACCEPTED, ("3\n", "7\n"))


def test_stdio_program_may_answer_from_threads_and_at_exit(sandbox: Sandbox) -> None:
    code = (
        "import threading, atexit, time\n"
        "atexit.register(lambda: print('last'))\n"
        "def g():\n    time.sleep(0.05)\n    print('first')\n"
        "threading.Thread(target=g).start()"
    )
    assert pipe(sandbox, code).answer_texts == ("first\nlast\n",)


def test_deep_recursion_in_a_big_thread_stack_is_accepted(sandbox: Sandbox) -> None:
    code = (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(2**27)\n"
        "def depth(n): return 0 if n == 0 else 1 + depth(n - 1)\n"
        "t = threading.Thread(target=lambda: print(depth(50000)))\nt.start()\nt.join()"
    )
    report = pipe(sandbox, code)
    assert (report.outcome, report.answer_texts) == (Outcome.ACCEPTED, ("50000\n",))


def test_five_mebibytes_come_back_whole(sandbox: Sandbox) -> None:
    num_bytes = 5 << 20
    spoken = pipe(sandbox, f"print('x' * {num_bytes}, end='')")
    returned = call(sandbox, f"def f():\n    return 'y' * {num_bytes}")
    assert spoken.answer_texts == ("x" * num_bytes,)
    assert returned.answer_texts == (json.dumps("y" * num_bytes),)


def test_answer_that_ends_just_over_the_limit_is_a_verdict(sandbox: Sandbox) -> None:
    """Its end comes with the bytes that cross the limit; the host takes no report so long."""
    over = call(sandbox, f"def f():\n    return 'y' * {OUTPUT_LIMIT_BYTES}")
    assert (over.outcome, over.answer_texts) == (Outcome.OUTPUT_LIMIT, ())
    text = "y" * (OUTPUT_LIMIT_BYTES - len('""\n'))
    assert call(sandbox, f"def f():\n    return {text[0]!r} * {len(text)}").answer_texts == (
        json.dumps(text),
    )


def test_large_standard_input_is_delivered_or_ignored(sandbox: Sandbox) -> None:
    text = "z" * (8 << 20)
    assert pipe(sandbox, "print(len(input()))", text).answer_texts == (f"{8 << 20}\n",)
    assert pipe(sandbox, "print('no')", text).answer_texts == ("no\n",)


def test_input_of_many_runs_goes_to_a_container_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs next, and whatever the run before did to its own copy."""
    frames, send = list[bytes](), Channel.send

    def noted(channel: Channel, frame: bytes, timeout_s: float) -> None:
        frames.append(frame)
        send(channel, frame, timeout_s)

    monkeypatch.setattr(Channel, "send", noted)
    programs = {
        "def f(x):\n    return sum(x)": lambda x: sum(x),
        "def f(x):\n    x[:] = [1]\n    return 1": lambda x: 1,
        "def f(x):\n    return x[-1] // 0": None,
        "def f(x):\n    return len(x)": lambda x: len(x),
    }
    large, small, other = ([k] * num for k, num in ((7, 90_000), (5, 3), (8, 90_000)))
    for numbers in (large, large, small, other, large, large):
        for code, right in programs.items():
            report = call(sandbox, code, json.dumps([numbers]))
            if right is None:
                assert "ZeroDivisionError" in report.failure
            else:
                assert report.answer_texts == (str(right(numbers)),), report.failure
    assert sum(len(frame) > 90_000 for frame in frames) == 3
    # Lines of standard input are inputs of their own, sent ahead of their runs.
    echo = "print(input() * 2)"
    assert pipe(sandbox, echo, "a", "a", "b", "b", "a").answer_texts == (
        "aa\n", "aa\n", "bb\n", "bb\n", "aa\n"
    )  # fmt: skip
    monkeypatch.undo()
    # The next container was sent nothing yet.
    subprocess.run(["docker", "kill", sandbox.container_id], check=True, capture_output=True)
    assert pipe(sandbox, echo, "a").outcome is Outcome.SANDBOX_FAILED
    assert pipe(sandbox, echo, "a").answer_texts == ("aa\n",)


def test_answers_of_many_runs_come_from_a_container_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, read = list[int](), Channel._read

    def noted(channel: Channel, num_bytes: int, deadline: float) -> bytes:
        sizes.append(num_bytes)
        return read(channel, num_bytes, deadline)

    monkeypatch.setattr(Channel, "_read", noted)
    same = "def f(x):\n    return x", "def f(x):\n    return list(x)"
    large, other = ([k] * 90_000 for k in (7, 8))
    expected = {one[0]: encode(one).replace(" ", "") for one in (large, other)}
    for numbers, num_reads in ((large, 1), (large, 1), (other, 2), (large, 3)):
        for code in same:
            (answer,) = call(sandbox, code, json.dumps([numbers])).answer_texts
            assert answer == expected[numbers[0]]
        assert sum(size > 90_000 for size in sizes) == num_reads
    # What a program answered before it failed is an answer that went before, too.
    failing = "def f(x):\n    return x if len(x) > 1 else 1 // 0"
    report = call(sandbox, failing, json.dumps([large]), "[[1]]", "[[2, 2]]")
    assert (report.answer_texts, report.outcome) == ((expected[7],), Outcome.RUNTIME_ERROR)
    assert call(sandbox, same[0], json.dumps([large])).answer_texts == (expected[7],)
    assert call(sandbox, "def f(x):\n    1 // 0", "[1]").answer_texts == ()
    assert call(sandbox, same[0], "[5]").answer_texts == ("5",)


@pytest.mark.parametrize("num_words", [1, 8_000])
def test_answers_of_the_run_before_are_nowhere_in_a_programs_memory(
    sandbox: Sandbox, num_words: int
) -> None:
    """PID 1 compares them, and its memory is what a program's process begins with."""
    answers = (
        f"def f():\n    return ['secret-' + format({secrets.randbits(64)}, '016x')] * {num_words}"
    )
    reads = (
        "import ctypes, re\n"
        "def f():\n"
        "    found = set()\n"
        "    for line in open('/proc/self/maps'):\n"
        "        bounds, mode = line.split()[:2]\n"
        "        if mode[0] == 'r' and '[vv' not in line and '[vs' not in line:\n"
        "            first, end = (int(each, 16) for each in bounds.split('-'))\n"
        "            text = ctypes.string_at(first, end - first)\n"
        "            found |= {*re.findall(b'secret-[0-9a-f]{16}', text)}\n"
        "    return sorted(map(str, found))"
    )
    for _ in range(2):
        assert len(decode(call(sandbox, answers, "[]").answer_texts[0])) == num_words
    report = call(sandbox, reads, "[]", cpu_limit_s=5)
    assert (report.outcome, report.answer_texts) == (Outcome.ACCEPTED, ("[]",)), report.failure


def test_modules_that_a_program_imports_are_loaded_before_the_clock(sandbox: Sandbox) -> None:
    code = (
        "import sys\nloaded = [m in sys.modules for m in ('statistics', 'decimal', 'queue')]\n"
        "from statistics import mean; import math, decimal as d\nprint(loaded, mean([1, 2]))"
    )
    assert pipe(sandbox, code, "").answer_texts == ("[True, True, False] 1.5\n",)
    asks = "import sys\nprint('random' in sys.modules)  # import random"
    assert pipe(sandbox, asks, "").answer_texts == ("False\n",)


# Failures


@pytest.mark.parametrize(
    ("code", "outcome", "words"),
    [
        ("def g(): return 1", Outcome.RUNTIME_ERROR, "'f'"),
        ("f = 3", Outcome.RUNTIME_ERROR, "expected a function"),
        ("def f(:", Outcome.COMPILE_ERROR, "SyntaxError"),
        ("def f(): return 1\0", Outcome.COMPILE_ERROR, "null bytes"),
        ("def f(): return '\ud800'", Outcome.COMPILE_ERROR, "Unicode"),
        ("x = " + "(" * 200_000, Outcome.COMPILE_ERROR, "parenthes"),
        ("def f(): raise KeyError('k')", Outcome.RUNTIME_ERROR, "KeyError: 'k'"),
        ("def f(): f()", Outcome.RUNTIME_ERROR, "RecursionError"),
        ("import sys\nsys.exit(0)", Outcome.RUNTIME_ERROR, "0 of 1 answers"),
        ("def f():\n    import sys\n    sys.exit(0)", Outcome.RUNTIME_ERROR, "SystemExit"),
        ("import os\nos._exit(0)", Outcome.RUNTIME_ERROR, "status 0"),
        ("def f():\n    import os\n    os.abort()", Outcome.RUNTIME_ERROR, "SIGABRT"),
        ("def f():\n    import os\n    os.kill(os.getpid(), 9)", Outcome.RUNTIME_ERROR, "SIGKILL"),
        ("def f():\n    import ctypes\n    ctypes.string_at(0)", Outcome.RUNTIME_ERROR, "SIGSEGV"),
        ("def f():\n    import numpy", Outcome.RUNTIME_ERROR, "ModuleNotFoundError"),
    ],
)
def test_failing_program_gets_its_verdict(
    sandbox: Sandbox, code: str, outcome: Outcome, words: str
) -> None:
    report = call(sandbox, code)
    assert report.outcome is outcome, report
    assert words in report.failure


def test_answers_before_a_failure_are_kept(sandbox: Sandbox) -> None:
    report = call(sandbox, "def f(a): return 1 // a", "[1]", "[0]", "[1]")
    assert (report.outcome, report.answer_texts) == (Outcome.RUNTIME_ERROR, ("1",))
    assert "1 of 3 answers" in report.failure


@pytest.mark.parametrize(
    "value",
    ["object()", "iter([1])", "1 << 10 ** 6", "map(str, [1])", "f", "type('L', (list,), "
     "{'__eq__': lambda a, b: True})([1])", "type('E', (int,), {'__eq__': lambda a, b: True})(3)"],
)  # fmt: skip
def test_value_that_is_not_plain_data_is_refused(sandbox: Sandbox, value: str) -> None:
    report = call(sandbox, f"def f():\n    return [{value}]")
    assert (report.outcome, report.answer_texts) == (Outcome.RUNTIME_ERROR, ())
    (odd,) = report.odd_answer_texts
    assert odd.startswith('{"$object":"')
    assert report.failure.startswith("answer 0 is not plain data: ")


def test_answers_go_on_after_one_that_is_not_plain_data(sandbox: Sandbox) -> None:
    code = "def f(a):\n    return iter([]) if a == 2 else a"
    report = call(sandbox, code, "[1]", "[2]", "[3]")
    assert (report.outcome, report.answer_texts) == (Outcome.RUNTIME_ERROR, ("1",))
    assert report.odd_answer_texts == ("1", '{"$object":"list_iterator"}', "3")
    assert report.cpu_time_ns > 0


def test_values_keep_their_types_on_both_ways(sandbox: Sandbox) -> None:
    code = (
        "from collections import Counter, namedtuple\nP = namedtuple('P', 'x y')\n"
        "def f(*given):\n    return [P(*given[:2]), Counter(given[2]), [type(v).__name__ "
        "for v in given]]"
    )
    given = [(1, 2), {3}, {(4,): 5}, 1j, b"x", 10**5000, frozenset([6])]
    (text,) = call(sandbox, code, encode(given), cpu_limit_s=5).answer_texts
    assert decode(text) == [
        ((1, 2), {3}),
        {(4,): 5},
        ["tuple", "set", "dict", "complex", "bytes", "int", "frozenset"],
    ]


def test_locked_box_costs_the_container_and_not_the_next_run(sandbox: Sandbox) -> None:
    code = "import os\ndef f():\n    open('/box/x', 'w')\n    os.chmod('/box', 0)\n    return 1"
    assert call(sandbox, code).outcome is Outcome.ACCEPTED
    assert call(sandbox, "import os\ndef f(): return os.listdir('/box')").answer_texts == ("[]",)


# The engine


def test_container_of_a_killed_process_ends_and_is_swept(image: SandboxImage) -> None:
    script = (
        "import sys, time\nfrom skeldpo.sandbox.container import Sandbox\n"
        "from skeldpo.sandbox.image import SandboxImage\n"
        f"image = {image!r}\n"
        f"s = Sandbox(image=image, core={sandbox_cores()[-1]}, memory_limit_bytes=1 << 28)\n"
        "print(s.container_id, flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    container_id = process.stdout.readline().strip()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    runtime = connect(image.engine)
    deadline = time.monotonic() + 20
    while not {each.container_id: each.has_ended for each in runtime.list_containers(LABEL)}[
        container_id
    ]:
        assert time.monotonic() < deadline, "the container outlives its owner"
        time.sleep(0.1)
    assert sweep_stale_containers(runtime) >= 1
    left = runtime.list_containers(LABEL)
    assert container_id not in [each.container_id for each in left]
    runtime.close()


@pytest.mark.parametrize(
    ("input_text", "words"), [("3", "JSON array"), ("[", "not JSON"), ("[" * 10**5, "not JSON")]
)
def test_input_that_is_no_argument_list_is_a_value_error(
    sandbox: Sandbox, input_text: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        call(sandbox, "def f(): return 1", input_text)


def test_replaced_containers_leave_the_spare_at_hand(image: SandboxImage) -> None:
    """The first replacement starts a container; later ones take the spare, on the same core."""
    core = sandbox_cores()[-1]
    runtime = connect(image.engine)
    with Sandbox(image=image, core=core, memory_limit_bytes=MEMORY_LIMIT_BYTES) as sandbox:
        ids, seconds = [sandbox.container_id], []
        for _ in range(3):
            orphan = "import os, time\ndef f():\n    os.fork() or time.sleep(9)\n    return 1"
            started_s = time.monotonic()
            assert call(sandbox, orphan).outcome is Outcome.VIOLATION
            seconds.append(time.monotonic() - started_s)
            ids.append(sandbox.container_id)
            where = "import os\ndef f(): return sorted(os.sched_getaffinity(0))"
            assert call(sandbox, where).answer_texts == (f"[{core}]",)
            time.sleep(1.5)  # the spare starts meanwhile
        assert len(set(ids)) == 4
        assert min(seconds[1:]) < 0.7 * seconds[0], seconds
        spare = ids[-1]
    left = {each.container_id for each in runtime.list_containers(LABEL)}
    runtime.close()
    assert spare not in left and not left & set(ids)


def test_cpu_time_that_only_the_cgroup_saw_is_counted() -> None:
    """PID 1's own time and that of the children it waited for are known."""
    seen_ns = [0]
    counters = Counters(
        oom_kills=lambda: 3,
        cpu_ns=lambda: seen_ns[0] + time.process_time_ns(),
        reached_limit=lambda: False,
    )
    sum(range(2_000_000))
    kills, unaccounted_ns = counters.since_last()
    assert kills == 0 and unaccounted_ns < 5_000_000
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    seen_ns[0] = 400_000_000
    _, unaccounted_ns = counters.since_last()
    assert 50_000_000 < unaccounted_ns < 400_000_000, "less than was seen, by what the child used"


def test_supervisors_own_work_is_no_contention(sandbox: Sandbox) -> None:
    """PID 1 shares the core: it feeds three megabytes and reads two, and the program waits for it.
    Other processes may disturb some of the runs, but not all."""
    code = (
        "import sys\nfor line in sys.stdin:\n    sys.stdout.write(line[:40] + '\\n')\n"
        "    sys.stdout.flush()\n"
    )
    text = ("x" * 60 + "\n") * 50_000
    reports = [pipe(sandbox, code, text, cpu_limit_s=5) for _ in range(6)]
    assert {report.outcome for report in reports} == {Outcome.ACCEPTED}
    assert min(report.run_delay_ns / report.cpu_time_ns for report in reports) < 0.1
