"""What counts as a program's time: all that it makes the machine do from its first statement on."""

from __future__ import annotations

import statistics

import pytest
from sandbox_runs import CPU_LIMIT_S, call, pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox

pytestmark = pytest.mark.docker

WORK = "sum(i * i % 7 for i in range(120_000))"
"""Some ten milliseconds."""
IN_THE_CALL = f"def f(): return {WORK}"
BEFORE_THE_CALL = {
    "module level": f"TABLE = {WORK}\ndef f(): return TABLE",
    "comprehension": f"TABLE = [{WORK} for _ in range(1)]\ndef f(): return TABLE[0]",
    "default argument": f"def f(table={WORK}): return table",
    "keyword default": f"def f(*, table={WORK}): return table",
    "annotation": f"def f() -> [RESULT := {WORK}]: return RESULT",
    "class body": f"class T:\n    table = {WORK}\ndef f(): return T.table",
    "decorator": f"def keep(g):\n    r = {WORK}\n    return lambda: r\n@keep\ndef f(): pass",
    "metaclass": (
        f"class M(type):\n    def __init__(c, *a): c.table = {WORK}\n"
        "class T(metaclass=M): pass\ndef f(): return T.table"
    ),
    "subclass hook": (
        f"class B:\n    def __init_subclass__(c): c.table = {WORK}\n"
        "class T(B): pass\ndef f(): return T.table"
    ),
    "descriptor": (
        f"class D:\n    def __set_name__(s, o, n): s.table = {WORK}\n"
        "class T: d = D()\nkept = vars(T)['d']\ndef f(): return kept.table"
    ),
    "compiled text": f"exec(compile('TABLE = {WORK}', 'x', 'exec'))\ndef f(): return TABLE",
    "joined thread": (
        "import threading\nkept = []\n"
        f"t = threading.Thread(target=lambda: kept.append({WORK}))\nt.start()\nt.join()\n"
        "def f(): return kept[0]"
    ),
    "thread that the call waits for": (
        "import threading\nkept = []\n"
        f"t = threading.Thread(target=lambda: kept.append({WORK}))\nt.start()\n"
        "def f():\n    t.join()\n    return kept[0]"
    ),
    "waited-for child": (
        "import os\nr, w = os.pipe()\nif os.fork() == 0:\n"
        f"    os.write(w, str({WORK}).encode())\n    os._exit(0)\nos.wait()\n"
        "def f(): return int(os.read(r, 99))"
    ),
    "child that the kernel reaps": (
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nr, w = os.pipe()\n"
        f"def f():\n    if os.fork() == 0:\n        os.write(w, str({WORK}).encode())\n"
        "        os._exit(0)\n    try: os.wait()\n    except ChildProcessError: pass\n"
        "    return int(os.read(r, 99))"
    ),
}


def _ratio(sandbox: Sandbox, code: str) -> float:
    """CPU time of a program over that of the same work in the call: the median of runs in turns."""
    ratios = []
    for _ in range(5):
        honest = call(sandbox, IN_THE_CALL, cpu_limit_s=5)
        other = call(sandbox, code, cpu_limit_s=5)
        assert other.outcome is Outcome.ACCEPTED, other
        assert other.answer_texts == honest.answer_texts, other
        ratios.append(other.cpu_time_ns / honest.cpu_time_ns)
    return statistics.median(ratios)


@pytest.mark.parametrize("disguise", BEFORE_THE_CALL)
def test_work_before_the_call_counts(sandbox: Sandbox, disguise: str) -> None:
    assert _ratio(sandbox, BEFORE_THE_CALL[disguise]) > 0.8


def test_process_that_is_left_to_pid_1_is_a_violation(sandbox: Sandbox) -> None:
    code = (
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nr, w = os.pipe()\n"
        "def f():\n    if os.fork() == 0:\n        if os.fork() == 0:\n"
        f"            os.write(w, str({WORK}).encode())\n            os._exit(0)\n"
        "        os._exit(0)\n    os.close(w)\n    answer = os.read(r, 99)\n    os.read(r, 1)\n"
        "    return int(answer)"
    )
    assert call(sandbox, code, cpu_limit_s=5).outcome is Outcome.VIOLATION


def test_processes_cannot_hide_two_milliseconds_of_six(sandbox: Sandbox) -> None:
    """Two unreaped children, each below what one could hide, on top of honest work."""
    honest = f"def f(): return {WORK.replace('120_000', '70_000')}"
    hidden = (
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        f"{honest.replace('f()', 'g()')}\ndef f():\n"
        "    for _ in range(2):\n        if os.fork() == 0:\n"
        "            sum(i * i % 7 for i in range(12_000))\n            os._exit(0)\n"
        "    try: os.wait()\n    except ChildProcessError: return g()"
    )
    added = []
    for _ in range(7):
        alone = call(sandbox, honest, cpu_limit_s=5)
        both = call(sandbox, hidden, cpu_limit_s=5)
        assert both.answer_texts == alone.answer_texts
        added.append(both.cpu_time_ns / alone.cpu_time_ns)
    assert statistics.median(added) > 1.25


def test_module_that_a_program_writes_and_imports_is_its_own_work(sandbox: Sandbox) -> None:
    code = (
        "import sys\nsys.path.insert(0, '/box')\n"
        f"open('/box/own_table.py', 'w').write({f'TABLE = {WORK}'!r})\n"
        "from own_table import TABLE\ndef f(): return TABLE"
    )
    assert _ratio(sandbox, code) > 0.8


def test_thread_that_still_works_when_the_answer_comes_counts(sandbox: Sandbox) -> None:
    code = (
        "import threading, time\n"
        f"threading.Thread(target=lambda: [{WORK} for _ in range(99)], daemon=True).start()\n"
        "def f():\n    time.sleep(0.1)\n    return 1"
    )
    report = call(sandbox, code, cpu_limit_s=5)
    assert report.outcome is Outcome.ACCEPTED
    assert report.cpu_time_ns > 30_000_000


def test_forged_word_that_it_is_ready_gains_nothing(sandbox: Sandbox) -> None:
    """It gets its input before the rest of its top level has run; the clock runs since START."""
    code = (
        "import os\nfor fd in range(3, 99):\n    try: os.write(fd, b'R')\n"
        f"    except OSError: pass\nTABLE = {WORK}\ndef f(n): return TABLE"
    )
    report = call(sandbox, code, "[5]", cpu_limit_s=5)
    honest = call(sandbox, IN_THE_CALL, cpu_limit_s=5)
    assert report.outcome is not Outcome.ACCEPTED or report.cpu_time_ns > 0.3 * honest.cpu_time_ns


# Nothing is kept from one run to the next


def test_server_that_would_remember_answers_does_not_live(sandbox: Sandbox) -> None:
    code = (
        "import os, socket\ndef f(n):\n    s = socket.socket(socket.AF_UNIX)\n"
        "    try:\n        s.connect('\\0memo')\n        return 'remembered'\n"
        "    except OSError: pass\n    if os.fork() == 0:\n        os.setsid()\n"
        "        t = socket.socket(socket.AF_UNIX)\n        t.bind('\\0memo')\n        t.listen()\n"
        "        while True: t.accept()\n    return n"
    )
    reports = [call(sandbox, code, "[7]") for _ in range(3)]
    assert {report.outcome for report in reports} == {Outcome.VIOLATION}
    assert "remembered" not in "".join(text for report in reports for text in report.answer_texts)


def test_inputs_of_one_program_do_not_share_files(sandbox: Sandbox) -> None:
    code = (
        "import os\nn = int(input())\nseen = os.listdir('/box') + os.listdir('/tmp')\n"
        "for place in ('/box/memo', '/tmp/memo'): open(place, 'w').write('x')\nprint(n, seen)"
    )
    report = pipe(sandbox, code, "1\n", "2\n", "3\n")
    assert report.answer_texts == ("1 []\n", "2 []\n", "3 []\n")


# What is loaded before the clock


def test_what_a_program_imports_is_loaded_before_the_clock(sandbox: Sandbox) -> None:
    bare = call(sandbox, "def f(): return 1")
    imports = (
        "import decimal, xml.etree.ElementTree as E\nfrom concurrent.futures import (\n"
        "    ThreadPoolExecutor,\n    process)\ntry: import asyncio; import email.mime.text\n"
        "except ImportError: pass\ndef f(): return 1"
    )
    rich = min((call(sandbox, imports) for _ in range(3)), key=lambda report: report.cpu_time_ns)
    assert rich.outcome is Outcome.ACCEPTED, rich
    assert rich.total_cpu_time_ns > 20 * rich.cpu_time_ns > 0
    assert rich.cpu_time_ns < bare.cpu_time_ns + 500_000


def test_import_that_fails_or_prints_is_left_to_the_program(sandbox: Sandbox) -> None:
    code = (
        "try: import nothing_of_the_kind\nexcept ImportError: kept = 'none'\ndef f(): return kept"
    )
    assert call(sandbox, code).answer_texts == ('"none"',)
    assert pipe(sandbox, "if 0: import this\nprint(1)").answer_texts == ("1\n",)


def test_identical_programs_take_the_same_time_with_nothing_hidden(sandbox: Sandbox) -> None:
    """What the kernel's two counts differ by is not taken for hidden time: a short program that
    hides nothing never takes half a millisecond more than usual."""
    times = sorted(call(sandbox, "def f(): return 1").cpu_time_ns for _ in range(200))
    assert times[190] < times[100] + 400_000


# Preamble


def _with_preamble(sandbox: Sandbox, preamble: str, code: str) -> RunReport:
    return sandbox.run(
        RunRequest(
            language="python",
            kind="function",
            code=code,
            entry_point="f",
            input_texts=("[]",),
            cpu_limit_s=CPU_LIMIT_S,
            preamble=preamble,
        )
    )


def test_preamble_defines_names_and_costs_no_time(sandbox: Sandbox) -> None:
    preamble = f"from math import inf\nTABLE = {WORK}\ndef half(n): return n // 2"
    code = (
        "from __future__ import annotations\n"
        "def f(a: Unknown = 7): return [half(a), TABLE, inf > 1]"
    )
    report = _with_preamble(sandbox, preamble, code)
    work = call(sandbox, IN_THE_CALL)
    assert report.answer_texts == (f"[3,{work.answer_texts[0]},true]",), report
    assert report.cpu_time_ns < 0.3 * work.cpu_time_ns


def test_program_may_define_what_the_preamble_defined(sandbox: Sandbox) -> None:
    report = _with_preamble(
        sandbox, "def g(): return 1\nf = 3", "def g(): return 2\ndef f(): return g()"
    )
    assert report.answer_texts == ("2",)


def test_lines_of_a_program_are_counted_without_its_preamble(sandbox: Sandbox) -> None:
    report = _with_preamble(sandbox, "x = 1\n" * 50, "def f():\n    return 1 // 0")
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert "line 2, in f" in report.failure


def test_preamble_that_fails_is_not_the_programs_fault(sandbox: Sandbox) -> None:
    report = _with_preamble(sandbox, "import nothing_of_the_kind", "def f(): return 1")
    assert report.outcome is Outcome.SANDBOX_FAILED
    assert "preamble" in report.failure


# Its own file


def test_program_can_read_its_own_file(sandbox: Sandbox) -> None:
    code = "print(open(__file__).read().count('p'))"
    assert pipe(sandbox, code).answer_texts == (f"{code.count('p')}\n",)


def test_answer_before_the_input_is_a_violation(sandbox: Sandbox) -> None:
    code = (
        "import os\nfor fd in range(3, 99):\n    try: os.write(fd, b'1\\n')\n"
        "    except OSError: pass\ndef f(n): return 1"
    )
    assert call(sandbox, code, "[5]").outcome is Outcome.VIOLATION
