"""The statements of a program, the names they bind and look up, what they define. Pure."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from skeldpo.languages.contract import Definition

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While)
_ELISION = re.compile(r"^[ \t]*#[ \t]*(?:\.\.\.|\u2026)", re.M)
_FAILURES = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A top-level statement: its lines, counted from 1, and the names of the module that it binds
    and that it, or what it defines, looks up; `stored_inside` are those its functions rebind, and
    `rebound` those that it binds to what it makes of them."""

    node: ast.stmt
    text: str
    first: int
    last: int
    bound: frozenset[str]
    loaded: frozenset[str]
    stored_inside: frozenset[str]
    rebound: frozenset[str]

    @property
    def is_stub(self) -> bool:
        """Whether it is a function with nothing in its body."""
        return isinstance(self.node, FUNCTIONS) and _is_stub(self.node.body)

    @property
    def is_star_import(self) -> bool:
        """Whether it binds names that its text does not tell."""
        node = self.node
        return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)

    @property
    def is_constant(self) -> bool:
        """Whether it is a docstring, or another constant that stands alone."""
        return isinstance(self.node, ast.Expr) and isinstance(self.node.value, ast.Constant)


def read_statements(code: str) -> tuple[Statement, ...] | None:
    """The top-level statements of a text, or None if it does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<answer>", "exec", dont_inherit=True)
            return tuple(_statements(code, ast.parse(code)))
    except _FAILURES:
        return None


def definition(statements: Iterable[Statement], entry_point: str) -> Definition:
    """How far statements define a function, or with "Class.method" a method."""
    owner, _, method = entry_point.rpartition(".")
    found = Definition.NONE
    for statement in statements:
        if (owner or method) in statement.bound:
            for node in flat([statement.node]):
                how = _method(node, owner, method) if owner else _function(node, method)
                is_partial = how is Definition.WHOLE and _ELISION.search(statement.text)
                found = max(found, Definition.PARTIAL if is_partial else how)
    return found


def flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those inside `if`, `try` and the like."""
    waiting = list(body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, BLOCKS):
            for name in ("body", "orelse", "finalbody"):
                waiting += getattr(node, name, [])
            for handler in getattr(node, "handlers", ()):
                waiting += handler.body


def _statements(code: str, module: ast.Module) -> Iterator[Statement]:
    lines = code.split("\n")
    spans = []
    for node in module.body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        spans.append((first, node.end_lineno or node.lineno))
    for index, (node, (first, last)) in enumerate(zip(module.body, spans, strict=True)):
        shares = (index and spans[index - 1][1] >= first) or (
            index + 1 < len(spans) and spans[index + 1][0] <= last
        )
        text = ast.unparse(node) if shares else "\n".join(lines[first - 1 : last])
        table = symtable.symtable(text, "<answer>", "exec")
        bound, loaded, inside, rebound = set(), set(), set(), _added(node)
        for symbol in table.get_symbols():
            if symbol.is_assigned() or symbol.is_imported():
                bound.add(symbol.get_name())
            if symbol.is_referenced():
                loaded.add(symbol.get_name())
        if isinstance(node, ast.Assign | ast.AnnAssign):
            rebound |= bound & loaded
        waiting = list(table.get_children())
        while waiting:
            scope = waiting.pop()
            waiting += scope.get_children()
            for symbol in scope.get_symbols():
                if is_of_module(symbol):
                    loaded.add(symbol.get_name())
                    if symbol.is_assigned() or symbol.is_imported():
                        inside.add(symbol.get_name())
        yield Statement(
            node=node, text=text, first=first, last=last, bound=frozenset(bound),
            loaded=frozenset(loaded), stored_inside=frozenset(inside), rebound=frozenset(rebound),
        )  # fmt: skip


def is_of_module(symbol: symtable.Symbol) -> bool:
    """Whether a function's name is one of the module: to `symbol.is_global` alone the locals of any
    function called "top" are."""
    return symbol.is_declared_global() or (symbol.is_global() and not symbol.is_local())


def _added(node: ast.stmt) -> set[str]:
    """Names that a statement adds to (`x += 1`), and does nothing else with first."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return set()
    added = [n.target for n in ast.walk(node) if isinstance(n, ast.AugAssign)]
    others = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n not in added]
    stored = {n.id for n in others if isinstance(n.ctx, ast.Store)}
    return {n.id for n in added if isinstance(n, ast.Name)} - stored


def _function(node: ast.stmt, name: str) -> Definition:
    match node:
        case ast.FunctionDef(name=found, body=body) | ast.AsyncFunctionDef(name=found, body=body):
            if found != name:
                return Definition.NONE
            filled = [node for node in body if not _is_empty_return(node)]
            if _is_stub(filled):
                return Definition.STUB
            return Definition.PARTIAL if any(map(_is_ellipsis, filled)) else Definition.WHOLE
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
            return Definition.IMPORTED if name in names else Definition.NONE
        case ast.Assign(targets=targets, value=value):
            places: list[ast.expr] = targets
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            places = [target]
        case ast.ClassDef(name=found):
            return Definition.WHOLE if found == name else Definition.NONE
        case _:
            return Definition.NONE
    stored = {n.id for place in places for n in ast.walk(place) if isinstance(n, ast.Name)}
    # `f = timed(f)` is not what defines f
    used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    return Definition.WHOLE if name in stored - used else Definition.NONE


def _method(node: ast.stmt, owner: str, method: str) -> Definition:
    if not isinstance(node, ast.ClassDef):
        return _function(node, owner)
    if node.name != owner:
        return Definition.NONE
    found = max((_function(item, method) for item in flat(node.body)), default=Definition.NONE)
    return Definition.WHOLE if not found and node.bases else found


def _is_empty_return(node: ast.stmt) -> bool:
    """Whether it returns None: who is asked for a function is asked for an answer, while a helper
    may do nothing."""
    match node:
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
    return False


def _is_ellipsis(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
    return False


def _is_stub(body: list[ast.stmt]) -> bool:
    for node in body:
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
                continue
            case ast.Raise(exc=ast.Name(id="NotImplementedError")):
                continue
        return False
    return True
