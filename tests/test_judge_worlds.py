"""Whole programs in the sandbox, as a judge of the field would run them.

Codeforces, AtCoder and DMOJ agree on what is here: a program is a script that is run by itself, and
what counts is its standard output and its exit status. Every program is to answer 42.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from sandbox_runs import pipe

from skeldpo.records import Outcome
from skeldpo.sandbox.container import Sandbox

LINES = "2\n40 2\nlast"
"""Without a line end behind the last line."""
SUM = "print(sum(map(int, lines[1].split())))\n"


class World(NamedTuple):
    """A program, how a judge of the field ends it, and what it has printed by then."""

    code: str
    outcome: Outcome = Outcome.ACCEPTED
    answer: str = "42\n"


READING = {
    "input": "lines = [input() for _ in range(3)]\n",
    "input until its end": (
        "lines = []\ntry:\n    while True:\n        lines.append(input())\n"
        "except EOFError:\n    pass\n"
    ),
    "readline cut": "import sys\nlines = [sys.stdin.readline()[:-1] for _ in range(2)]\n",
    "readlines": "import sys\nlines = sys.stdin.readlines()\n",
    "for line in stdin": "import sys\nlines = [line for line in sys.stdin]\n",
    "bytes": "import sys\nlines = sys.stdin.buffer.read().split(b'\\n')\n",
    "bytes by line": "import sys\nlines = sys.stdin.buffer.readlines()\n",
    "open(0)": "lines = open(0).read().splitlines()\n",
    "open(0) in binary, by line": "lines = list(open(0, 'rb'))\n",
    "os.read": "import os\nlines = os.read(0, 1 << 16).decode().split('\\n')\n",
    "/dev/stdin": "lines = open('/dev/stdin').readlines()\n",
    "/proc/self/fd/0": "lines = open('/proc/self/fd/0').readlines()\n",
    "fileinput": "import fileinput\nlines = list(fileinput.input())\n",
    "stdin as iterator": "import sys\nnext(sys.stdin)\nlines = ['', next(sys.stdin)]\n",
    "reconfigured": "import sys\nsys.stdin.reconfigure(encoding='latin-1')\n"
    "lines = sys.stdin.read().split('\\n')\n",
    "wrapped": "import io, sys\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer, 'utf-8')\n"
    "lines = sys.stdin.read().split('\\n')\n",
    "replaced input": "import sys\ninput = sys.stdin.readline\nlines = [input(), input()]\n",
    "all at once, by its size": "import io, os\n"
    "lines = io.BytesIO(os.read(0, os.fstat(0).st_size)).readlines()\n",
    "read twice": "import sys\nfirst = sys.stdin.read()\nsys.stdin.seek(0)\n"
    "lines = sys.stdin.readlines()\n",
    "mapped": "import mmap\nlines = mmap.mmap(0, 0, access=mmap.ACCESS_READ)[:].split(b'\\n')\n",
}
WRITING = {
    "no line end": World("import sys\nsys.stdout.write('42')", answer="42"),
    "bytes": World("import sys\nsys.stdout.buffer.write(b'42\\n')"),
    "os.write": World("import os\nos.write(1, b'42\\n')"),
    "text, then bytes": World(
        "import sys\nsys.stdout.write('4')\nsys.stdout.flush()\nsys.stdout.buffer.write(b'2\\n')"
    ),
    "stderr too": World("import sys\nprint('debug', file=sys.stderr)\nprint(42)"),
    "open(1)": World("with open(1, 'w') as out:\n    out.write('42\\n')"),
    "open(1), never closed": World("out = open(1, 'w', closefd=False)\nout.write('42\\n')"),
    "/dev/stdout": World("open('/dev/stdout', 'w').write('42\\n')"),
    "closed stdout": World("import sys\nprint(42)\nsys.stdout.close()"),
    "collected, written at exit": World(
        "import atexit, io, os, sys\nsys.stdout = io.StringIO()\n"
        "atexit.register(lambda: os.write(1, sys.stdout.getvalue().encode()))\nprint(42)"
    ),
    "own stdout": World(
        "import os, sys\nclass Out:\n    text = ''\n    def write(self, text):\n"
        "        self.text += text\n    def flush(self):\n        os.write(1, self.text.encode())\n"
        "        self.text = ''\nsys.stdout = Out()\nprint(42)"
    ),
    "when it is deleted": World(
        "class Last:\n    def __del__(self):\n        print(42)\nlast = Last()"
    ),
    "when it is deleted, with names of the program": World(
        "import os\nclass Last:\n    alive = 41\n    def __del__(self):\n"
        "        Last.alive += 1\n        os.write(1, b'%d\\n' % Last.alive)\nlast = Last()"
    ),
    "left open, with a class that ends": World(
        "class Last:\n    def __del__(self): pass\nout = open(1, 'w', closefd=False)\n"
        "out.write('42\\n')"
    ),
    "by the module of the built-in names": World("__builtins__.print(42)"),
    "by a process that ends with the program": World(
        "import os\nif os.fork():\n    os.wait()\n    print(2)\nelse:\n    print(4, end='')",
        answer="42\n",
    ),
    "text beyond ASCII": World("print('\\u017c\\u00f3')\nprint(42)", answer="\u017c\u00f3\n42\n"),
    "files in its folder": World("open('out.txt', 'w').write('42')\nprint(open('out.txt').read())"),
    "nothing read of much": World("print(42)"),
}
ENDING = {
    "os._exit(0) after a flush": World("import os\nprint(42, flush=True)\nos._exit(0)"),
    "os._exit(0) with a full buffer": World("import os\nprint(42)\nos._exit(0)", answer=""),
    "os._exit(0) in a function": World(
        "import os, sys\ndef main():\n    sys.stdout.write('42\\n')\n    sys.stdout.flush()\n"
        "    os._exit(0)\nmain()\n"
    ),
    "sys.exit()": World("import sys\nprint(42)\nsys.exit()\nprint(43)"),
    "sys.exit(0)": World("import sys\nprint(42)\nsys.exit(0)"),
    "sys.exit(False)": World("import sys\nprint(42)\nsys.exit(False)"),
    "sys.exit(256)": World("import sys\nprint(42)\nsys.exit(256)"),
    "exit()": World("print(42)\nexit()"),
    "quit()": World("print(42)\nquit()"),
    "exit(0) in a function": World("def f():\n    print(42)\n    exit(0)\nf()"),
    "raise SystemExit": World("print(42)\nraise SystemExit"),
    "exit in a thread": World(
        "import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()\n"
        "print(42)"
    ),
    "an exception in a thread": World(
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\n"
        "print(42)"
    ),
    "an exception at exit": World("import atexit\natexit.register(lambda: 1 / 0)\nprint(42)"),
    "exit at exit": World(
        "import atexit, os, sys\natexit.register(lambda: (sys.stdout.flush(), os._exit(0)))\n"
        "print(42)"
    ),
    "a thread that outlives main": World(
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(.05), print(42))).start()"
    ),
    "a daemon that never ends": World(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\nprint(42)"
    ),
    "a child that is waited for": World(
        "import os\nif os.fork() == 0:\n    os.write(1, b'42\\n')\n    os._exit(0)\nos.wait()"
    ),
    "closed stdin": World("import sys\nsys.stdin.close()\nprint(42)"),
    "sys.exit(1)": World("import sys\nprint(42)\nsys.exit(1)", Outcome.RUNTIME_ERROR),
    "sys.exit(-1)": World("import sys\nprint(42)\nsys.exit(-1)", Outcome.RUNTIME_ERROR),
    "sys.exit(text)": World("import sys\nprint(42)\nsys.exit('done')", Outcome.RUNTIME_ERROR),
    "sys.exit(True)": World("import sys\nprint(42)\nsys.exit(True)", Outcome.RUNTIME_ERROR),
    "os._exit(3)": World("import os\nprint(42, flush=True)\nos._exit(3)", Outcome.RUNTIME_ERROR),
    "an exception": World("print(42)\n1 / 0", Outcome.RUNTIME_ERROR),
    "input after the end": World("print(42)\nwhile True:\n    input()", Outcome.RUNTIME_ERROR),
    "KeyboardInterrupt": World("print(42)\nraise KeyboardInterrupt", Outcome.RUNTIME_ERROR),
    "os.abort": World("import os\nprint(42, flush=True)\nos.abort()", Outcome.RUNTIME_ERROR),
    "killed by itself": World(
        "import os\nprint(42, flush=True)\nos.kill(os.getpid(), 9)", Outcome.RUNTIME_ERROR
    ),
    "Python 2": World("print 42", Outcome.COMPILE_ERROR, ""),
    "a byte of another encoding": World("print(42)\n\0", Outcome.COMPILE_ERROR, ""),
    "an unknown module": World("import no_such_module\nprint(42)", Outcome.RUNTIME_ERROR, ""),
}
_DEEP = "def depth(n):\n    return n and 1 + depth(n - 1)\n"
_DEEP_IN_C = (
    "from functools import lru_cache\n@lru_cache(None)\ndef depth(n):\n"
    "    return n and 1 + depth(n - 1)\n"
)
BEING = {
    "main": World("def main():\n    print(42)\nif __name__ == '__main__':\n    main()"),
    "__file__": World("import os\nassert os.path.basename(__file__)\nprint(42)"),
    "its own text": World("print(42 if 'own_text' in open(__file__).read() else 0)  # own_text"),
    "its folder": World(
        "import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\nprint(42)"
    ),
    "argv": World("import sys\nassert len(sys.argv) == 1 and sys.argv[0]\nprint(42)"),
    "no file of a local test": World(
        "import os, sys\nif os.path.exists('input.txt'):\n    sys.stdin = open('input.txt')\n"
        "print(42)"
    ),
    "__main__ as a module": World("import __main__\nx = 42\nprint(__main__.x)"),
    "its docstring": World('"""42"""\nprint(__doc__)'),
    "annotations": World("x: int = 42\nprint(x if __annotations__ else 0)"),
    "names of a script": World("print(42 if __spec__ is None and __builtins__ else 0)"),
    "classes that are pickled": World(
        "import pickle\nclass P:\n    x = 42\nprint(pickle.loads(pickle.dumps(P())).x)"
    ),
    "deep recursion": World(f"import sys\nsys.setrecursionlimit(10**6)\n{_DEEP}print(depth(42))"),
    "deep recursion, 50,000": World(
        f"import sys\nsys.setrecursionlimit(10**6)\n{_DEEP}print(depth(50_000) - 49_958)"
    ),
    "recursion without a limit set": World(f"{_DEEP}print(depth(2000))", Outcome.RUNTIME_ERROR, ""),
    "a thread of a large stack": World(
        f"import sys, threading\n{_DEEP_IN_C}sys.setrecursionlimit(10**7)\n"
        "threading.stack_size(2**27)\n"
        "t = threading.Thread(target=lambda: print(depth(60_000) - 59_958))\nt.start()\nt.join()"
    ),
    "the largest stack that is used": World(
        f"import sys, threading\n{_DEEP_IN_C}sys.setrecursionlimit(10**7)\n"
        "threading.stack_size(2**29)\n"
        "t = threading.Thread(target=lambda: print(depth(60_000) - 59_958))\nt.start()\nt.join()"
    ),
    "an unlimited stack": World(
        "import resource\nresource.setrlimit(resource.RLIMIT_STACK, (-1, -1))\nprint(42)"
    ),
    "a stack of 256 MiB": World(
        "import resource\nresource.setrlimit(resource.RLIMIT_STACK, (1 << 28, 1 << 28))\nprint(42)"
    ),
    "a large stack that is used": World(
        f"import resource, sys\n{_DEEP_IN_C}resource.setrlimit(resource.RLIMIT_STACK,"
        "[1 << 27, resource.RLIM_INFINITY])\nsys.setrecursionlimit(10**7)\n"
        "print(depth(60_000) - 59_958)"
    ),
    "long numbers": World(
        "import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(10**5000)) - 4959)"
    ),
    "CRLF in the program": World("x = '''4\r\n2'''\r\nprint(len(x) + 39)\r\n"),
    "a byte-order mark": World("\ufeffprint(42)"),
    "tabs and a coding line": World("# -*- coding: utf-8 -*-\nif 1:\n\tprint(42)"),
}


def _run(sandbox: Sandbox, world: World, given: str = LINES) -> None:
    report = pipe(sandbox, world.code, given, cpu_limit_s=2)
    assert report.outcome is world.outcome, report.failure
    assert report.answer_texts == (world.answer,)


@pytest.mark.docker
@pytest.mark.parametrize("how", READING)
def test_a_program_may_read_as_it_likes(sandbox: Sandbox, how: str) -> None:
    _run(sandbox, World(READING[how] + SUM))


@pytest.mark.docker
@pytest.mark.parametrize("how", WRITING)
def test_a_program_may_write_as_it_likes(sandbox: Sandbox, how: str) -> None:
    _run(sandbox, WRITING[how], LINES + "1\n" * 400_000 if "much" in how else LINES)


@pytest.mark.docker
@pytest.mark.parametrize("how", ENDING)
def test_exit_status_and_output_decide(sandbox: Sandbox, how: str) -> None:
    _run(sandbox, ENDING[how])


@pytest.mark.docker
@pytest.mark.parametrize("how", BEING)
def test_a_program_is_a_script(sandbox: Sandbox, how: str) -> None:
    _run(sandbox, BEING[how])


ALL = {how: World(code + SUM) for how, code in READING.items()} | WRITING | ENDING | BEING


@pytest.mark.slow
@pytest.mark.parametrize("how", ALL)
def test_python_itself_does_the_same(tmp_path: Path, how: str) -> None:
    """What is expected above is what `python program.py < input > output` does."""
    world = ALL[how]
    if "setrlimit" in world.code and resource.getrlimit(resource.RLIMIT_STACK)[1] != -1:
        pytest.skip("the hard limit of this machine's stack is not unlimited")
    (tmp_path / "program.py").write_bytes(world.code.encode())
    (tmp_path / "input").write_text(LINES)
    with (tmp_path / "input").open() as given:
        done = subprocess.run(
            [sys.executable, "-E", "program.py"],
            cwd=tmp_path,
            stdin=given,
            capture_output=True,
            timeout=20,
            check=False,
        )
    assert (done.returncode == 0) is (world.outcome is Outcome.ACCEPTED), done.stderr
    assert done.stdout.decode() == world.answer
