"""The text of a module of ours that runs in the sandbox, in front of or behind a program."""

from __future__ import annotations

import ast
import functools
import inspect
import types


@functools.cache
def guest_source(module: types.ModuleType) -> str:
    """The source of a guest module, less what costs time to compile and does nothing."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
    return ast.unparse(tree)
