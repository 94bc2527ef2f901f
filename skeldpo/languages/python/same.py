"""When two program texts are the same program, so that it is measured once.

`normalize_program` gives a key: equal keys mean programs that answer and cost alike. Layout,
comments and docstrings are dropped and the variables of functions are numbered. Unequal keys mean
nothing: a name that could be seen from outside its function is left as it is.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import types
import warnings

from skeldpo.languages.python.statements import is_of_module

_SEES_NAMES = frozenset(
    {"locals", "globals", "vars", "dir", "eval", "exec", "compile", "__import__", "importlib",
     "inspect", "traceback", "_getframe", "settrace", "setprofile",
     "__dict__", "__code__", "__annotations__", "__qualname__"}
)  # fmt: skip
"""A program that mentions one of these may depend on its own variable names."""
_SEES_DOCSTRINGS = frozenset({"__doc__", "doctest", "getdoc", "help", "inspect", "pydoc"})
_SEES_TEXT = frozenset({"__file__", "f_lineno", "getsource", "linecache", "tb_lineno"})
"""... on its comments and lines as well."""


def normalize_program(code: str) -> str:
    """The key of a program: text to compare, not to run.

    A text that does not parse is its own key, less the blanks around it.
    """
    try:
        tree, from_outside = _read(code)
        if _mentions(tree, _SEES_TEXT):
            return code.strip()
        if not _mentions(tree, _SEES_DOCSTRINGS):
            _drop_docstrings(tree)
        if not _may_see_its_names(tree):
            own = _bound_names(tree) - _fixed_names(tree) - from_outside
            _VariableNumbers(own).visit(tree)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"# not a program\n{code.strip()}"


def own_names(code: str) -> frozenset[str]:
    """The names of a program that it could change without anyone who calls it noticing: variables
    of the module too, which scripts consist of, but not its functions.

    None of a text that does not parse, or of a program that may see its own names.
    """
    try:
        tree, from_outside = _read(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    if _may_see_its_names(tree):
        return frozenset()
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return _bound_names(tree) - functions - _fixed_names(tree, ast.ClassDef) - from_outside


def _read(code: str) -> tuple[ast.Module, frozenset[str]]:
    """The syntax, and the names from outside; a mark of byte order is none of the program."""
    text = code.removeprefix("\ufeff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text), _names_from_outside(text)


class _VariableNumbers(ast.NodeTransformer):
    """Renames variables to $0, $1, ... in order of appearance; no identifier looks like that."""

    def __init__(self, variables: frozenset[str]) -> None:
        self._variables = variables
        self._numbers: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        node.id = self._number(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._number(node.arg)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # noqa: N802
        node.name = self._number(node.name)
        return self.generic_visit(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:  # noqa: N802
        node.names = [self._number(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:  # noqa: N802
        node.name = node.name and self._number(node.name)
        return self.generic_visit(node)

    def _number(self, name: str) -> str:
        if name not in self._variables:
            return name
        return self._numbers.setdefault(name, f"${len(self._numbers)}")


def _mentions(tree: ast.AST, names: frozenset[str]) -> bool:
    """Whether a variable, attribute, import or string of the program is one of `names`."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                mentioned = {name}
            case ast.ImportFrom(module=module, names=aliases):
                mentioned = {module or "", *(alias.name for alias in aliases)}
            case ast.Import(names=aliases):
                mentioned = {alias.name for alias in aliases}
            case _:
                continue
        if mentioned & names:
            return True
    return False


def _may_see_its_names(tree: ast.AST) -> bool:
    """Also true where a star import, a `**` argument or `.__name__` could carry names."""
    return _mentions(tree, _SEES_NAMES | {"*"}) or any(
        (isinstance(node, ast.keyword) and node.arg is None)
        or (isinstance(node, ast.Attribute) and node.attr == "__name__")
        for node in ast.walk(tree)
    )


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest or [ast.Pass()]


def _bound_names(tree: ast.AST) -> frozenset[str]:
    """Variables, parameters, functions and caught exceptions, wherever they are bound."""
    bound = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.FunctionDef(name=name)
                | ast.ExceptHandler(name=str(name))
            ):
                bound.add(name)
    return frozenset(bound)


def _names_from_outside(code: str) -> frozenset[str]:
    """Names that the module is asked for and does not bind, which a problem's preamble may: `inf`
    of one function is no variable because another has a variable of that name."""
    module = symtable.symtable(code, "<program>", "exec")
    own = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported()}
    asked = {symbol.get_name() for symbol in module.get_symbols()}
    waiting = list(module.get_children())
    while waiting:
        scope = waiting.pop()
        waiting += scope.get_children()
        asked |= {symbol.get_name() for symbol in scope.get_symbols() if is_of_module(symbol)}
    return frozenset(asked - own)


def _fixed_names(
    tree: ast.AST, scopes: type[ast.AST] | types.UnionType = ast.Module | ast.ClassDef
) -> frozenset[str]:
    """Names that may mean something outside a function.

    They are builtins, names bound in one of the `scopes`, imported, declared global, passed as
    keywords, captured by patterns, and the private ones, which a class would mangle.
    """
    fixed = {name for name in _bound_names(tree) if name.startswith("__")} | set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, scopes):
            fixed |= _names_of_scope(node)
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                fixed |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
            case ast.Global(names=names) | ast.MatchClass(kwd_attrs=names):
                fixed |= set(names)
            case (
                ast.keyword(arg=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
                | ast.ClassDef(name=name)
                | ast.AsyncFunctionDef(name=name)
            ):
                fixed.add(name)
    return frozenset(fixed)


def _names_of_scope(scope: ast.AST) -> set[str]:
    """Names bound in a module or class, outside its functions."""
    names = set()
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ExceptHandler):
            names.add(node.name or "")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        for field, value in ast.iter_fields(node):
            if field == "body" and isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
            ):
                continue
            values = value if isinstance(value, list) else [value]
            waiting += [child for child in values if isinstance(child, ast.AST)]
    return names
