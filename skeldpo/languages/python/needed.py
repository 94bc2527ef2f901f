"""What a function needs of the program around it: the rest is usage. Pure.

Published scores of instruct models are of answers cut down like this (EvalPlus sanitises them), as
lines that show how to call a function raise, print, or take time. Kept is everything that binds or
may change what is kept, and what sets something for the whole process; when in doubt it stays.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from skeldpo.languages.contract import Definition
from skeldpo.languages.python.effects import Changes
from skeldpo.languages.python.statements import Statement, definition, read_statements

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MAKES_NAMES = frozenset({"globals", "exec"})
_SEES_ALL = frozenset({"globals", "vars", "locals", "eval", "exec"})


def needed_code(
    code: str, statements: Sequence[Statement], wanted: frozenset[str], entry_point: str
) -> str:
    """The text of the statements that the names in `wanted` need, as it stands in the program.

    The program's own `code` where all of it is needed, or where it looks names up by their text.
    """
    changes = Changes(statements, entry_point.partition(".")[0])
    kept = _needed(statements, changes, wanted) - _late_stubs(statements, entry_point)
    if len(kept) == len(statements):
        return code
    if _SEES_ALL & frozenset().union(*(statements[index].loaded for index in kept)):
        kept = {
            index
            for index, statement in enumerate(statements)
            if index in kept or not _is_usage(statement)
        }
    lines: list[str | None] = [*code.split("\n")]
    spared = {
        line
        for index in kept
        for line in range(statements[index].first, statements[index].last + 1)
    }
    for index, statement in enumerate(statements):
        if index not in kept:
            for line in range(statement.first, statement.last + 1):
                if line not in spared:
                    lines[line - 1] = None
    shorter = "\n".join(line for line in lines if line is not None).rstrip() + "\n"
    return shorter if read_statements(shorter) is not None else code


def _late_stubs(statements: Sequence[Statement], entry_point: str) -> set[int]:
    """Heads of the entry point, shown or begun once more behind the whole of it, and imports of it
    as tests in a file of their own have them."""
    found: set[int] = set()
    is_whole = False
    for index, statement in enumerate(statements):
        how = definition((statement,), entry_point)
        is_whole = is_whole or how is Definition.WHOLE
        imports_it = how is Definition.IMPORTED and statement.bound == {entry_point.split(".")[0]}
        is_plain = isinstance(statement.node, ast.Import | ast.ImportFrom)
        is_less = how in (Definition.STUB, Definition.PARTIAL)
        if is_whole and (is_less or (imports_it and is_plain)):
            found.add(index)
    return found


def _needed(statements: Sequence[Statement], changes: Changes, wanted: frozenset[str]) -> set[int]:
    changed = [changes.of(statement) for statement in statements]
    stays = [_stays(statement) or changes.is_setting(statement) for statement in statements]
    needed = set(wanted)
    kept: set[int] = set()
    while True:
        found = {
            index
            for index, statement in enumerate(statements)
            if index not in kept
            and not _is_main(statement.node)
            and (changed[index] & needed or stays[index])
        }
        if not found:
            break
        kept |= found
        for index in found:
            needed |= _looked_up(statements[index])
    dropped = [s for index, s in enumerate(statements) if index not in kept]
    of_usage = frozenset().union(*(s.loaded for s in dropped))
    return kept | {
        index
        for index, statement in enumerate(statements)
        if isinstance(statement.node, ast.Import | ast.ImportFrom)
        and not statement.bound & of_usage
    }


def _looked_up(statement: Statement) -> frozenset[str]:
    """Names that it needs from others: a loop sets its own variables."""
    node = statement.node
    added = {
        n.target.id
        for n in ast.walk(node)
        if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
    }
    needed = statement.loaded | (added & statement.bound)  # `symtable` does not call that a look-up
    if isinstance(node, ast.For):
        own = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        return needed - own
    return needed


def _stays(statement: Statement) -> bool:
    """Constants that stand alone, and what binds names that its text does not tell."""
    node = statement.node
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__" or statement.is_star_import
    makes_names = bool(_MAKES_NAMES & statement.loaded) and not isinstance(node, _DEFINITIONS)
    return statement.is_constant or makes_names or isinstance(node, ast.Global | ast.Pass)


def _is_usage(statement: Statement) -> bool:
    return isinstance(statement.node, ast.Assert | ast.Expr) or _is_main(statement.node)


def _is_main(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` of a function problem never runs: its program is a module."""
    match node:
        case ast.If(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), orelse=[]):
            sides = (left, right)
            return any(isinstance(s, ast.Name) and s.id == "__name__" for s in sides) and any(
                isinstance(s, ast.Constant) and s.value == "__main__" for s in sides
            )
    return False
