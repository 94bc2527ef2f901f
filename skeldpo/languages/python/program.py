"""A text that compiles, as answers ask about it (`skeldpo.languages.contract.Program`). Pure."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

from skeldpo.languages.contract import Definition, NameKind
from skeldpo.languages.python.needed import needed_code
from skeldpo.languages.python.statements import Statement, definition, read_statements

_PROMISED = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__builtins__"}
_NODES: dict[NameKind, tuple[type[ast.stmt], ...]] = {
    "functions": (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    "imports": (ast.Import, ast.ImportFrom),
    "anything": (ast.stmt,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonProgram:
    """A text that compiles, and its top-level statements."""

    code: str
    statements: tuple[Statement, ...]

    @property
    def bound(self) -> frozenset[str]:
        """Names of the module."""
        return frozenset().union(*(s.bound | s.stored_inside for s in self.statements))

    @property
    def free(self) -> frozenset[str]:
        """Names that it looks up and neither binds nor has from Python, or binds only to what it
        makes of them."""
        free = frozenset().union(*(s.loaded for s in self.statements)) - self.bound
        bound: frozenset[str] = frozenset()
        for statement in self.statements:
            free |= statement.rebound - bound
            bound |= statement.bound
        return free - _PROMISED

    @property
    def executed(self) -> str:
        """The text of what runs when it is run as a whole: not of functions that nothing calls."""
        waiting = [
            s
            for s in self.statements
            if isinstance(s.node, _NODES["functions"]) and not getattr(s.node, "decorator_list", [])
        ]
        found = [s for s in self.statements if s not in waiting]
        for statement in found:  # which grows
            found += [s for s in waiting if s.bound & statement.loaded]
            waiting = [s for s in waiting if not s.bound & statement.loaded]
        return "\n".join(statement.text for statement in found)

    def definition(self, entry_point: str) -> Definition:
        """How far it defines a function, or with "Class.method" a method."""
        return definition(self.statements, entry_point)

    def names(self, kind: NameKind) -> frozenset[str]:
        """Names that top-level statements of a kind bind, but stubs; "*" of a star import."""
        nodes = _NODES[kind]
        found = [s for s in self.statements if isinstance(s.node, nodes) and not s.is_stub]
        has_star = any(s.is_star_import for s in found)
        return frozenset({"*"} if has_star else ()).union(*(s.bound for s in found))

    def needed(self, wanted: frozenset[str], entry_point: str = "") -> str:
        """The text of the statements that the names in `wanted` need."""
        return needed_code(self.code, self.statements, wanted, entry_point)


def parsed(code: str) -> PythonProgram | None:
    """The program in a text, or None if it does not compile."""
    statements = read_statements(code)
    return None if statements is None else PythonProgram(code=code, statements=statements)
