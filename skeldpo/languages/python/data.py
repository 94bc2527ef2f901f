"""Data that other people wrote as Python: tests, contracts and signatures, read without running.

What a text is not said to be is a ValueError.
"""

from __future__ import annotations

import ast
import keyword
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Assert = ast.Assert
_TYPES: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (set, frozenset, tuple, list, dict, float, complex)
}
_BOUND_KINDS = ("staticmethod", "classmethod")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertedCall:
    """Arguments, in the order of the parameters, and the answer that is expected."""

    arguments: list[Any]
    expected: Any


def parse_asserts(test: str) -> list[Assert]:
    """The asserts of a text, at least one."""
    try:
        tree = ast.parse(test)
    except (SyntaxError, RecursionError) as error:
        raise ValueError(f"test does not parse: {error}") from error
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    if not checks:
        raise ValueError("test: expected asserts, found none")
    return checks


def require_plain_object(test: str, owner: str, kind: str) -> None:
    """ValueError where a test makes the object `owner`, of class `kind`, with arguments, or uses it
    beside the asserts: they are about what it then is."""
    tree = ast.parse(test)
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    asserted = {node for check in checks for node in ast.walk(check)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=given, keywords=named):
                is_plain = name != kind or not (given or named)
            case ast.Name(id=name, ctx=ast.Load()):
                is_plain = name != owner or node in asserted
            case _:
                continue
        if not is_plain:
            raise ValueError(f"a test about a state: line {node.lineno} is no assert")


def asserted_call(check: Assert, callee: str, parameters: tuple[str, ...]) -> AssertedCall:
    """What `assert CALLEE(literals) == literal` says."""
    match check.test:
        case ast.Compare(
            left=ast.Call(func=function, args=positional, keywords=named),
            ops=[ast.Eq()],
            comparators=[expected],
        ) if ast.unparse(function) == callee:
            if len(positional) > len(parameters):
                raise ValueError(
                    f"a test with {len(positional)} arguments for parameters {sorted(parameters)}"
                )
            values = dict(zip(parameters, positional, strict=False))
            values |= {each.arg: each.value for each in named if each.arg}
            if set(values) != set(parameters):
                raise ValueError(
                    f"a test with arguments {sorted(values)} for parameters {sorted(parameters)}"
                )
            arguments = [_value(values[name]) for name in parameters]
            return AssertedCall(arguments=arguments, expected=_value(expected))
    raise ValueError(f"a test that is no comparison: {ast.unparse(check.test)[:60]}")


def _value(node: ast.expr) -> object:
    """A literal, which may hold `inf`, `nan` and calls of plain types, such as `set([1])`."""
    try:
        return _evaluated(node)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"an argument or answer that is no plain value: {ast.unparse(node)[:60]}"
        ) from error


def _evaluated(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="math"), attr=name):
            if name in ("inf", "nan"):
                return float(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.List(elts=entries):
            return [*map(_evaluated, entries)]
        case ast.Tuple(elts=entries):
            return (*map(_evaluated, entries),)
        case ast.Set(elts=entries):
            return {*map(_evaluated, entries)}
        case ast.Dict(keys=keys, values=entries) if None not in keys:
            return {
                _evaluated(key): _evaluated(entry)
                for key, entry in zip(keys, entries, strict=True)
                if key is not None
            }
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _TYPES:
            return _TYPES[name](*map(_evaluated, given))
    return ast.literal_eval(node)


def called_method(check: Assert, owner: str) -> str:
    """The method of the object `owner` that an assert calls."""
    for node in ast.walk(check.test):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == owner
            ):
                return method
    raise ValueError(f"test_case: expected calls of {owner}, got {ast.unparse(check)[:60]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodHead:
    """The class with the method's first line, as a program to complete, and the parameters."""

    code: str
    parameters: tuple[str, ...]


def method_head(code: str, owner: str, method: str) -> MethodHead:
    """How a program's class `owner` declares a method."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ClassDef) and node.name == owner:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == method:
                    returned = f" -> {ast.unparse(item.returns)}" if item.returns else ""
                    head = f"    def {method}({ast.unparse(item.args)}){returned}:"
                    kinds = [ast.unparse(kind) for kind in item.decorator_list]
                    is_static = "staticmethod" in kinds
                    marked = "".join(f"    @{kind}\n" for kind in kinds if kind in _BOUND_KINDS)
                    names = _names(item.args)[not is_static :]
                    return MethodHead(code=f"class {owner}:\n{marked}{head}\n", parameters=names)
    raise ValueError(f"canonical_solution has no method {owner}.{method}")


def stub_parameters(starter_code: str, name: str) -> tuple[str, ...]:
    """Names of the parameters of a method that code leaves open at its end, without self."""
    try:
        tree = ast.parse(f"{starter_code.rstrip()}\n        pass\n")
    except SyntaxError as error:
        raise ValueError(f"query: the code to complete does not parse: {error}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return tuple(name for name in _names(node.args) if name != "self")
    raise ValueError(f"query: the code to complete has no function {name!r}")


def parameters_of(code: str, entry_point: str) -> list[str]:
    """Names of the parameters of a function of a program."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            return [*_names(node.args)]
    raise ValueError(f"no function {entry_point} in its own solution")


def _names(arguments: ast.arguments) -> tuple[str, ...]:
    """Of the parameters that can be given by position."""
    return tuple(each.arg for each in (*arguments.posonlyargs, *arguments.args))


def tuple_depths(contract: str, parameters: Sequence[str]) -> list[int]:
    """By parameter: 0 a list stays one, 1 it is a tuple, 2 a list of tuples, 3 a tuple of them.

    Read from `isinstance(x, tuple)` in the contract, for x a parameter or what one holds.
    """
    tree = ast.parse(textwrap.dedent(contract))
    outer, inner = set(), set()
    for node in ast.walk(tree):
        holders = {}
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            holders = {
                part.target.id: part.iter.id
                for part in node.generators
                if isinstance(part.target, ast.Name) and isinstance(part.iter, ast.Name)
            }
        for call in ast.walk(node):
            match call:
                case ast.Call(
                    func=ast.Name(id="isinstance"), args=[ast.Name(id=name), ast.Name(id="tuple")]
                ):
                    if name in holders:
                        inner.add(holders[name])
                    elif name in parameters:
                        outer.add(name)
    return [(name in outer) + 2 * (name in inner) for name in parameters]


def is_name(text: str) -> bool:
    """Whether a function or a parameter can be called so."""
    return text.isidentifier() and not keyword.iskeyword(text)


def has_calls(source: str) -> bool:
    """Whether anything is called in it; SyntaxError if it is no program."""
    return any(isinstance(node, ast.Call) for node in ast.walk(ast.parse(source)))


def mentions(source: str, name: str) -> bool:
    """Whether the name is in it; SyntaxError if it is no program."""
    nodes = ast.walk(ast.parse(source))
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)


def compared_value(source: str) -> str:
    """The expression that `evaluate_offline` compares with `expected`, "" if it does more.

    That of `return X == expected`, and of `if X == expected: return True` with nothing else after
    it than `return False`, is X.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"evaluate_offline is no Python: {error}") from error
    match body:
        case [ast.FunctionDef(name="evaluate_offline", body=[ast.Return(value=test)])]:
            pass
        case [
            ast.FunctionDef(
                name="evaluate_offline",
                body=[
                    ast.If(
                        test=test,
                        body=[ast.Return(value=ast.Constant(value=True))],
                        orelse=otherwise,
                    ),
                    *rest,
                ],
            )
        ] if len(otherwise) + len(rest) <= 1 and all(map(_returns_false, [*otherwise, *rest])):
            pass
        case _:
            return ""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Name(id="expected")]) if (
            not any(isinstance(n, ast.Name) and n.id == "expected" for n in ast.walk(left))
        ):
            return ast.unparse(left)
    return ""


def _returns_false(node: ast.stmt) -> bool:
    match node:
        case ast.Return(value=None | ast.Constant(value=False | None)):
            return True
    return False
