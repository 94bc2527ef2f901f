"""Names that may share an object: what is done to one of them is done to the other. Pure.

`row` of `for row in table`, `node` of `node = node.setdefault(letter, {})`, `add` of
`add = primes.append`. Errs on the side of too much, and looks at names only: scopes do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

Sources = Mapping[str, Iterable[str]]
"""Name -> the names of what it was bound to, or to a part of."""
_MAKES_NEW = frozenset(
    {"len", "sum", "str", "repr", "int", "float", "bool", "range", "abs", "round", "hash", "id",
     "any", "all", "isinstance", "issubclass", "type", "ord", "chr", "divmod", "pow", "open",
     "input", "print", "super"}
)  # fmt: skip
"""Builtins whose value has nothing of their arguments in it."""
_MAKES_VALUES = _MAKES_NEW - {"range", "type", "open", "super", "print"}
"""... whose value nothing can change."""
_NO_OBJECTS = (ast.Compare, ast.UnaryOp, ast.Constant, ast.JoinedStr, ast.Lambda)


def alias_sources(trees: Iterable[ast.AST], entry: str) -> dict[str, set[str]]:
    """Of every name that is bound in the trees, in whatever scope; what `entry` returns is new."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            for targets, value in _bindings(node):
                names = {
                    name.id
                    for target in targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                }
                shared = {*shared_with(value, entry)}
                for target in targets if len(targets) > 1 else ():
                    shared |= {*shared_with(target, entry)}
                for name in names:
                    found.setdefault(name, set()).update(shared - {name})
                    if isinstance(value, ast.Lambda):
                        found.setdefault(f"{name}()", set()).update(shared_with(value.body, entry))
    return found


def returned_names(function: ast.FunctionDef | ast.AsyncFunctionDef, entry: str) -> set[str]:
    """Names whose objects what a function returns may be, or hold; its own, with a dot, for what is
    kept in the defaults of its parameters."""
    defaults = (*function.args.defaults, *function.args.kw_defaults)
    is_kept = any(not isinstance(each, ast.Constant | None) for each in defaults)
    found = {f"{function.name}."} if is_kept else set()
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value:
            found |= {*shared_with(node.value, entry)}
    return with_sources(found, alias_sources([function], entry))


def value_names(trees: Iterable[ast.AST]) -> set[str]:
    """Names that are bound to nothing but numbers, texts and tuples of them, as `MOD = 10**9 + 7`
    and `INF = float("inf")` are: nobody changes them by what has them in it."""
    stored: list[ast.Name] = []
    own: set[ast.AST] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.append(node)
        for targets, value in (
            _bindings(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ()
        ):
            if _is_value(value):
                own.update(name for target in targets for name in ast.walk(target))
    return {name.id for name in stored} - {name.id for name in stored if name not in own}


def _is_value(value: ast.expr) -> bool:
    """Whether an expression gives a number, a text or a tuple of such, whatever its names are."""
    waiting: list[ast.AST] = [value]
    while waiting:
        match waiting.pop():
            case ast.Constant() | ast.JoinedStr() | ast.Attribute(value=ast.Name(id="math")):
                continue
            case ast.Call(func=ast.Name(id=name)) if name in _MAKES_VALUES:
                continue
            case ast.Tuple(elts=parts):
                waiting += parts
            case ast.UnaryOp(operand=part):
                waiting.append(part)
            case ast.BinOp(left=left, right=right):
                waiting += [left, right]
            case _:
                return False
    return True


def with_sources(names: Iterable[str], sources: Sources) -> set[str]:
    """The names and, step by step, what they were bound to."""
    waiting = [*names]
    found = set(waiting)
    while waiting:
        further = set(sources.get(waiting.pop(), ())) - found
        found |= further
        waiting += further
    return found


def _bindings(node: ast.AST) -> Iterator[tuple[list[ast.expr], ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield targets, value
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
            | ast.withitem(context_expr=value, optional_vars=ast.expr() as target)
        ):
            yield [target], value


def shared_with(value: ast.AST, entry: str) -> Iterator[str]:
    """Names whose objects a value may be, or hold, with a dot behind one whose attribute it is and
    `()` behind that of a function that gives it; no recursion, so any depth will do."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        match part:
            case ast.Name(id=name):
                yield name
            case ast.Call(func=ast.Name(id="deepcopy") | ast.Attribute(attr="deepcopy")):
                continue
            case ast.Call(func=ast.Name(id=name), args=given, keywords=named):
                if name not in _MAKES_NEW and name != entry:
                    yield f"{name}()"
                    waiting += [*given, *named]
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                yield f"{name}()"
                is_entry = isinstance(owner, ast.Name) and owner.id == entry
                waiting += [] if is_entry else ast.iter_child_nodes(part)
            case ast.Attribute(value=ast.Name(id=name)):
                yield from (name, f"{name}.")
            case ast.Subscript(value=inner):
                waiting.append(inner)  # the index is no part of it
            case ast.IfExp(body=body, orelse=orelse):
                waiting += [body, orelse]
            case ast.ListComp(elt=each) | ast.SetComp(elt=each) | ast.GeneratorExp(elt=each):
                waiting.append(each)
            case ast.DictComp(value=each):
                waiting.append(each)
            case _ if not isinstance(part, _NO_OBJECTS):
                waiting += ast.iter_child_nodes(part)
