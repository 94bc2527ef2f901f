"""The hostile programs that need nothing but a verdict, by their numbers (docs/SANDBOX.md)."""

from __future__ import annotations

from dataclasses import dataclass

from skeldpo.records import Outcome, ProblemKind

ACCEPTED, RUNTIME_ERROR = Outcome.ACCEPTED, Outcome.RUNTIME_ERROR
VIOLATION, MEMORY_LIMIT = Outcome.VIOLATION, Outcome.MEMORY_LIMIT
TIME_LIMIT, IDLE_LIMIT = Outcome.TIME_LIMIT, Outcome.IDLE_LIMIT
OUTPUT_LIMIT, COMPILE_ERROR = Outcome.OUTPUT_LIMIT, Outcome.COMPILE_ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A program, the verdicts that are right, and the answers where it may be accepted."""

    number: int
    name: str
    code: str
    outcomes: tuple[Outcome, ...]
    kind: ProblemKind = "function"
    input_text: str = ""
    answers: tuple[str, ...] | None = None
    cpu_limit_s: float = 0.3


def _function(
    number: int, name: str, code: str, *outcomes: Outcome, answers: tuple[str, ...] | None = None,
    cpu_limit_s: float = 0.3,
) -> Hostile:  # fmt: skip
    return Hostile(number=number, name=name, code=code, outcomes=outcomes, answers=answers,
                   cpu_limit_s=cpu_limit_s)  # fmt: skip


def _stdio(
    number: int, name: str, code: str, *outcomes: Outcome, answers: tuple[str, ...] | None = None,
    input_text: str = "", cpu_limit_s: float = 0.3,
) -> Hostile:  # fmt: skip
    return Hostile(number=number, name=name, code=code, outcomes=outcomes, answers=answers,
                   kind="stdio", input_text=input_text, cpu_limit_s=cpu_limit_s)  # fmt: skip


PROGRAMS = (
    _function(1, "spin", "def f():\n    while True: pass", TIME_LIMIT),
    _function(2, "sleep", "import time\ndef f(): time.sleep(1e9)", IDLE_LIMIT, cpu_limit_s=0.1),
    _function(
        3, "catch everything",
        "def f():\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: continue", TIME_LIMIT,
    ),
    _function(
        4, "ignore signals",
        "import signal\ndef f():\n    for s in (14, 15, 24): signal.signal(s, signal.SIG_IGN)\n"
        "    while True: pass", TIME_LIMIT,
    ),
    _function(5, "regular expression",
              "import re\ndef f(): return bool(re.match('(a+)+$', 'a' * 40 + 'b'))", TIME_LIMIT),
    _function(5, "big power", "def f(): return (10 ** 10 ** 8) % 7", TIME_LIMIT),
    _function(5, "big sum", "def f(): return sum(range(10 ** 12))", TIME_LIMIT),
    _function(6, "fork bomb", "import os\ndef f():\n    while True: os.fork()",
              RUNTIME_ERROR, VIOLATION),
    _stdio(
        7, "daemon",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.closerange(0, 256)\n        time.sleep(1e9)\n    os._exit(0)\nprint('right')",
        VIOLATION,
    ),
    _stdio(8, "child keeps stdout",
           "import os, time\nif os.fork() == 0:\n    time.sleep(1e9)\nprint('right')", VIOLATION),
    _function(
        9, "thread bomb",
        "import threading, time\ndef f():\n    for _ in range(10000):\n"
        "        threading.Thread(target=time.sleep, args=(9,)).start()", RUNTIME_ERROR,
    ),
    _function(10, "eight gigabytes", "def f():\n    x = bytearray(8 << 30)", MEMORY_LIMIT),
    _function(
        11, "slow leak",
        "def f():\n    keep = []\n    while True: keep.append(bytes(50_000))", MEMORY_LIMIT,
        cpu_limit_s=5,
    ),
    _function(
        12, "touch a map",
        "import mmap\ndef f():\n    m = mmap.mmap(-1, 2 << 30)\n    block = bytes(1 << 20)\n"
        "    while True: m.write(block)", MEMORY_LIMIT, cpu_limit_s=5,
    ),
    _function(
        12, "full disk",
        "def f():\n    with open('/box/x', 'wb') as o:\n"
        "        while True: o.write(bytes(1 << 20))", RUNTIME_ERROR, cpu_limit_s=5,
    ),
    _function(
        12, "a million files",
        "def f():\n    for n in range(10 ** 6): open(f'/box/{n}', 'w').close()",
        RUNTIME_ERROR, cpu_limit_s=5,
    ),
    _function(14, "endless recursion", "def f(): return f()", RUNTIME_ERROR),
    _function(14, "recursion without a limit",
              "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return [f()]",
              RUNTIME_ERROR, MEMORY_LIMIT, TIME_LIMIT, cpu_limit_s=5),
    _stdio(15, "endless output", "while True: print('x' * 100_000)", OUTPUT_LIMIT, cpu_limit_s=5),
    _stdio(15, "endless error output",
           "import sys\nwhile True: sys.stderr.write('x' * 1_000_000)", OUTPUT_LIMIT,
           cpu_limit_s=5),
    _stdio(15, "a line of a gigabyte",
           "import sys\nfor _ in range(1024): sys.stdout.write('x' * (1 << 20))", OUTPUT_LIMIT,
           cpu_limit_s=5),
    _function(17, "close and spin",
              "import os\ndef f():\n    os.closerange(0, 256)\n    while True: pass", TIME_LIMIT),
    _stdio(18, "read for ever",
           "import sys\nwhile True:\n    sys.stdin.read()", TIME_LIMIT, input_text="1"),
    _function(19, "exit at import", "import os\nos._exit(0)", RUNTIME_ERROR),
    _function(19, "exit in a module of the library",
              "import unittest.__main__\ndef f(): return 1", RUNTIME_ERROR, cpu_limit_s=1),
    _function(20, "exit in the call", "import sys\ndef f(): sys.exit(0)", RUNTIME_ERROR),
    _stdio(21, "spin at exit",
           "import atexit\n@atexit.register\ndef g():\n    while True: pass\nprint(1)", TIME_LIMIT),
    _stdio(21, "a thread that stays",
           "import threading, time\nthreading.Thread(target=time.sleep, args=(1e9,)).start()\n"
           "print(1)", IDLE_LIMIT, cpu_limit_s=0.1),
    _function(22, "equal to everything",
              "class E:\n    def __eq__(self, other): return True\ndef f(): return E()",
              RUNTIME_ERROR),
    _function(23, "int that lies",
              "class E(int):\n    def __eq__(self, other): return True\ndef f(): return E(3)",
              RUNTIME_ERROR),
    _function(23, "huge int", "def f(): return 1 << 10 ** 6", RUNTIME_ERROR),
    _function(23, "not a number", "def f(): return [float('nan')] * 2", ACCEPTED,
              answers=("[NaN,NaN]",)),
    _function(
        29, "patched builtins",
        "import builtins, json, gc, sys, time\n"
        "for module in (builtins, json, gc, time):\n    for name in dir(module):\n"
        "        if name in ('print', 'dumps', 'encode', 'collect', 'time', 'perf_counter'):\n"
        "            setattr(module, name, lambda *a, **k: 0)\n"
        "sys.modules.clear()\ndef f(): return 5", ACCEPTED, RUNTIME_ERROR, answers=("5",),
    ),
    _function(
        35, "sleeping parent",
        "import os, time\ndef f():\n    if os.fork() == 0:\n        sum(range(10 ** 7))\n"
        "        time.sleep(60)\n    time.sleep(0.05)\n    return 1", VIOLATION,
    ),
    _function(
        35, "helper that takes more than the limit",
        "import os, time\ndef f():\n    if os.fork() == 0:\n"
        "        while time.process_time() < 0.45: pass\n        os._exit(0)\n"
        "    os.wait()\n    return 1", TIME_LIMIT,
    ),
    _function(36, "lazy result", "def f(): return map(str, range(10))", RUNTIME_ERROR),
    _function(
        40, "strange files",
        "import os\ndef f():\n    os.symlink('/etc/shadow', '/box/out')\n    os.mkfifo('/box/p')\n"
        "    with open('/box/big', 'wb') as o: o.truncate(1 << 25)\n"
        "    open(b'/box/\\xff\\xfe', 'w').close()\n    os.chdir('/box')\n"
        "    for _ in range(900):\n        os.mkdir('d')\n        os.chdir('d')\n    return 1",
        ACCEPTED, answers=("1",),
    ),
    _function(41, "segmentation fault",
              "import ctypes\ndef f(): return ctypes.string_at(0)", RUNTIME_ERROR),
    _function(41, "abort", "import os\ndef f(): os.abort()", RUNTIME_ERROR),
    _function(41, "kill itself", "import os\ndef f(): os.kill(os.getpid(), 9)", RUNTIME_ERROR),
    _function(41, "signal without a name", "import os\ndef f(): os.kill(os.getpid(), 40)",
              RUNTIME_ERROR),
    _function(
        42, "other cores",
        "import os\ndef f():\n    n = len(os.sched_getaffinity(0))\n"
        "    try:\n        os.sched_setaffinity(0, range(64))\n    except OSError: pass\n"
        "    try:\n        os.nice(-20)\n        return 'nice'\n    except OSError: pass\n"
        "    return [n, len(os.sched_getaffinity(0))]", ACCEPTED, answers=("[1,1]",),
    ),
    _stdio(
        44, "control characters",
        r"import sys; sys.stdout.buffer.write(b'\x1b[2J\r\x00\xef\xbb\xbf\xff\n')", ACCEPTED,
        answers=("\x1b[2J\r\x00\ufeff\\xff\n",),
    ),
    _function(45, "null bytes", "def f(): return 1\0", COMPILE_ERROR),
    _function(45, "nested parentheses", "x = " + "(" * 900_000, COMPILE_ERROR, cpu_limit_s=5),
    _function(45, "ten megabytes", "x = 1\n" * 1_700_000, COMPILE_ERROR),
    _function(45, "blow-up in the compiler", "x = " + "-" * 100_000 + "1",
              COMPILE_ERROR, RUNTIME_ERROR, MEMORY_LIMIT, cpu_limit_s=5),
    _function(
        46, "own limits",
        "import ctypes, resource\ndef f():\n"
        "    for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):\n"
        "        try: resource.setrlimit(kind, (-1, -1))\n"
        "        except (OSError, ValueError): pass\n"
        "    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)\n    while True: pass", TIME_LIMIT,
    ),
    _function(55, "child that nobody waits for",
              "import os\ndef f():\n    if os.fork() == 0:\n        while True: pass\n    return 1",
              VIOLATION, cpu_limit_s=5),
    _function(55, "child of the top level",
              "import os, time\nif os.fork() == 0: time.sleep(1e9)\ndef f(): return 1",
              VIOLATION, cpu_limit_s=5),
    _function(47, "stop itself", "import os\ndef f(): os.kill(os.getpid(), 19)", IDLE_LIMIT,
              cpu_limit_s=0.1),
)  # fmt: skip
