"""Wrong and nearly right programs made of a right one: one small change of its syntax tree each.

Deterministic. A constant is another one, a comparison or an operator turns, a range ends one later,
a condition is negated, a statement is gone, what is returned has another type or order. Some are
equivalent to the program they were made of.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from skeldpo.records import content_id

Edit = Callable[[ast.AST], ast.AST | None]
"""Another node in place of one (None: none), from a copy of the tree that may be changed."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
_RETURNED = ("list", "tuple", "set", "sorted", "float", "str", "bool", "iter")
"""Functions that an answer is put through: another type or order of nearly the same value."""


def mutants(code: str, num_mutants: int) -> list[tuple[str, str]]:
    """At most so many distinct (kind, program), spread over the kinds' first words."""
    tree = ast.parse(code)
    seen = {ast.unparse(tree)}
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for kind, changed in _changes(tree):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            compile(text, "<mutant>", "exec")
        except (SyntaxError, ValueError, RecursionError):
            continue
        if text not in seen:
            seen.add(text)
            by_kind.setdefault(kind.partition(" ")[0], []).append((kind, text))
    turns = sorted(by_kind, key=lambda kind: content_id(code, kind))
    for made in by_kind.values():
        made.sort(key=lambda each: content_id(each[1]))
    found: list[tuple[str, str]] = []
    while len(found) < num_mutants and any(by_kind.values()):
        for kind in turns:
            if by_kind[kind] and len(found) < num_mutants:
                found.append(by_kind[kind].pop())
    return found


def _changes(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Every change at every place, each of a tree of its own."""
    for index, node in enumerate(ast.walk(tree)):
        for kind, edit in _edits(node):
            changed = copy.deepcopy(tree)
            place = list(ast.walk(changed))[index]
            made = edit(place)
            if made is not None:
                _Replaced(place, made).visit(changed)
                yield kind, changed


class _Replaced(ast.NodeTransformer):
    def __init__(self, place: ast.AST, made: ast.AST) -> None:
        self._place = place
        self._made = made

    def visit(self, node: ast.AST) -> ast.AST:
        return self._made if node is self._place else self.generic_visit(node)


def _edits(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    match node:
        case ast.Constant(value=bool()):
            yield "constant", lambda place: ast.Constant(not place.value)  # type: ignore[attr-defined]
        case ast.Constant(value=int() | float()):
            yield "constant", lambda place: ast.Constant(place.value + 1)  # type: ignore[attr-defined]
            yield "constant", lambda place: ast.Constant(place.value - 1)  # type: ignore[attr-defined]
        case ast.Constant(value=str(text)) if text:
            yield "text", lambda place: ast.Constant(f"{place.value} ")  # type: ignore[attr-defined]
        case ast.Compare(ops=[operator, *_]) if type(operator) in _COMPARISONS:
            yield "comparison", _turned_comparison
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield "operator", _turned_operator
        case ast.Call(func=ast.Name(id="range"), args=[_, *_]):
            yield "range", _longer_range
        case ast.If() | ast.While():
            yield "condition", _negated
        case ast.Return(value=ast.expr()):
            for name in _RETURNED:
                yield f"return {name}", _returned_through(name)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.If):
        yield "dropped", lambda place: ast.Pass()


def _turned_comparison(place: ast.AST) -> ast.AST:
    assert isinstance(place, ast.Compare)
    place.ops[0] = _COMPARISONS[type(place.ops[0])]()
    return place


def _turned_operator(place: ast.AST) -> ast.AST:
    assert isinstance(place, ast.BinOp)
    place.op = _OPERATORS[type(place.op)]()
    return place


def _longer_range(place: ast.AST) -> ast.AST:
    assert isinstance(place, ast.Call)
    end = min(1, len(place.args) - 1)
    place.args[end] = ast.BinOp(left=place.args[end], op=ast.Add(), right=ast.Constant(1))
    return place


def _negated(place: ast.AST) -> ast.AST:
    assert isinstance(place, ast.If | ast.While)
    place.test = ast.UnaryOp(op=ast.Not(), operand=place.test)
    return place


def _returned_through(name: str) -> Edit:
    def edit(place: ast.AST) -> ast.AST:
        assert isinstance(place, ast.Return) and place.value is not None
        place.value = ast.Call(func=ast.Name(id=name), args=[place.value], keywords=[])
        return place

    return edit
