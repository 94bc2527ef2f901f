"""Programs whose true speed ratio is known: copies, rewritten copies, and measured slow-downs.

Copies carry a constant of their own, so that they are not recognised as one program before they
are timed; rewritten copies have other variable names, comments and another order of functions.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence

from skeldpo.languages import python
from skeldpo.records import Example, Problem

_KERNELS = {
    "integers": ("state = 1", "state = (state * 31 + step) % 1000003", "state"),
    "lists": ("state = [0] * 64", "state[step & 63] += step", "sum(state)"),
    "dictionaries": ("state = {}", "state[step & 255] = step", "len(state)"),
    "strings": ("state = 'a'", "state = state[-40:] + 'b'", "len(state)"),
}
KERNELS = tuple(_KERNELS)

_GENERATOR = "def generate_input(size, seed):\n    return [200 * size]\n"


def copies(code: str, count: int) -> list[str]:
    """The program `count` times, not equal as text."""
    return [f"{code.rstrip()}\n\n_COPY = {index}\n" for index in range(count)]


def rewritten(code: str, seed: int) -> str:
    """The same program with other names of variables, comments, and functions in another order."""
    tree = ast.parse(code)
    names = _variables(tree)
    _Renamer({name: f"renamed_{index}_{name}" for index, name in enumerate(sorted(names))}).visit(
        tree
    )
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    shuffled = list(functions)
    random.Random(seed).shuffle(shuffled)
    following = iter(shuffled)
    tree.body = [
        next(following) if isinstance(node, ast.FunctionDef) else node for node in tree.body
    ]
    lines = ast.unparse(tree).splitlines()
    return "\n".join(f"{line}  # line {number}" for number, line in enumerate(lines)) + "\n"


def slowed_problem(kernel: str, index: int) -> Problem:
    """A problem solved by a loop of a given length; its reference takes one unit of time."""
    return Problem(
        problem_id=f"slowed/{kernel}/{index}",
        language=python.NAME,
        source="benchmark",
        split="train",
        difficulty="",
        kind="function",
        statement="A loop.",
        entry_point="work",
        starter_code="",
        tests=(Example(input_text="[0]", expected_text=_expected(kernel)),),
        generators=(_GENERATOR,),
        checker="exact",
        reference=slowed_program(kernel, 1.0),
        solutions=(),
    )


def slowed_program(kernel: str, ratio: float) -> str:
    """A program that takes `ratio` times as long as the reference, and answers the same."""
    start, body, result = _KERNELS[kernel]
    return (
        f"def loop(n):\n    {start}\n    for step in range(n):\n        {body}\n"
        f"    return {result}\n\n\n"
        f"def work(n):\n    loop(int(n * {ratio - 1:.6f}))\n    return loop(n)\n"
    )


def _expected(kernel: str) -> str:
    scope: dict[str, object] = {}
    exec(slowed_program(kernel, 1.0), scope)
    work = scope["work"]
    assert callable(work)
    return str(work(0))


def _variables(tree: ast.AST) -> frozenset[str]:
    """Names assigned in functions and parameters, but for those that anything else could see."""
    found: set[str] = set()
    kept: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            kept.add(node.name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            kept.update(node.names)
        elif isinstance(node, ast.keyword) and node.arg:
            kept.add(node.arg)
        elif isinstance(node, ast.alias):
            kept.add(node.asname or node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            kept.add(node.name)
    return frozenset(found - kept)


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._names.get(node.arg, node.arg)
        return node


def spread(problems: Sequence[Problem], count: int) -> list[tuple[Problem, str]]:
    """`count` (problem, program) from problems of as many sources as there are, in turns."""
    by_source: dict[str, list[tuple[Problem, str]]] = {}
    for problem in problems:
        programs = [(problem, known.code) for known in problem.solutions]
        by_source.setdefault(problem.source, []).extend(programs)
    queues = [list(reversed(rows)) for _, rows in sorted(by_source.items())]
    chosen: list[tuple[Problem, str]] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen
